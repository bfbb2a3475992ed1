package run_test

import (
	"testing"

	"spafleet/fleet"
	"spafleet/scenarios"
	"spafleet/scenarios/report"
	"spafleet/scenarios/run"
	"spafleet/scenarios/scenariotest"
)

// smaller is what makes a scenario that comes with the program short enough for a test.
var smaller = map[string][]string{
	"power-return":       {"params.homes=500"},
	"redundant-servers":  {"params.units=20"},
	"three-stage-ladder": {"fleet.homes.count=8"},
	"week-of-rotation":   {"params.homes=20"},
}

// everyday returns a scenario that comes with the program, in virtual time where it has
// a server of its own.
func everyday(t *testing.T, name string, with ...string) *scenarios.Scenario {
	t.Helper()
	file, err := scenarios.BuiltinFile(name)
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range append(with, smaller[name]...) {
		c, err := scenarios.ParseChange(text, "--with")
		if err != nil {
			t.Fatal(err)
		}
		file.With = append(file.With, c)
	}
	s, err := file.Load()
	if err != nil {
		t.Fatal(err)
	}
	if s.Server != nil {
		s.Clock.Mode = fleet.Virtual
	}
	return s
}

// Each scenario that comes with the program passes as it is.
func TestBuiltinScenariosPass(t *testing.T) {
	t.Parallel()
	for _, name := range scenarios.Names() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := everyday(t, name)
			r := scenariotest.Start(t, s, run.Options{})
			scenariotest.WantVerdict(t, r, report.Passed)
			// In what commands show first, failures and waits of the scenario's own making
			// are no example of anything.
			if shown := name == "demo" || name == "retail"; shown && (r.Resyncs.Failed != 0 || s.Rate > 0) {
				t.Errorf("%d resyncs failed; a limit of %g/s", r.Resyncs.Failed, s.Rate)
			}
			if name == "demo" && len(r.Notes) > 0 {
				t.Errorf("notes %q", r.Notes)
			}
			if r.Resyncs.OK < int64(r.Devices) {
				t.Errorf("%d resyncs of %d devices", r.Resyncs.OK, r.Devices)
			}
			for _, f := range r.Timeline {
				if !f.Fired {
					t.Errorf("the step %s did not happen", f.Name)
				}
			}
		})
	}
}

// Each of them fails where the server has nothing that the devices ask for: it would be
// no test of a server otherwise.
func TestBuiltinScenariosFailWithoutFiles(t *testing.T) {
	t.Parallel()
	for _, name := range scenarios.Names() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := scenariotest.Start(t, everyday(t, name, "server.files=null"), run.Options{})
			scenariotest.WantVerdict(t, r, report.Failed)
		})
	}
}
