package run_test

import (
	"slices"
	"strings"
	"testing"

	"spafleet/device"
	"spafleet/scenarios"
	"spafleet/scenarios/report"
	"spafleet/scenarios/run"
	"spafleet/scenarios/scenariotest"
)

// walk is what every device of the demo goes through, in order.
var walk = []string{"customized", "targeted", "keyed", "secured", "rotated", "secured"}

// demo runs the built-in demo and checks each device's walk by its own events.
func demo(t *testing.T, devices int, paced bool) {
	t.Helper()
	scenario, err := scenarios.Builtin("demo")
	if err != nil {
		t.Fatal(err)
	}
	scenario.Fleet[0].Count = devices
	for i := range scenario.Timeline {
		if !paced {
			scenario.Timeline[i].Pace = scenarios.Pace{}
		}
	}
	l := &events{}
	r, err := run.Run(t.Context(), scenario, run.Options{Tell: l.Tell})
	if err != nil {
		t.Fatal(err)
	}
	scenariotest.WantVerdict(t, r, report.Passed)
	moves := append(slices.Clone(walk[:5]), "unkeyed", "factory-reset")
	for dev := range device.Index(devices) {
		got := l.Names(dev, moves...)
		// Secured may be told again by later resyncs; the first of each run counts.
		if got = slices.Compact(got); !slices.Equal(got, walk) {
			t.Errorf("device %d: %v, want %v", dev, got, walk)
		}
		if first := l.Names(dev); len(first) < 2 || first[0] != "power_on" || first[1] != "boot" {
			t.Errorf("device %d begins with %v", dev, first[:min(len(first), 2)])
		}
	}
	if r.States["SEC-PRV-2"] != devices || r.Devices != devices || len(r.Models) != 3 || r.Resyncs.Failed != 0 {
		t.Errorf("%v of %d, %+v, resyncs %+v", r.States, r.Devices, r.Models, r.Resyncs)
	}
}

func TestDemoWalksEveryDeviceToSecPrv2AndRotates(t *testing.T) { demo(t, 20, true) }

func TestDemoWithoutItsPaceWalksSixtyDevices(t *testing.T) { demo(t, 60, false) }

func TestBuiltinScenariosAreReadAndNamed(t *testing.T) {
	if !slices.Contains(scenarios.Names(), "demo") {
		t.Errorf("%v", scenarios.Names())
	}
	for _, name := range scenarios.Names() {
		file, err := scenarios.BuiltinFile(name)
		if err != nil {
			t.Fatal(err)
		}
		file.Environment = []string{"SPAFLEET_PARAM_PASSWORD=" + password} // of fusionpbx-ci
		switch s, err := file.Load(); {
		case err != nil:
			t.Error(err)
		case s.About != file.About() || s.Name != name:
			t.Errorf("%s: its name is %q; about %q, and %q before it is read", name, s.Name, s.About, file.About())
		case s.About == "" || len(s.SHA256) != 64:
			t.Errorf("%s: about is %q and SHA256 %q; the scenarios of the program have both", name, s.About, s.SHA256)
		}
	}
	for name, want := range map[string]string{
		"dmo":  `no scenario is called "dmo"; did you mean "demo"?`,
		"else": `no scenario is called "else"; there are ` + strings.Join(scenarios.Names(), ", ") + ", and the bugs of docs/bugs.md",
	} {
		if _, err := scenarios.Builtin(name); err == nil || err.Error() != want {
			t.Errorf("%v", err)
		}
	}
}
