package tally

import "github.com/prometheus/client_golang/prometheus"

// BuildInfo is the metric that says which program runs: its value is always 1.
func BuildInfo(version, revision, goVersion string) prometheus.Collector {
	const name = "spafleet_build_info"
	g := prometheus.NewGauge(prometheus.GaugeOpts{Name: name, Help: help(name),
		ConstLabels: prometheus.Labels{"version": version, "revision": revision, "goversion": goVersion}})
	g.Set(1)
	return g
}
