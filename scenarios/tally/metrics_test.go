package tally_test

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	dto "github.com/prometheus/client_model/go"

	"spafleet/device"
	"spafleet/host/golden"
	"spafleet/scenarios/report"
	"spafleet/scenarios/tally"
)

func TestDocsOfTheMetricsAreCurrent(t *testing.T) {
	const docs = "../../docs/metrics.md"
	families := gather(t)
	golden.Section(t, docs, "<!-- metrics -->\n", "<!-- /metrics -->", metricsTable(families))
	golden.Section(t, docs, "<!-- values -->\n", "<!-- /values -->", valuesTable(t))
}

// metricsTable has a row for each metric.
func metricsTable(families []*dto.MetricFamily) string {
	var b strings.Builder
	b.WriteString("| metric | type | labels | meaning |\n|---|---|---|---|\n")
	for _, f := range families {
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", f.GetName(), strings.ToLower(f.GetType().String()), strings.Join(labelsOf(f), ", "), f.GetHelp())
	}
	return b.String()
}

// valuesTable has the values that labels have before anything happens.
func valuesTable(t *testing.T) string {
	t.Helper()
	var b strings.Builder
	b.WriteString("| metric | label | values |\n|---|---|---|\n")
	for _, f := range fresh(t) {
		for _, name := range labelsOf(f) {
			if name == "model" || name == "expectation" || strings.HasSuffix(f.GetName(), "_info") {
				continue
			}
			var values []string
			for _, m := range f.GetMetric() {
				for _, l := range m.GetLabel() {
					if l.GetName() == name && !slices.Contains(values, l.GetValue()) {
						values = append(values, l.GetValue())
					}
				}
			}
			slices.Sort(values)
			if values[0] == "" {
				values[0] = "(empty)"
			}
			fmt.Fprintf(&b, "| `%s` | %s | %s |\n", f.GetName(), name, strings.Join(values, " "))
		}
	}
	return b.String()
}

// labelsOf are the labels that any series of a metric has, sorted.
func labelsOf(f *dto.MetricFamily) []string {
	names := []string{}
	for _, m := range f.GetMetric() {
		for _, l := range m.GetLabel() {
			if !slices.Contains(names, l.GetName()) {
				names = append(names, l.GetName())
			}
		}
	}
	slices.Sort(names)
	return names
}

// generator is one that had some trouble.
type generator struct{}

func (generator) Running() int           { return 7 }
func (generator) Outstanding() int       { return 90 }
func (generator) Saturated() int         { return 5 }
func (generator) Limits() map[string]int { return map[string]int{"ports": 3} }

// registered is a tally whose figures a registry shows.
func registered(t *testing.T) (*tally.Tally, *prometheus.Registry) {
	t.Helper()
	seen, registry := newTally(), prometheus.NewPedanticRegistry()
	if err := seen.Register(registry, generator{}); err != nil {
		t.Fatal(err)
	}
	registry.MustRegister(tally.BuildInfo("v1.2.3", "0123abcd", "go1.26"), tally.Expectations(func() []tally.Standing {
		return []tally.Standing{{Name: "all synced", Held: 3, Devices: 4}, {Name: "never stuck", Holds: true, Decided: true, Held: 4, Devices: 4}}
	}))
	return seen, registry
}

// fresh is what a registry shows before anything has happened.
func fresh(t *testing.T) []*dto.MetricFamily {
	t.Helper()
	_, registry := registered(t)
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	return families
}

// gather is what it shows after a day that had everything.
func gather(t *testing.T) []*dto.MetricFamily {
	t.Helper()
	seen, registry := registered(t)
	seen.Tell(day())
	seen.Tell(late(1e6))
	seen.Tell(notified())
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	return families
}

// The conventions of prometheus.io, as the linter of its client library has them.
func TestMetricsKeepTheConventions(t *testing.T) {
	problems, err := promlint.NewWithMetricFamilies(gather(t)).Lint()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
}

// Prometheus sees no increase in the first value of a series.
func TestSeriesBeginAtZero(t *testing.T) {
	before := map[string]bool{}
	for _, f := range fresh(t) {
		if f.GetType() != dto.MetricType_COUNTER || f.GetName() == "spafleet_waits_total" { // those are the generator's
			continue
		}
		for _, m := range f.GetMetric() {
			before[f.GetName()+m.String()] = true
			if m.GetCounter().GetValue() != 0 {
				t.Errorf("%s is not 0: %s", f.GetName(), m)
			}
		}
	}
	if len(before) < 200 {
		t.Errorf("%d counters", len(before))
	}
	_, registry := registered(t)
	shown := keys(t, registry)
	seen, registry := registered(t)
	seen.Tell(day())
	for key := range keys(t, registry) {
		if !shown[key] {
			t.Errorf("%s began during the day", key)
		}
	}
}

// keys are the names and label values of the series that a registry shows.
func keys(t *testing.T, r *prometheus.Registry) map[string]bool {
	t.Helper()
	families, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]bool{}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			key := f.GetName()
			for _, l := range m.GetLabel() {
				key += " " + l.GetValue()
			}
			all[key] = true
		}
	}
	return all
}

func TestDurationsHaveAResultAndBothKindsOfBuckets(t *testing.T) {
	for _, f := range gather(t) {
		if strings.HasSuffix(f.GetName(), "_duration_seconds") && !slices.Contains(labelsOf(f), "result") {
			t.Errorf("%s has no result", f.GetName())
		}
		if f.GetType() != dto.MetricType_HISTOGRAM {
			continue
		}
		for _, m := range f.GetMetric() {
			if h := m.GetHistogram(); len(h.GetBucket()) == 0 || h.Schema == nil {
				t.Errorf("%s lacks classic or native buckets: %s", f.GetName(), h)
			}
		}
	}
}

// The series of each result are made from constants that a new result has to move.
func TestTheLastResultAndReasonAreTheLast(t *testing.T) {
	for name, next := range map[string]func() string{"result": (tally.LastResult + 1).String, "reason": (tally.LastReason + 1).String} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("there is a %s after the last", name)
				}
			}()
			_ = next()
		}()
	}
}

// A server that makes up statuses makes no more series than the tally tells apart.
func TestStatusesMakeABoundedNumberOfSeries(t *testing.T) {
	seen, registry := registered(t)
	for status := range 1000 {
		seen.Tell([]device.Event{{Kind: device.RegistrationFailed, Err: strconv.Itoa(status)}})
	}
	n := 0
	for key := range keys(t, registry) {
		if strings.HasPrefix(key, "spafleet_registrations_total") {
			n++
		}
	}
	if n > 70 {
		t.Errorf("%d series", n)
	}
}

func TestNoLabelNamesADevice(t *testing.T) {
	for _, f := range gather(t) {
		for _, l := range labelsOf(f) {
			if slices.Contains([]string{"mac", "serial", "device", "address", "index", "ip"}, strings.ToLower(l)) {
				t.Errorf("%s has the label %s", f.GetName(), l)
			}
		}
	}
}

func TestLiveFiguresAreThoseOfTheSummary(t *testing.T) {
	seen, registry := registered(t)
	seen.Tell(day())
	seen.Tell(late(1e6))
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]float64{}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			key := f.GetName()
			for _, l := range m.GetLabel() {
				key += " " + l.GetValue()
			}
			got[key] = m.GetCounter().GetValue() + m.GetGauge().GetValue() + float64(m.GetHistogram().GetSampleCount())
		}
	}
	for key, want := range map[string]float64{ // labels stand in the order of their names
		"spafleet_resyncs_total SPA2102 ok http":          2,
		"spafleet_resyncs_total SPA2102 ok tftp":          1,
		"spafleet_resyncs_total SPA2102 not_found tftp":   1,
		"spafleet_resyncs_total SPA2102 timeout ":         1,
		"spafleet_resync_duration_seconds SPA2102 ok":     3,
		"spafleet_resync_duration_seconds SPA2102 failed": 2,
		"spafleet_fetches_total ok A http profile":        2,
		"spafleet_fetches_total not_found url tftp image": 1,
		"spafleet_fetch_repeats_total https":              2,
		"spafleet_phase_duration_seconds dns ok http":     2,
		"spafleet_received_bytes_total http":              200,
		"spafleet_devices SPA2102 SP-CUST":                1,
		"spafleet_devices SPA2102 MFG-RESET":              1,
		"spafleet_devices PAP2T SEC-PRV-1":                1,
		"spafleet_devices PAP2T MFG-RESET":                0,
		"spafleet_reboots_total power":                    2,
		"spafleet_lateness_seconds":                       1,
		"spafleet_expectation_holds all synced":           0,
		"spafleet_expectation_holds never stuck":          1,
		"spafleet_expectation_decided all synced":         0,
		"spafleet_expectation_decided never stuck":        1,
		"spafleet_expectation_held_devices all synced":    3,
		"spafleet_expectation_devices all synced":         4,
		"spafleet_outstanding":                            7,
		"spafleet_outstanding_limit":                      90,
		"spafleet_waits_total outstanding":                5,
		"spafleet_waits_total ports":                      3,
		"spafleet_waits_total descriptors":                0,
	} {
		if have, ok := got[key]; !ok || have != want {
			t.Errorf("%s is %g (%t), want %g; all: %v", key, have, ok, want, got)
		}
	}
}

func TestATallyIsRegisteredOnce(t *testing.T) {
	seen, registry := newTally(), prometheus.NewRegistry()
	if err := seen.Register(registry, generator{}); err != nil {
		t.Fatal(err)
	}
	if err := seen.Register(registry, generator{}); err == nil {
		t.Error("twice")
	}
}

func TestATallyIsSafeForManyTellers(t *testing.T) {
	seen := newTally()
	done := make(chan struct{})
	for dev := range device.Index(3) {
		go func() {
			defer func() { done <- struct{}{} }()
			for range 100 {
				seen.Tell([]device.Event{{Dev: dev, Kind: device.ResyncOK}})
				seen.Tell(late(1e6))
				_ = report.Summarize(seen.Totals())
			}
		}()
	}
	for range 3 {
		<-done
	}
	if s := report.Summarize(seen.Totals()); s.Resyncs.OK != 300 {
		t.Errorf("%d resyncs", s.Resyncs.OK)
	}
}
