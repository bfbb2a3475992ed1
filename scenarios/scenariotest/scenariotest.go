// Package scenariotest runs scenario files as Go tests.
//
// [Run] is all that most tests need: the test passes if the scenario does. Others
// read a scenario with [Load] or [Parse], change it, and run it with [Start].
package scenariotest

import (
	"slices"
	"strings"
	"sync"
	"testing"

	"spafleet/device"
	"spafleet/host"
	"spafleet/scenarios"
	"spafleet/scenarios/report"
	"spafleet/scenarios/run"
)

// Run runs a scenario file, by its path from the test's folder. The test fails
// unless the scenario passes, with what 'spafleet run' prints. The report is for
// what else the test wants to know.
func Run(t testing.TB, file string) *report.Report {
	t.Helper()
	return passes(t, Start(t, Load(t, file), run.Options{}))
}

// RunText is [Run] for a scenario that stands in the test itself.
func RunText(t testing.TB, text string) *report.Report {
	t.Helper()
	return passes(t, Start(t, Parse(t, text), run.Options{}))
}

// Load reads a scenario file. Mistakes in it end the test.
func Load(t testing.TB, file string) *scenarios.Scenario {
	t.Helper()
	text, err := host.ReadFile(file, scenarios.MostBytes)
	if err != nil {
		t.Fatal(err)
	}
	return parse(t, file, text)
}

// Parse reads a scenario that stands in the test itself. Mistakes in it end the
// test; they call it scenario.yaml.
func Parse(t testing.TB, text string) *scenarios.Scenario {
	t.Helper()
	return parse(t, "scenario.yaml", []byte(text))
}

func parse(t testing.TB, name string, text []byte) *scenarios.Scenario {
	t.Helper()
	s, err := scenarios.Load(name, text)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// Start runs a scenario until it is over or the test ends, and returns its report
// whatever the verdict. A scenario that cannot run ends the test.
func Start(t testing.TB, s *scenarios.Scenario, o run.Options) *report.Report {
	t.Helper()
	r, err := run.Run(t.Context(), s, o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// WantVerdict fails the test if a report has another verdict.
func WantVerdict(t testing.TB, r *report.Report, verdict string) {
	t.Helper()
	if r.Verdict == verdict {
		return
	}
	var text strings.Builder
	r.WriteText(&text)
	t.Errorf("verdict %s, want %s:\n%s", r.Verdict, verdict, text.String())
}

func passes(t testing.TB, r *report.Report) *report.Report {
	t.Helper()
	WantVerdict(t, r, report.Passed)
	return r
}

// Events keeps the events of a run: hand its Tell to the options. The zero value
// is ready. It is safe for concurrent use.
type Events struct {
	mu   sync.Mutex
	list []device.Event
}

// Tell keeps events.
func (e *Events) Tell(events []device.Event) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.list = append(e.list, events...)
}

// All returns the events so far, in the order in which they were told.
func (e *Events) All() []device.Event {
	e.mu.Lock()
	defer e.mu.Unlock()
	return append([]device.Event(nil), e.list...)
}

// Names returns the names of a device's events in order, of some kinds or, without
// kinds, of all.
func (e *Events) Names(dev device.Index, kinds ...string) []string {
	var names []string
	for _, event := range e.All() {
		if event.Dev == dev && (len(kinds) == 0 || slices.Contains(kinds, event.Name())) {
			names = append(names, event.Name())
		}
	}
	return names
}
