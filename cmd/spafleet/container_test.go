package main

import (
	"testing"

	"spafleet/scenarios/forecast"
)

func TestThePlanNamesTheContainersLimits(t *testing.T) {
	for want, f := range map[string]forecast.Forecast{
		"":                                     {},
		"at most 512 MB of memory":             {Memory: forecast.Memory{Container: 512 << 20}},
		"at most 0.5 cores":                    {CPU: forecast.CPU{Limit: .5}},
		"at most 1.0 GB of memory and 2 cores": {Memory: forecast.Memory{Container: 1 << 30}, CPU: forecast.CPU{Limit: 2}},
	} {
		if got := containerText(&f); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
