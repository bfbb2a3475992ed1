package report_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"spafleet/device"
	"spafleet/scenarios/report"
	"spafleet/scenarios/tally"
)

// What a server's author did wrong with a parameter can be told apart: a model with
// fewer lines, a letter too few, a parameter of another maker.
func TestUnknownParametersHaveAReason(t *testing.T) {
	seen := tally.New([]tally.Make{{Model: "SPA922", Firmware: "6.1.5(a)", Devices: 1}}, func(device.Index) int { return 0 }, device.Shard{})
	seen.Tell([]device.Event{{Kind: device.Applied, File: &device.File{Unknown: []string{"User_ID_7_", "Profil_Rule", "Wholly_Other_Thing_Of_Another_Maker"}, Rejected: []string{"Resync_On_Reset"}, Refused: []string{"maybe"}}}})
	s := report.Summarize(seen.Totals())
	s.Explain()
	want := map[string][2]string{
		"User_ID_7_":                          {"beyond the model's lines or keys", ""},
		"Profil_Rule":                         {"perhaps misspelt", `did you mean "Profile_Rule"?`},
		"Wholly_Other_Thing_Of_Another_Maker": {"not in the SPA942's set, from which this one is derived", ""},
	}
	for _, p := range s.Findings.UnknownParams {
		if got := [2]string{p.Reason, p.Hint}; got != want[p.Name] {
			t.Errorf("%s: %q, want %q", p.Name, got, want[p.Name])
		}
	}
	if r := s.Findings.RejectedParams[0]; r.Value != "maybe" || r.Takes != "Yes or No (documented)" {
		t.Errorf("%+v", r)
	}
	if s.Findings.DerivedSets["SPA922"] == "" {
		t.Errorf("derived sets %v", s.Findings.DerivedSets)
	}
}

// A name that came with later firmware is no misspelling.
func TestAParameterOfLaterFirmwareSaysWhenItCame(t *testing.T) {
	seen := tally.New([]tally.Make{{Model: "SPA504G", Firmware: "7.4.9c", Devices: 1}}, func(device.Index) int { return 0 }, device.Shard{})
	seen.Tell([]device.Event{{Kind: device.Applied, File: &device.File{Unknown: []string{"Auto_Register_When_Failover_1_"}}}})
	s := report.Summarize(seen.Totals())
	s.Explain()
	if p := s.Findings.UnknownParams[0]; p.Reason != "came with 7.6.0; this device runs 7.4.9c (inferred)" {
		t.Errorf("%+v", p)
	}
}

// A file that was taken in part is a finding, though the resync succeeded.
func TestAFileTakenInPartIsAFinding(t *testing.T) {
	seen := tally.New([]tally.Make{{Model: "SPA504G", Firmware: "7.5.5", Devices: 2}}, func(device.Index) int { return 0 }, device.Shard{})
	file := &device.File{What: "profile", Scheme: "http", Rule: 'A', Partly: "up to line 7: </A> where </B> is due"}
	for dev := range device.Index(2) {
		seen.Tell([]device.Event{{Dev: dev, Kind: device.Fetched, File: file}, {Dev: dev, Kind: device.Applied, File: file}, {Dev: dev, Kind: device.ResyncOK, File: file}})
	}
	totals := seen.Totals()
	s := report.Summarize(totals)
	if f := s.Findings.PartialFiles; len(f) != 1 || f[0].Name != file.Partly || f[0].Count != 2 || f[0].Models["SPA504G 7.5.5"] != 2 {
		t.Errorf("%+v", f)
	}
	r := report.Report{Summary: s}
	var b strings.Builder
	r.WriteText(&b)
	if text := b.String(); !strings.Contains(text, "files of which the devices took only a part: 1 part, 2 times\n        2 × up to line 7: </A> where </B> is due\n") {
		t.Errorf("the report says\n%s", text)
	}
	limit, err := report.FailOn("partial-files", "1s")
	if err != nil {
		t.Fatal(err)
	}
	if c := limit.Check(totals, 1); c.OK || c.Value != 2 || !c.Surely {
		t.Errorf("%+v", c)
	}
}

// The JSON has all parameters of any file, up to a bound, and how many more.
func TestTheJSONHasAllParameters(t *testing.T) {
	seen := tally.New([]tally.Make{{Model: "SPA2102", Firmware: "5.2.10", Devices: 1}}, func(device.Index) int { return 0 }, device.Shard{})
	var names []string
	for i := range 2100 {
		names = append(names, "X"+string(rune('A'+i/100))+string(rune('A'+i%100)))
	}
	seen.Tell([]device.Event{{Kind: device.Applied, File: &device.File{Unknown: names}}})
	text, err := json.Marshal(report.Summarize(seen.Totals()))
	if err != nil {
		t.Fatal(err)
	}
	var s report.Summary
	if err := json.Unmarshal(text, &s); err != nil {
		t.Fatal(err)
	}
	slices.Sort(names)
	if n := len(s.Findings.UnknownParams); n != 2000 || s.Findings.UnknownMore != 100 || !slices.Contains(names, s.Findings.UnknownParams[0].Name) {
		t.Errorf("%d names, %d more", n, s.Findings.UnknownMore)
	}
}
