package run_test

import (
	"testing"
	"time"

	"spafleet/fleet"
	"spafleet/scenarios"
	"spafleet/scenarios/report"
	"spafleet/scenarios/run"
	"spafleet/scenarios/scenariotest"
)

// A view asks how far it is, while it goes on and when it is decided.
func TestALiveRunSaysHowFarItIs(t *testing.T) {
	const src = "duration: 2d\n" + phones + `
expect:
  - {name: all are synced, all: synced, by: 1h}
  - {name: at the end, at_least: 50%, where: resyncs.ok > 0, at: end}
  - {never: event.kind == "power_on"}
`
	var live *run.Live
	var early, late []run.Expected
	var passed, whole time.Duration
	scenario := scenariotest.Parse(t, src)
	scenario.Clock = scenarios.Clock{Mode: fleet.Virtual}
	r := scenariotest.Start(t, scenario, run.Options{
		Started: func(l *run.Live) { live, early = l, l.Expected() },
		Decided: func(*report.Report) { late = live.Expected(); passed, whole = live.Passed() },
	})
	if passed != 48*time.Hour || whole != 48*time.Hour {
		t.Errorf("%s of %s have passed", passed, whole)
	}
	if len(early) != 3 || len(late) != 3 {
		t.Fatalf("%+v, then %+v", early, late)
	}
	if e := early[0]; e.Decided || e.Devices != 6 || e.By != time.Hour || e.Name != "all are synced" {
		t.Errorf("at the start: %+v", e)
	}
	for i, e := range late {
		if want := r.Expect[i]; !e.Decided || e.OK != want.OK || e.Held != want.Held || e.Name != want.Name {
			t.Errorf("at the end: %+v, and the report has %+v", e, want)
		}
	}
}
