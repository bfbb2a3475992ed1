package profile_test

import (
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"

	"spafleet/device/profile"
)

func writeXML(t testing.TB, params []profile.Param) string {
	t.Helper()
	var b strings.Builder
	if err := profile.WriteXML(&b, params); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestWriteXML(t *testing.T) {
	got := writeXML(t, []profile.Param{
		{Name: "GPP_A", Value: "a<b>&\"'", Has: true},
		{Name: "GPP_B", Value: " x\ny\t", Has: true, Access: profile.ReadOnly},
		{Name: "GPP_C", Has: true},
		{Name: "GPP_D", Access: profile.NoAccess},
	})
	want := `<flat-profile>
  <GPP_A>a&lt;b&gt;&amp;"'</GPP_A>
  <GPP_B ua="ro">&#32;x&#10;y&#9;</GPP_B>
  <GPP_C></GPP_C>
  <GPP_D ua="na"/>
</flat-profile>
`
	if got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

func TestWriteXMLRefusesNamesThatAreNoElement(t *testing.T) {
	for _, name := range []string{"", "Dial Plan", "1A", "A<", "flat-profile", "é"} {
		var b strings.Builder
		err := profile.WriteXML(&b, []profile.Param{{Name: "A"}, {Name: name}})
		if err == nil || b.Len() > 0 {
			t.Errorf("%q: got %v and %q, want an error and nothing written", name, err, b.String())
		}
	}
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, io.ErrShortWrite }

func TestWriteXMLReportsTheWriter(t *testing.T) {
	if err := profile.WriteXML(full{}, nil); !errors.Is(err, io.ErrShortWrite) {
		t.Errorf("got %v", err)
	}
}

func TestXMLNameReplacesEverySignByOneUnderscore(t *testing.T) {
	for label, want := range map[string]string{
		"Display Name[1]":           "Display_Name_1_",
		"Set Local Date (mm/dd)":    "Set_Local_Date__mm_dd_",
		"SIP Timer Values (sec)":    "SIP_Timer_Values__sec_",
		"Default Ring (1)[2]":       "Default_Ring__1__2_",
		"Primary  DNS":              "Primary__DNS",
		" Static IP Settings":       "_Static_IP_Settings",
		"Auth_Resync-Reboot[1]":     "Auth_Resync-Reboot_1_",
		"SIP_ToS/DiffServ_Value[1]": "SIP_ToS_DiffServ_Value_1_",
		"Speed_Dial_2_1_":           "Speed_Dial_2_1_",
		"Zeit: Stra\u00dfe":         "Zeit__Stra_e",
	} {
		if got := profile.XMLName(label); got != want {
			t.Errorf("%q: got %s, want %s", label, got, want)
		}
	}
}

// parameters reads a well-formed file by encoding/xml: every child of the root.
func parameters(t testing.TB, text string) []profile.Param {
	t.Helper()
	var root struct {
		Items []struct {
			XMLName xml.Name
			Attrs   []xml.Attr `xml:",any,attr"`
			Text    string     `xml:",chardata"`
		} `xml:",any"`
	}
	if err := xml.Unmarshal([]byte(text), &root); err != nil {
		t.Fatal(err)
	}
	var params []profile.Param
	for _, item := range root.Items {
		p := profile.Param{Name: item.XMLName.Local, Value: item.Text, Has: true}
		for _, a := range item.Attrs {
			if a.Name.Local == "ua" {
				p.Access = map[string]profile.Access{"na": profile.NoAccess, "ro": profile.ReadOnly, "rw": profile.ReadWrite}[a.Value]
			}
		}
		params = append(params, p)
	}
	return params
}

func TestScanAgreesWithEncodingXML(t *testing.T) {
	values := []string{"", "a", " a ", "<>&'\"", "a\nb", "\r\n", "\t", "]]>", "é€", "--", "&amp;", "a  b"}
	var params []profile.Param
	for i, v := range values {
		params = append(params, profile.Param{Name: "P" + strings.Repeat("_", i), Value: v, Has: true, Access: profile.Access(i % 4)})
	}
	texts := map[string]string{
		"full.xml":         string(vector(t, "full.xml")),
		"xml.escapes.xml":  strings.ReplaceAll(string(vector(t, "xml.escapes.xml")), "&unknown;", ""),
		"xml.namespace":    string(vector(t, "xml.namespace.xml")),
		"values":           writeXML(t, params),
		"comments between": "<flat-profile><A>x<!-- - -->y<?z?></A>\n<!-- <B>1</B> --></flat-profile>",
	}
	for name, text := range texts {
		got, err := profile.Scan(text, profile.Options{})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		want := parameters(t, text)
		if name == "xml.escapes.xml" {
			want[1].Value = strings.ReplaceAll(want[1].Value, "\n", " ") // the device's own rule
		}
		if show(got.Params) != show(want) {
			t.Errorf("%s: got\n%swant\n%s", name, show(got.Params), show(want))
		}
	}
}
