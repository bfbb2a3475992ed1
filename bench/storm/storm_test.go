package main

import (
	"testing"

	"spafleet/bench/extproc"
	"spafleet/bench/harness"
	"spafleet/scenarios/tally"
)

func TestMain(m *testing.M) { harness.TestMain(m, instrument()) }

func TestPowerReturnsToProvisionedDevices(t *testing.T) {
	extproc.Need(t, "nginx", "nginx-light")
	extproc.Need(t, "taskset", "util-linux")
	var r measured
	harness.Said(t, instrument(), &r, "--devices 200 --windows 1 --silent 0")
	k := r.Storms[0]
	if k.Synced != 200 || k.Failed != 0 || k.Late.Count != 200 || k.Window != 1 || k.held() != (r.Shortest == 1) {
		t.Errorf("%+v, shortest %d", k, r.Shortest)
	}
}

func TestWindowIsHeldOnlyByAllInTime(t *testing.T) {
	good := storm{Devices: 10, Synced: 10, Late: tally.Spread{P99: 0.010}}
	missing, failed, late := good, good, good
	missing.Synced, failed.Failed, late.Late.P99 = 9, 1, 0.0101
	for want, list := range map[bool][]storm{true: {good}, false: {missing, failed, late}} {
		for _, k := range list {
			if k.held() != want {
				t.Errorf("%+v: held %v", k, !want)
			}
		}
	}
}
