package profile_test

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"spafleet/device/profile"
)

func TestExportIsInTheDevicesForm(t *testing.T) {
	got := string(profile.Export("flat-profile", []profile.Element{
		{"System/System_Configuration", "Syslog_Server", "log.example"},
		{"Line_1/Dial_Plan", "Dial_Plan_1_", "(<:a&b>) "},
		{"Info/Line_1_Status", "Message_Waiting", ""},
	}))
	const want = `<flat-profile>
<Syslog_Server group="System/System_Configuration">log.example</Syslog_Server>
<Dial_Plan_1_ group="Line_1/Dial_Plan">(&lt;:a&amp;b&gt;)&#32;</Dial_Plan_1_>
<Message_Waiting group="Info/Line_1_Status"/>
</flat-profile>
`
	if got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

func TestSamplesReadBackWithEveryValue(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := profile.Param{Name: "A", Value: rapid.String().Draw(t, "value"), Has: true, Access: profile.ReadOnly}
		s := profile.Sample{Width: 32, Attributes: rapid.Bool().Draw(t, "attributes")}
		text := "<flat-profile>" + string(new(profile.Nest).Append(nil, p, s)) + "</flat-profile>"
		file, err := profile.Scan(text, profile.Options{})
		p.Offset = uint32(strings.Index(text, "<A"))
		if err != nil || len(file.Params) != 1 || file.Params[0] != p {
			t.Fatalf("%s reads %+v, %v", text, file.Params, err)
		}
	})
}

func TestSampleColumnIsPadded(t *testing.T) {
	p := profile.Param{Name: "GPP_A", Value: `"x"`, Access: profile.NoAccess}
	for s, want := range map[profile.Sample]string{
		{}:                           `  <GPP_A ua="na">"x"</GPP_A>`,
		{Width: 8}:                   `  <GPP_A    ua="na">"x"</GPP_A>`,
		{Width: 3, Attributes: true}: `  <GPP_A ua="na" value="&quot;x&quot;"/>`,
	} {
		if got := string(new(profile.Nest).Append(nil, p, s)); got != want {
			t.Errorf("%+v: got %s, want %s", s, got, strings.TrimSpace(want))
		}
	}
}
