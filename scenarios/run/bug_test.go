package run_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"spafleet/scenarios"
	"spafleet/scenarios/report"
	"spafleet/scenarios/run"
	"spafleet/scenarios/scenariotest"
)

// A bug that is easily had: the SPA942 finds no file, and the SPA2102 does.
const bug = `
duration: 10m
fleet:
  affected: {model: SPA942, count: 3, set: {Resync_Random_Delay: 0}}
  unaffected: {model: SPA2102, count: 2, set: {Resync_Random_Delay: 0}}
server:
  files:
    /spa2102.cfg: <flat-profile><GPP_A>x</GPP_A></flat-profile>
expect:
  - {of: unaffected, all: param("GPP_A") == "x", by: 5m}
bug:
  source: a report
  evidence: inferred
  symptom: the server says 404
  shows: last("server_log").status == 404 && last("wire").path == "/spa942.cfg"
  cures:
    - how: put the file there
      change: {server: {files: {/spa942.cfg: <flat-profile><GPP_A>x</GPP_A></flat-profile>}}}
    - {how: power the phones off, change: {fleet: {affected: {powered: false}}}}
`

// A bug is shown where all of one side show it, none of the other does, and each cure
// ends it. What is expected holds in every run.
func TestABugIsShownOnItsSideAndCured(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, old, new, verdict string
		affected, unaffected    int
		cures                   []bool
		says                    string
	}{
		{name: "as it is", verdict: report.Passed, affected: 3, cures: []bool{true, true}, says: "✓ it shows on 3 of 3 affected devices"},
		{name: "over sockets", old: "duration: 10m", new: "clock: real\nlimits: {lateness: 30s}\nduration: 1s", verdict: report.Passed, affected: 3, cures: []bool{true, true}},
		{name: "one is not affected", old: "powered: false}}}}", new: "powered: false}}}}\ntimeline: [{power_off: 1 of affected}]", verdict: report.Failed, affected: 2, cures: []bool{true, true}, says: "✗ it shows on 2 of 3 affected devices"},
		{name: "the others show it too", old: "&& last(\"wire\").path == \"/spa942.cfg\"", new: "|| event.kind == \"wire\"", verdict: report.Failed, affected: 3, unaffected: 2, cures: []bool{false, false}, says: "✗ it shows on 2 of 2 others"},
		{name: "a cure that is none", old: "/spa942.cfg: <flat-profile><GPP_A>x</GPP_A></flat-profile>}}}", new: "/spa941.cfg: x}}}", verdict: report.Failed, affected: 3, cures: []bool{false, true}, says: "✗ cured, it shows on 3 of 5 devices: put the file there"},
		{name: "a cure that spoils what is expected", old: "affected: {powered: false}", new: "affected: {powered: false}, unaffected: {powered: false}", verdict: report.Failed, affected: 3, cures: []bool{true, false}, says: `not met with this cure: all param("GPP_A") == "x"`},
		{name: "what is expected does not hold", old: `param("GPP_A") == "x"`, new: `param("GPP_A") == "y"`, verdict: report.Failed, affected: 3, cures: []bool{false, false}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			text := strings.Replace(bug, tt.old, tt.new, 1)
			if text == bug && tt.old != "" {
				t.Fatal("nothing is replaced")
			}
			r := scenariotest.Start(t, scenariotest.Parse(t, text), run.Options{})
			b := r.Bug
			var cured []bool
			for _, c := range b.Cures {
				cured = append(cured, c.OK)
			}
			if r.Verdict != tt.verdict || b.Affected.Showed != tt.affected || b.Unaffected.Showed != tt.unaffected || b.Affected.Devices != 3 || b.Unaffected.Devices != 2 || !slices.Equal(cured, tt.cures) {
				t.Errorf("%s, %+v", r.Verdict, b)
			}
			var words strings.Builder
			if r.WriteText(&words); !strings.Contains(words.String(), tt.says) {
				t.Errorf("it does not say %q:\n%s", tt.says, words.String())
			}
		})
	}
}

// The events are those of the run without a cure, and what is changed from outside is
// changed in the cured runs too.
func TestOnlyTheBugItselfIsLogged(t *testing.T) {
	t.Parallel()
	adjusted := 0
	s, err := scenarios.File{Name: "bug.yaml", Text: []byte(bug), Adjust: func(s *scenarios.Scenario) error {
		adjusted++
		s.Seed = 9
		return nil
	}}.Load()
	if err != nil {
		t.Fatal(err)
	}
	var logs [2]bytes.Buffer
	r := scenariotest.Start(t, s, run.Options{Events: &logs[0]})
	for _, c := range s.Bug.Cures {
		if c.Scenario.Seed != 9 {
			t.Error("a cure has another seed")
		}
	}
	s.Bug.Cures = nil
	scenariotest.Start(t, s, run.Options{Events: &logs[1]})
	if adjusted != 3 || logs[0].String() != logs[1].String() || !strings.Contains(logs[0].String(), `"kind":"server_log"`) {
		t.Errorf("adjusted %d times; log:\n%s", adjusted, logs[0].String())
	}
	if r.Seed != 9 || r.Verdict != report.Passed {
		t.Errorf("%+v", r)
	}
}

// In shards nobody sees the whole of a side.
func TestABugNeedsTheWholeFleet(t *testing.T) {
	o := run.Options{}
	o.Shard.Count = 2
	_, err := run.Run(t.Context(), scenariotest.Parse(t, bug), o)
	if err == nil || !strings.Contains(err.Error(), "a bug is judged where the whole fleet is") {
		t.Errorf("%v", err)
	}
}
