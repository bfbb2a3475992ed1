package scenariotest_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"spafleet/scenarios/report"
	"spafleet/scenarios/run"
	"spafleet/scenarios/scenariotest"
)

func TestOutage(t *testing.T) {
	r := scenariotest.Run(t, "testdata/outage.yaml")
	if r.Devices != 10 || r.Resyncs.Failed == 0 {
		t.Errorf("%d devices, resyncs %+v", r.Devices, r.Resyncs)
	}
}

// A recorder is a test that notes what it is told, and never fails itself.
type recorder struct {
	testing.TB
	errors []string
	fatal  bool
}

func (r *recorder) Helper()                  {}
func (r *recorder) Context() context.Context { return context.Background() }
func (r *recorder) Errorf(f string, args ...any) {
	r.errors = append(r.errors, fmt.Sprintf(f, args...))
}
func (r *recorder) Fatal(args ...any) {
	r.errors, r.fatal = append(r.errors, fmt.Sprint(args...)), true
	panic(r)
}

// of runs a test with the recorder.
func (r *recorder) of(test func(testing.TB)) {
	defer func() {
		if v := recover(); v != nil && v != any(r) {
			panic(v)
		}
	}()
	test(r)
}

const failing = `
fleet: {phones: {model: SPA942, count: 2}}
server: {files: {/spa942.cfg: <flat-profile></flat-profile>}}
expect: [{all: param("User_ID_1_") == "1001", by: 5m}]
`

func TestAScenarioThatFailsFailsTheTestWithItsReport(t *testing.T) {
	r := &recorder{}
	r.of(func(t testing.TB) { scenariotest.RunText(t, failing) })
	if len(r.errors) != 1 || r.fatal || !strings.HasPrefix(r.errors[0], "verdict failed, want passed:\n") || !strings.Contains(r.errors[0], "0 of 2 devices") {
		t.Errorf("%q", r.errors)
	}
}

func TestMistakesEndTheTestWithTheirLines(t *testing.T) {
	r := &recorder{}
	r.of(func(t testing.TB) { scenariotest.RunText(t, strings.Replace(failing, "model:", "modle:", 1)) })
	if len(r.errors) != 1 || !r.fatal || !strings.Contains(r.errors[0], `scenario.yaml:2:18: fleet.phones: unknown key "modle"; did you mean "model"?`) {
		t.Errorf("%q", r.errors)
	}
	r = &recorder{}
	r.of(func(t testing.TB) { scenariotest.Run(t, "testdata/none.yaml") })
	if len(r.errors) != 1 || !r.fatal {
		t.Errorf("%q", r.errors)
	}
}

func TestEventsAreKeptInOrder(t *testing.T) {
	var events scenariotest.Events
	r := scenariotest.Start(t, scenariotest.Parse(t, failing), run.Options{Tell: events.Tell})
	scenariotest.WantVerdict(t, r, report.Failed)
	if got := fmt.Sprint(events.Names(1, "power_on", "boot", "resync_ok")); !strings.HasPrefix(got, "[power_on boot resync_ok") {
		t.Error(got)
	}
	if all := events.All(); len(all) < len(events.Names(0))+len(events.Names(1)) {
		t.Errorf("%d events in all", len(all))
	}
}
