package main

import (
	"bytes"
	"io"
	"strings"
	"testing"

	"spafleet/device/model"
	"spafleet/scenarios"
	"spafleet/scenarios/report"
	"spafleet/scenarios/run"
)

// newVerdict runs what 'scenarios new' writes.
func newVerdict(t *testing.T, text string) *report.Report {
	t.Helper()
	s, err := scenarios.Load("new.yaml", []byte(text))
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	r, err := run.Run(t.Context(), s, run.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// What 'scenarios new' writes passes with devices of every model.
func TestTheScenarioToBeginWithPasses(t *testing.T) {
	var mix []string
	for m := range model.All() {
		mix = append(mix, m.Name)
	}
	text, err := newScenarioText("all models.yaml", &fleetFlags{model: strings.Join(mix, ","), count: 2 * len(mix)})
	if err != nil {
		t.Fatal(err)
	}
	if r := newVerdict(t, string(text)); r.Verdict != report.Passed || r.Devices != 2*len(mix) || r.Name != "all models" {
		var b strings.Builder
		r.WriteText(&b)
		t.Errorf("%d models\n%s", len(mix), b.String())
	}
}

// It fails where its server does wrong: before the power cut, and after it alone.
func TestTheScenarioToBeginWithFails(t *testing.T) {
	text, err := newScenarioText("new.yaml", &fleetFlags{model: "SPA942", count: 2})
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ old, with, wrong string }{
		{"{{ 1000 + index }}", "1000", "every device has its account"},
		{"\nexpect:", "  - {at: blackout + 10s, fault: {match: http, status: 404}}\n\nexpect:", "every device is back"},
	} {
		r := newVerdict(t, strings.Replace(string(text), tt.old, tt.with, 1))
		for _, e := range r.Expect {
			if e.OK == (e.Name == tt.wrong) {
				t.Errorf("with %s: %s: %t", tt.with, e.Name, e.OK)
			}
		}
	}
}

// Tables of scenarios fit a terminal of 80 columns, and nothing is cut.
func TestScenarioTablesFitATerminal(t *testing.T) {
	for _, flag := range []string{"", "--bugs"} {
		var out bytes.Buffer
		args := strings.Fields("scenarios list " + flag)
		if code := execute(t.Context(), args, streams{strings.NewReader(""), &out, io.Discard}); code != exitOK {
			t.Fatalf("exit code %d", code)
		}
		for line := range strings.Lines(out.String()) {
			if n := len([]rune(strings.TrimSuffix(line, "\n"))); n > 80 {
				t.Errorf("%d columns: %s", n, line)
			}
		}
	}
	for _, name := range scenarios.BugNames() {
		s, err := scenarios.Builtin(name)
		if err != nil {
			t.Fatal(err)
		}
		if lines := wrapHard(s.Bug.Shows, 20); strings.Join(strings.Fields(strings.Join(lines, "")), "") != strings.Join(strings.Fields(s.Bug.Shows), "") {
			t.Errorf("%s: %q", name, lines)
		}
	}
}
