package scenarios_test

import (
	"encoding/json"
	"strings"
	"testing"

	"spafleet/scenarios"
	"spafleet/scenarios/report"
	"spafleet/scenarios/tally"
)

// A secret may be in any text of a report.
func TestNoTextOfAReportKeepsWhatIsHidden(t *testing.T) {
	const secret = "sesame"
	r := &report.Report{Name: secret, Notes: []string{"a " + secret, "b"}, Seed: 7}
	r.States = map[string]int{secret: 3}
	r.Findings.Errors = []tally.Failure{{Err: secret}}
	r.Findings.UnknownParams = []report.Named{{Name: secret, Models: map[string]int{"SPA942 " + secret: 1}}}
	r.Source.Params = map[string]report.Setting{"password": {Value: secret, From: "flag"}}
	r.Shard = &report.Shard{Run: secret}
	r.Expect = []report.ExpectationReport{{First: []report.Failing{{Why: secret}}}}
	s, err := scenarios.File{Name: "a.yaml", Text: []byte("params: {p: {secret: true}}\nfleet: {a: {model: SPA942, set: {GPP_A: \"${p}\"}}}\nduration: 1s\n"), With: change(t, "params.p="+secret)}.Load()
	if err != nil {
		t.Fatal(err)
	}
	s.Hide(r)
	text, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(text), secret) || strings.Count(string(text), "***") < 9 {
		t.Errorf("%s", text)
	}
	if r.States["***"] != 3 || r.Seed != 7 || r.Notes[1] != "b" {
		t.Errorf("%+v", r)
	}
}

// A value that a later one replaces was a secret too.
func TestAReplacedSecretIsHidden(t *testing.T) {
	s, err := scenarios.File{Name: "a.yaml", Text: []byte("params: {p: {secret: true}, q: {default: x}}\nfleet: {a: {model: SPA942, set: {GPP_A: \"${p} ${q}\"}}}\nduration: 1s\n"),
		With: change(t, "params.p=sesame", "params.p=barley", "params.q=plain", "params.q=other")}.Load()
	if err != nil {
		t.Fatal(err)
	}
	if got := s.Redact("sesame barley plain other"); got != "*** *** plain other" {
		t.Error(got)
	}
}
