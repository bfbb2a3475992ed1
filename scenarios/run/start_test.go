package run_test

import (
	"strings"
	"testing"

	"spafleet/scenarios/report"
	"spafleet/scenarios/run"
	"spafleet/scenarios/scenariotest"
)

// clocks are heads of a scenario, by the name of its clock.
var clocks = map[string]string{
	"real":    phones,
	"mixed":   strings.Replace(phones, "clock: real", "clock: mixed", 1),
	"virtual": strings.Replace(phones, "clock: real", "clock: virtual", 1),
}

// At Started devices are up and the server listens; at Listening none has power.
func TestARunHasStartedOnceItsDevicesHavePower(t *testing.T) {
	for clock, head := range clocks {
		t.Run(clock, func(t *testing.T) {
			t.Parallel()
			var called []string
			up := func(l *run.Live) (n int) {
				for i := range l.Fleet.Len() {
					if v, _ := l.Fleet.View(l.Fleet.Shard().At(i)); v.Powered && !v.Booting {
						n++
					}
				}
				return n
			}
			l := &events{}
			r, err := run.Run(t.Context(), scenariotest.Parse(t, head+"expect:\n  - {all: synced, by: 5s}\n"), run.Options{
				Tell: l.Tell,
				Listening: func(live *run.Live) {
					called = append(called, "listening")
					if up(live) != 0 || len(l.All()) != 0 {
						t.Errorf("%d devices are up when the run listens: %v", up(live), l.All())
					}
				},
				Started: func(live *run.Live) {
					called = append(called, "started")
					if up(live) != 6 {
						t.Errorf("%d of 6 devices are up when the run has started", up(live))
					}
				},
			})
			if err != nil {
				t.Fatal(err)
			}
			scenariotest.WantVerdict(t, r, report.Passed)
			if got := strings.Join(called, " "); got != "listening started" {
				t.Errorf("called: %s", got)
			}
		})
	}
}

// Four of six devices are off when all are told to resync, and the last one still
// is when it is told to report.
func TestCommandsToDevicesWithoutPowerAreCounted(t *testing.T) {
	const steps = `
timeline:
  - {at: 1s, power_off: all where index < 4}
  - {at: 1200ms, resync: all}
  - {at: 1400ms, power_on: all where index < 3}
  - {at: 1600ms, report: all where index == 3}
  - {at: 1800ms, off_hook: all where index == 3, for: 100ms}
expect:
  - {all: index >= 0, at: 2s, from: start}
`
	for clock, head := range clocks {
		t.Run(clock, func(t *testing.T) {
			t.Parallel()
			r, _ := act(t, head+steps)
			scenariotest.WantVerdict(t, r, report.Passed)
			if r.Unheard != 7 {
				t.Errorf("%d commands were not heard", r.Unheard)
			}
			var text strings.Builder
			if r.WriteText(&text); !strings.Contains(text.String(), "\n7 commands reached devices without power\n") {
				t.Error(text.String())
			}
		})
	}
	t.Run("shards", func(t *testing.T) {
		t.Parallel()
		if r, _ := actShards(t, clocks["virtual"]+steps, 4); r.Unheard != 7 {
			t.Errorf("%d commands were not heard by all shards", r.Unheard)
		}
	})
}
