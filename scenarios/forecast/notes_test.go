package forecast_test

import (
	"crypto/x509"
	"strings"
	"testing"

	"spafleet/certs"
	"spafleet/prov"
	"spafleet/scenarios"
	"spafleet/scenarios/forecast"
)

func notesOf(t *testing.T, g scenarios.Group, m scenarios.Machine) string {
	t.Helper()
	p, err := scenarios.NewPlan(&scenarios.Scenario{Name: "notes", Seed: 1, Duration: 1, Fleet: []scenarios.Group{g}})
	if err != nil {
		t.Fatal(err)
	}
	notes, err := forecast.Notes(p, &m)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(notes, "\n")
}

func TestNotesOfAScenario(t *testing.T) {
	rule := func(text string) []scenarios.Preset { return []scenarios.Preset{{Name: "Profile_Rule", Value: text}} }
	public, err := certs.New(1).Authority(certs.Public) // with SHA-256
	if err != nil {
		t.Fatal(err)
	}
	trusting := scenarios.Machine{Trust: []*x509.Certificate{public.Cert}}
	tests := []struct {
		group   scenarios.Group
		machine scenarios.Machine
		want    string // "": none
	}{
		{scenarios.Group{Model: "SPA942", Count: 2, Set: rule("http://h/$MA.xml")}, scenarios.Machine{}, ""},
		{scenarios.Group{Model: "SPA504G", Firmware: "7.6.3", Count: 2, Set: rule("http://h/$MA.xml")}, scenarios.Machine{}, "SPA504G 7.6.3 is a firmware that no source names; it is taken to behave like 7.6.2g (inferred)"},
		{scenarios.Group{Model: "SPA504G", Count: 2, Switches: map[string]string{"evidence": "field"}}, scenarios.Machine{}, "evidence=field: the behaviour of g rests on"},
		{scenarios.Group{Model: "SPA504G", Count: 2, NoLease: true}, scenarios.Machine{}, "SPA504G 7.6.2g of g have no server when they start: no option 66, and no rule with a host. They send nothing until a page or a key names one (inferred); real ones also ask TFTP for SEP"},
		{scenarios.Group{Model: "SPA2102", Count: 2, NoLease: true}, scenarios.Machine{}, "a key names one (inferred)"},
		{scenarios.Group{Model: "SPA2102", Count: 2, TFTPServer: "127.0.0.1"}, scenarios.Machine{}, ""},
		{scenarios.Group{Model: "SPA942", Count: 2, Set: rule("http://h/$MAUX.xml")}, scenarios.Machine{}, "Profile_Rule of SPA942 6.1.5(a): $MAUX is no macro"},
		{scenarios.Group{Model: "SPA942", Count: 2, Set: rule("https://h/$MA.xml")}, trusting, `SPA942 6.1.5(a) cannot read the authority "TEST Public Root CA": its signature is SHA256-RSA (inferred)`},
		{scenarios.Group{Model: "SPA504G", Firmware: "7.6.2f", Count: 2, Set: rule("https://h/$MA.xml")}, trusting, ""},
		{scenarios.Group{Model: "SPA2102", Count: 500, Set: rule("https://h/$MA.xml"), Switches: map[string]string{"defect_share": "100"}}, scenarios.Machine{}, "have a defective certificate (documented"},
		{scenarios.Group{Model: "SPA2102", Count: 500, Set: rule("https://h/$MA.xml"), Switches: map[string]string{"defect_share": "0"}}, scenarios.Machine{}, ""},
	}
	for _, tt := range tests {
		tt.group.Name = "g"
		if got := notesOf(t, tt.group, tt.machine); !strings.Contains(got, tt.want) || tt.want == "" && got != "" {
			t.Errorf("%s %v: %q, want %q", tt.group.Model, tt.group.Set, got, tt.want)
		}
	}
}

// A plan foresees which phones will reboot for an image that the built-in server lacks,
// whether they are preset to ask for it or their first file tells them.
func TestMissingImagesAreForeseen(t *testing.T) {
	const file = `<flat-profile><Upgrade_Rule>($SWVER lt 5.1.8)? http://${server.http}/a.bin | http://${server.http}/$PSN.bin</Upgrade_Rule></flat-profile>`
	preset := []scenarios.Preset{{Name: "Upgrade_Rule", Value: "http://${server.http}/fw/$PSN.bin"}}
	for _, tt := range []struct {
		name  string
		group scenarios.Group
		files map[string]prov.Entry
		want  string // "": no note
	}{
		{"preset", scenarios.Group{Model: "SPA942", Set: preset}, nil, "SPA942 6.1.5(a) asks the built-in server for /fw/942.bin, which it does not have: these devices reboot and ask again without end (field; switch upgrade_retry=kept changes that)"},
		{"preset, and there", scenarios.Group{Model: "SPA942", Set: preset}, map[string]prov.Entry{"/fw/$PSN.bin": {Body: "x"}}, ""},
		{"by the first file", scenarios.Group{Model: "SPA942"}, map[string]prov.Entry{"/spa$PSN.cfg": {Body: file}}, "asks the built-in server for /942.bin"},
		{"by the first file, and there", scenarios.Group{Model: "SPA942"}, map[string]prov.Entry{"/spa942.cfg": {Body: file}, "/942.bin": {Body: "x"}}, ""},
		{"by another's file", scenarios.Group{Model: "SPA942"}, map[string]prov.Entry{"/spa962.cfg": {Body: file}}, ""},
		{"a model that waits", scenarios.Group{Model: "SPA504G", Set: preset}, nil, ""},
		{"by switch", scenarios.Group{Model: "SPA942", Set: preset, Switches: map[string]string{"upgrade_retry": "kept"}}, nil, ""},
		{"somebody else's server", scenarios.Group{Model: "SPA942", Set: []scenarios.Preset{{Name: "Upgrade_Rule", Value: "http://192.0.2.9/fw.bin"}}}, nil, ""},
		{"a rule that asks for nothing", scenarios.Group{Model: "SPA942", Set: []scenarios.Preset{{Name: "Upgrade_Rule", Value: "($SWVER lt 5.1.8)? http://${server.http}/a.bin"}}}, nil, ""},
	} {
		tt.group.Name, tt.group.Count = "g", 2
		p, err := scenarios.NewPlan(&scenarios.Scenario{Name: "notes", Seed: 1, Duration: 1, Fleet: []scenarios.Group{tt.group}, Server: &scenarios.Server{Files: tt.files}})
		if err != nil {
			t.Fatal(err)
		}
		notes, err := forecast.Notes(p, &scenarios.Machine{})
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(notes, "\n"); !strings.Contains(got, tt.want) || tt.want == "" && got != "" {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}
