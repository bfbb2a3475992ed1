package main

import (
	"testing"

	"spafleet/bench/extproc"
	"spafleet/bench/harness"
)

func TestMain(m *testing.M) { harness.TestMain(m, instrument()) }

func TestFleetsAreWeighedAtRest(t *testing.T) {
	extproc.Need(t, "taskset", "util-linux")
	var r report
	harness.Said(t, instrument(), &r, "--devices 200,400 --delay 0")
	if len(r.Fleets) != 2 || len(r.Verdicts) != 8 {
		t.Fatalf("%+v", r)
	}
	for i, w := range r.Fleets {
		if w.Devices != 200*(i+1) || w.Resyncs != 2*int64(w.Devices) || w.Ready <= 0 || w.Bytes < 200 || w.Resident <= 1 || w.Peak < w.Resident {
			t.Errorf("%+v", w)
		}
	}
}
