package run_test

import (
	"io"
	"net/http"
	"slices"
	"testing"

	"spafleet/scenarios"
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

func TestUntilStateEndsTheRunWhenAllAreThere(t *testing.T) {
	for _, states := range [][]string{{"SP-CUST", "SEC-PRV-1"}, {"SEC-PRV-2"}} {
		scenario := scenariotest.Parse(t, "duration: 500ms"+phones+"timeline:\n  - name: here\n")
		scenario.Brief = true
		scenario.Expect = append(scenario.Expect, scenarios.UntilState(states, 0))
		var live *run.Live
		r, err := run.Run(t.Context(), scenario, run.Options{Started: func(l *run.Live) { live = l }})
		if err != nil {
			t.Fatal(err)
		}
		if reached := states[0] == "SP-CUST"; r.Expect[0].OK != reached || (r.DurationSeconds < .5) != reached {
			t.Errorf("%v: %+v after %gs", states, r.Expect, r.DurationSeconds)
		}
		if !slices.Equal(live.Steps(), []string{"here"}) {
			t.Errorf("steps: %v", live.Steps())
		}
	}
}
