package run_test

import (
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"spafleet/scenarios"
	"spafleet/scenarios/report"
	"spafleet/scenarios/run"
	"spafleet/scenarios/scenariotest"
)

func TestAStrangerIsAnsweredWithoutBeingADeviceOfTheFleet(t *testing.T) {
	scenario := scenariotest.Parse(t, phones+`
    /$MA.txt: '{{ mac }} {{ index }} {{ events("boot") }} {{ last("boot").err }}{{ param("GPP_A") }}{{ len(secret("x")) }} {{ since("1.0") }}'
expect:
  - {all: synced, by: 5s}
`)
	var got string
	_, err := run.Run(t.Context(), scenario, run.Options{Started: func(l *run.Live) {
		resp, err := http.Get("http://" + l.Server.HTTP().String() + "/000e08012345.txt")
		if err != nil {
			t.Error(err)
			return
		}
		defer resp.Body.Close()
		defer http.DefaultClient.CloseIdleConnections()
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Error(err)
		}
		got = string(body)
	}})
	if want := "000e08012345 -1 0 64 false"; err != nil || got != want {
		t.Errorf("%q, %v, want %q", got, err, want)
	}
}

func TestUntilEndsTheRunWhenAllAreThere(t *testing.T) {
	for goal, reached := range map[string]bool{"provisioned": true, "MFG-RESET": true, "SP-CUST": true, "SEC-PRV-2": false} {
		scenario := scenariotest.Parse(t, "duration: 500ms"+phones+"timeline:\n  - name: here\n")
		scenario.Brief = true
		scenario.Expect = append(scenario.Expect, until(t, goal, 0))
		var live *run.Live
		r, err := run.Run(t.Context(), scenario, run.Options{Started: func(l *run.Live) { live = l }})
		if err != nil {
			t.Fatal(err)
		}
		if r.Expect[0].OK != reached || r.DurationSeconds >= .5 || // where it is not reached, nothing is left to happen
			r.Provisioned != 6 || r.Unanswered != 0 {
			t.Errorf("%s: %+v after %gs, %d provisioned, %d never answered", goal, r.Expect, r.DurationSeconds, r.Provisioned, r.Unanswered)
		}
		if !slices.Equal(live.Steps(), []string{"here"}) {
			t.Errorf("steps: %v", live.Steps())
		}
	}
}

func until(t *testing.T, goal string, within time.Duration) scenarios.Expectation {
	t.Helper()
	e, err := scenarios.Until(goal, within)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// What devices have by their presets is no sign of a server.
func TestNothingIsReachedWithoutAServer(t *testing.T) {
	const silent = "fleet:\n  phones: {model: SPA942, count: 3, set: {Resync_Random_Delay: 0, Profile_Rule: 'http://127.0.0.1:1/$MA.xml'}}\nclock: mixed\n"
	for _, goal := range []string{"provisioned", "MFG-RESET", "SP-CUST"} {
		scenario := scenariotest.Parse(t, silent)
		scenario.Expect = append(scenario.Expect, until(t, goal, 5*time.Second))
		scenario.Brief = true
		r := scenariotest.Start(t, scenario, run.Options{})
		scenariotest.WantVerdict(t, r, report.Failed)
		if r.Provisioned != 0 || r.Unanswered != 3 || r.States["SP-CUST"] != 3 {
			t.Errorf("%s: %d provisioned, %d never answered, states %v", goal, r.Provisioned, r.Unanswered, r.States)
		}
	}
}

func TestAGoalIsAStateOrProvisioned(t *testing.T) {
	_, err := scenarios.Until("SEC-PRV2", 0)
	if err == nil || !strings.Contains(err.Error(), `unknown state "SEC-PRV2"`) || !strings.HasSuffix(err.Error(), "or provisioned: one successful resync each") {
		t.Error(err)
	}
}

// Where no timer is due before the deadline and nothing is under way, the run ends
// and says so.
func TestARunEndsWhenNothingCanDecideItAnyMore(t *testing.T) {
	const refused = "clock: real\nlimits: {lateness: 30s}\nfleet:\n  phones: {model: SPA942, count: 3, set: {Resync_Random_Delay: 0, Profile_Rule: 'http://127.0.0.1:1/$MA.xml', Resync_Error_Retry_Delay: %s}}\n"
	for delay, attempts := range map[string]int64{"3600": 1, "1": 3} { // each; those at 0, 1 and 2 s
		scenario := scenariotest.Parse(t, strings.Replace(refused, "%s", delay, 1))
		scenario.Expect = append(scenario.Expect, until(t, "provisioned", 2500*time.Millisecond))
		r := scenariotest.Start(t, scenario, run.Options{})
		scenariotest.WantVerdict(t, r, report.Failed)
		early := slices.Contains(r.Notes, "ended early: no device had anything left to do before the deadline")
		if !early || r.DurationSeconds >= 2.5 || r.Resyncs.Failed != 3*attempts || r.Unanswered != 3 {
			t.Errorf("retries after %s s: ended after %gs, notes %q", delay, r.DurationSeconds, r.Notes)
		}
	}
}
