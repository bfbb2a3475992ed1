package tally_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"spafleet/device"
	"spafleet/host/golden"
	"spafleet/scenarios/report"
	"spafleet/scenarios/tally"
)

const docsFile = "../../docs/metrics.md"

const docsHead = `# Metrics

What ` + "`--metrics HOST:PORT`" + ` shows to Prometheus at /metrics. No label names a single device. This page is printed from the
program; a test keeps it current.

`

func TestDocsOfTheMetricsAreCurrent(t *testing.T) {
	golden.File(t, docsFile, []byte(docsHead+tally.MetricsMarkdown()))
}

// generator is one that had some trouble.
type generator struct{}

func (generator) Running() int           { return 7 }
func (generator) Outstanding() int       { return 90 }
func (generator) Saturated() int         { return 5 }
func (generator) Limits() map[string]int { return map[string]int{"ports": 3} }

// gather returns the labels of every metric of a day that had everything.
func gather(t *testing.T) map[string][]string {
	t.Helper()
	seen, registry := newTally(), prometheus.NewPedanticRegistry()
	if err := seen.Register(registry, generator{}); err != nil {
		t.Fatal(err)
	}
	registry.MustRegister(tally.BuildInfo("v1.2.3", "0123abcd", "go1.26"))
	seen.Tell(day())
	seen.Tell(late(1e6))
	seen.Tell(notified())
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	labels := map[string][]string{}
	for _, f := range families {
		labels[f.GetName()] = []string{}
		for _, l := range f.GetMetric()[0].GetLabel() {
			labels[f.GetName()] = append(labels[f.GetName()], l.GetName())
		}
	}
	return labels
}

func TestEveryMetricIsDocumentedWithItsLabelsAndNoOther(t *testing.T) {
	registered := gather(t)
	documented := map[string][]string{}
	for _, row := range regexp.MustCompile("(?m)^\\| `([a-z_]+)` \\| ([a-z_, ]*) \\| (.+) \\|$").FindAllStringSubmatch(tally.MetricsMarkdown(), -1) {
		documented[row[1]] = strings.FieldsFunc(row[2], func(r rune) bool { return r == ',' || r == ' ' })
		slices.Sort(documented[row[1]])
	}
	for name, labels := range registered {
		if got, ok := documented[name]; !ok || !slices.Equal(got, labels) {
			t.Errorf("%s has the labels %v; the docs say %v", name, labels, got)
		}
	}
	for name := range documented {
		if _, ok := registered[name]; !ok {
			t.Errorf("%s is documented and not registered", name)
		}
	}
	if len(documented) == 0 {
		t.Error("the docs name no metric")
	}
}

func TestNoLabelNamesADevice(t *testing.T) {
	for name, labels := range gather(t) {
		for _, l := range labels {
			if slices.Contains([]string{"mac", "serial", "device", "address", "index", "ip"}, strings.ToLower(l)) {
				t.Errorf("%s has the label %s", name, l)
			}
		}
	}
}

func TestLiveFiguresAreThoseOfTheSummary(t *testing.T) {
	seen, registry := newTally(), prometheus.NewPedanticRegistry()
	if err := seen.Register(registry, generator{}); err != nil {
		t.Fatal(err)
	}
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
		"spafleet_resync_duration_seconds SPA2102":        5,
		"spafleet_fetches_total ok A http profile":        2,
		"spafleet_fetches_total not_found url tftp image": 1,
		"spafleet_fetch_repeats_total https":              2,
		"spafleet_phase_duration_seconds dns http":        2,
		"spafleet_bytes_received_total http":              200,
		"spafleet_devices SPA2102 SP-CUST":                1,
		"spafleet_devices SPA2102 MFG-RESET":              1,
		"spafleet_devices PAP2T SEC-PRV-1":                1,
		"spafleet_devices PAP2T MFG-RESET":                0,
		"spafleet_reboots_total power":                    2,
		"spafleet_lateness_seconds":                       1,
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
