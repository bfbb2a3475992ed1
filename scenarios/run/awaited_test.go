package run_test

import (
	"strings"
	"testing"

	"spafleet/scenarios/report"
	"spafleet/scenarios/run"
	"spafleet/scenarios/scenariotest"
)

// What devices were before a step is no answer to what they are to be after it.
func TestADeadlineOfAStepLooksAtWhatComesAfterIt(t *testing.T) {
	t.Parallel()
	onBothClocks(t, `
fleet:
  phones: {model: SPA942, count: 3, switches: {boot_time: 1s}, set: {Resync_Random_Delay: 0, Resync_Periodic: 0}}
server:
  files:
    /spa942.cfg: <flat-profile><GPP_A>x</GPP_A></flat-profile>
timeline:
  - {name: up, when: {all: synced}, by: 1m}
  - {name: again, at: up + 2s, reboot: all}
  - {name: broken, at: again + 10s, fault: {match: tftp, lose: all}}
  - {name: last, at: broken, reboot: all}
  - {name: cut, at: last + 10s, power_off: all}
duration: 2m
expect:
  - {all: synced, by: again + 9s}
  - {all: synced, by: last + 9s}
  - {all: synced, by: cut + 30s}
  - {at_least: 1, where: synced, by: cut + 30s}
`, func(t *testing.T, r *report.Report) {
		for i, want := range []bool{true, false, false, false} {
			if e := r.Expect[i]; e.OK != want {
				t.Errorf("expectation %d (%s): %t, want %t: held for %d", i, e.Name, e.OK, want, e.Held)
			}
		}
	})
}

// An expectation whose step does not happen says so, in words and for machines.
func TestAnExpectationWhoseStepDoesNotHappenSaysSo(t *testing.T) {
	t.Parallel()
	r := scenariotest.Start(t, scenariotest.Parse(t, `
fleet:
  phones: {model: SPA942, count: 2}
server: {}
timeline:
  - {name: secured, when: {all: state == "SEC-PRV-2"}, by: 5m}
duration: 10m
expect:
  - {never: event.kind == "boot", from: secured}
  - {all: powered, by: secured + 1m}
  - {never: event.kind == "power_off"}
`), run.Options{})
	for i, want := range []string{"step secured, from which it counts, did not happen", "step secured, from which it counts, did not happen", "2 of 2 devices"} {
		if got := r.Expect[i].Measured(); got != want || r.Expect[i].OK != (i == 2) {
			t.Errorf("%s: %q, ok %t", r.Expect[i].Name, got, r.Expect[i].OK)
		}
	}
	var text strings.Builder
	r.WriteText(&text)
	if text := text.String(); !strings.Contains(text, `boot": step secured, from which it counts, did not happen`) {
		t.Error(text)
	}
}
