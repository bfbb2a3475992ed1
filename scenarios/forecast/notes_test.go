package forecast_test

import (
	"crypto/x509"
	"strings"
	"testing"

	"spafleet/certs"
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
