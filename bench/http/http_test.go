package main

import (
	"testing"

	"spafleet/bench/extproc"
	"spafleet/bench/harness"
)

func TestMain(m *testing.M) { harness.TestMain(m, instrument()) }

func TestEveryClientFetchesInTurns(t *testing.T) {
	extproc.Need(t, "nginx", "nginx-light")
	extproc.Need(t, "taskset", "util-linux")
	extproc.Need(t, "wrk", "wrk")
	var c comparison
	harness.Said(t, instrument(), &c, "--devices 300 --rounds 1 --time 1 --parallel 8 --size 4096")
	for i, want := range []string{theirs, unchanged, changed} {
		if s := c.Sides[i]; s.Name != want || s.Rate <= 0 || s.Cost <= 0 || s.Cost*s.Rate > 1000*float64(c.Clients.Count())*1.2 {
			t.Errorf("%+v, want %s", s, want)
		}
	}
	if len(c.Verdicts) != 4 || c.Verdicts[1].Value != c.Sides[1].Rate/c.Sides[0].Rate || c.Verdicts[2].Value != c.Sides[2].Cost {
		t.Errorf("verdicts %v of %+v", c.Verdicts, c.Sides)
	}
}
