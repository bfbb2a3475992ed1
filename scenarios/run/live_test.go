package run_test

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"spafleet/device"
	"spafleet/fleet"
	"spafleet/scenarios"
	"spafleet/scenarios/report"
	"spafleet/scenarios/run"
	"spafleet/scenarios/scenariotest"
)

// A view asks how far it is, while it goes on and when it is decided.
func TestALiveRunSaysHowFarItIs(t *testing.T) {
	const src = "duration: 2d\n" + phones + `
expect:
  - {name: all are synced, all: synced, by: 1h}
  - {name: at the end, at_least: 50%, where: resyncs.ok > 0, at: end}
  - {never: event.kind == "power_on"}
  - {never: event.kind == "resync_failed", from: 1d}
`
	var live *run.Live
	var early, late []run.Expected
	var passed, whole time.Duration
	scenario := scenariotest.Parse(t, src)
	scenario.Clock = scenarios.Clock{Mode: fleet.Virtual}
	r := scenariotest.Start(t, scenario, run.Options{
		Started: func(l *run.Live) { live, early = l, l.Expected() },
		Decided: func(*report.Report) { late = live.Expected(); passed, whole = live.Passed() },
	})
	if passed != 48*time.Hour || whole != 48*time.Hour {
		t.Errorf("%s of %s have passed", passed, whole)
	}
	if len(early) != 4 || len(late) != 4 {
		t.Fatalf("%+v, then %+v", early, late)
	}
	if e := early[0]; e.Decided || e.Devices != 6 || e.By != time.Hour || e.Name != "all are synced" {
		t.Errorf("at the start: %+v", e)
	}
	if e := early[3]; e.Decided || e.Held != 6 || e.Devices != 6 {
		t.Errorf("before its time, never is not broken: %+v", e)
	}
	for i, e := range late {
		if want := r.Expect[i]; !e.Decided || e.OK != want.OK || e.Held != want.Held || e.Name != want.Name {
			t.Errorf("at the end: %+v, and the report has %+v", e, want)
		}
	}
}

// Metrics say how far each expectation is, also where two have the same name.
func TestMetricsOfExpectations(t *testing.T) {
	const src = "duration: 2h\n" + phones + `
expect:
  - {name: well, all: synced, by: 1h}
  - {name: well, none: resyncs.ok > 0, at: end}
  - {name: begins later, never: event.kind == "resync_failed", from: 90m}
`
	registry := prometheus.NewRegistry()
	shown := func() map[string]float64 { return shownExpectations(t, registry) }
	var early map[string]float64
	scenario := scenariotest.Parse(t, src)
	scenario.Clock = scenarios.Clock{Mode: fleet.Virtual}
	scenariotest.Start(t, scenario, run.Options{Registry: registry, Listening: func(*run.Live) { early = shown() }})
	if want := map[string]float64{
		"holds well": 0, "decided well": 0, "held_devices well": 0, "devices well": 6,
		"holds well (2)": 1, "decided well (2)": 0, "held_devices well (2)": 0, "devices well (2)": 6,
		"holds begins later": 1, "decided begins later": 0, "held_devices begins later": 6, "devices begins later": 6,
	}; !maps.Equal(early, want) {
		t.Errorf("before the start:\n%v, want\n%v", early, want)
	}
	if late, want := shown(), map[string]float64{
		"holds well": 1, "decided well": 1, "held_devices well": 6, "devices well": 6,
		"holds well (2)": 0, "decided well (2)": 1, "held_devices well (2)": 6, "devices well (2)": 6,
		"holds begins later": 1, "decided begins later": 1, "held_devices begins later": 6, "devices begins later": 6,
	}; !maps.Equal(late, want) {
		t.Errorf("after the end:\n%v, want\n%v", late, want)
	}
}

// A view asks for everything at once, and is told what comes next.
func TestProgressNamesTheNextStepAndHidesSecrets(t *testing.T) {
	const src = "duration: 2d\nparams:\n  word: {secret: true}\n" + phones + `
timeline:
  - {at: 1h, name: noon, resync: all}
  - {at: 90m, resync: {of: all, url: "http://${server.http}/${word}.cfg"}}
expect:
  - {name: "${word} is synced", all: synced, by: 1h}
`
	file := scenarios.File{Name: "scenario.yaml", Text: []byte(src), Environment: []string{"SPAFLEET_PARAM_WORD=hidden"}}
	scenario, err := file.Load()
	if err != nil {
		t.Fatal(err)
	}
	scenario.Clock = scenarios.Clock{Mode: fleet.Virtual}
	var live *run.Live
	var seen []run.Upcoming
	var p *run.Progress
	scenariotest.Start(t, scenario, run.Options{
		Started: func(l *run.Live) { live = l },
		Tell: func([]device.Event) {
			if live == nil {
				return
			}
			if p = live.Progress(); !slices.Contains(seen, p.Next) {
				seen = append(seen, p.Next)
			}
		},
		Decided: func(*report.Report) { p = live.Progress() },
	})
	want := []run.Upcoming{{Step: "noon", At: time.Hour}, {Step: "resync", At: 90 * time.Minute}, {}}
	if !slices.Equal(seen, want) {
		t.Errorf("next was %+v, want %+v", seen, want)
	}
	if failed := p.Summary.Findings.Errors; len(failed) != 1 || !strings.HasSuffix(failed[0].Example.URL, "/***.cfg") {
		t.Errorf("failures: %+v", failed)
	}
	if len(p.Expected) != 1 || strings.Contains(p.Expected[0].Name, "hidden") || p.Passed != 48*time.Hour || p.Summary.Devices != 6 || !slices.Equal(p.Steps, []string{"noon"}) {
		t.Errorf("%+v", p)
	}
}

// shownExpectations are the metrics of expectations, by the end of their name and by
// expectation.
func shownExpectations(t *testing.T, r *prometheus.Registry) map[string]float64 {
	t.Helper()
	families, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	figures := map[string]float64{}
	for _, f := range families {
		if name, ok := strings.CutPrefix(f.GetName(), "spafleet_expectation_"); ok {
			for _, m := range f.GetMetric() {
				figures[name+" "+m.GetLabel()[0].GetValue()] = m.GetGauge().GetValue()
			}
		}
	}
	return figures
}

// A shard has no number of devices of the whole fleet, and so does not say whether an
// expectation of one holds.
func TestMetricsOfExpectationsInShards(t *testing.T) {
	const src = "duration: 2h\n" + phones + `
expect:
  - {name: five, at_least: 5, where: resyncs.ok > 0, at: end}
  - {name: each, all: resyncs.ok > 0, at: end}
`
	registry := prometheus.NewRegistry()
	scenario := scenariotest.Parse(t, src)
	scenario.Clock = scenarios.Clock{Mode: fleet.Virtual}
	o := run.Options{Registry: registry}
	o.Shard = device.Shard{Index: 1, Count: 2}
	scenariotest.Start(t, scenario, o)
	if got, want := shownExpectations(t, registry), map[string]float64{
		"held_devices five": 3, "devices five": 3,
		"holds each": 1, "decided each": 1, "held_devices each": 3, "devices each": 3,
	}; !maps.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}
