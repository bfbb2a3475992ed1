package tally

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"spafleet/device"
)

// The results of a duration.
const (
	resultOK     = "ok"
	resultFailed = "failed"
)

// buckets are the classic ones of each histogram, in seconds.
var buckets = []float64{.0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60}

func counter(name, help string, labels ...string) *prometheus.CounterVec {
	return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
}

// distribution returns a histogram that is native, for a server that asks for it, and
// classic.
func distribution(name, help string, labels ...string) *prometheus.HistogramVec {
	return prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: name, Help: help, Buckets: buckets,
		NativeHistogramBucketFactor: 1.1, NativeHistogramMaxBucketNumber: 160, NativeHistogramMinResetDuration: time.Hour}, labels)
}

func gauge(name, help string, value func() int) prometheus.Collector {
	return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, func() float64 { return float64(value()) })
}

// newLive returns the figures of makes. docs/metrics.md is printed from what stands here.
func newLive(makes []Make) *live {
	return &live{
		makes:     makes,
		resyncs:   counter("spafleet_resyncs_total", "resyncs that ended, all rules together; scheme is that of the last file, empty where none was asked for", "model", "scheme", "result"),
		duration:  distribution("spafleet_resync_duration_seconds", "from the moment a resync was due to its end", "model", "result"),
		fetches:   counter("spafleet_fetches_total", "files asked for: rule A to D, U for Upgrade_Rule, R for Report_Rule, url for a command with a URL, empty where a parameter names the file; what is profile, image, report, ca, customization, or the kind of an extra file", "scheme", "rule", "what", "result"),
		repeats:   counter("spafleet_fetch_repeats_total", "fetches of a file that the device had just failed to get, at once and within the same resync; spafleet_fetches_total has them too", "scheme"),
		phase:     distribution("spafleet_phase_duration_seconds", "parts of transfers: dns, connect, tls, first_byte, body; and decode and apply of what came; result is that of the whole transfer", "phase", "scheme", "result"),
		bytes:     counter("spafleet_received_bytes_total", "bytes of bodies received", "scheme"),
		devices:   prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "spafleet_devices", Help: "devices in each state of the provisioning lifecycle"}, []string{"model", "state"}),
		reboots:   counter("spafleet_reboots_total", "starts of a device's firmware", "reason"),
		registers: counter("spafleet_registrations_total", "SIP registrations: ok (refreshes among them), unregistered, or why one failed: timeout, dns or a status, and others where there are too many", "result"),
		mailboxes: counter("spafleet_subscriptions_total", "SIP subscriptions to mailboxes: ok (refreshes among them), or why one failed, as for registrations", "result"),
		notifies:  counter("spafleet_notifies_total", "SIP NOTIFYs that devices got: ok, challenged (asked for credentials), or why one was refused", "result"),
		notified:  distribution("spafleet_notify_duration_seconds", "from a NOTIFY that a device accepted to the end of the resync that it asked for", "result"),
		lateness:  distribution("spafleet_lateness_seconds", "how late attempts started; above 100 ms the machine that runs the fleet is too slow, and latencies say nothing about the server"),
	}
}

func (l *live) collectors() []prometheus.Collector {
	return []prometheus.Collector{l.resyncs, l.duration, l.fetches, l.repeats, l.phase, l.bytes, l.devices, l.reboots, l.registers, l.mailboxes, l.notifies, l.notified, l.lateness}
}

// attempts are those of a fleet, as metrics show them.
type attempts interface {
	Running() int           // attempts that run now
	Outstanding() int       // and may
	Saturated() int         // attempts that waited for the end of another
	Limits() map[string]int // waits for what the machine had none of
}

func collectorsOf(g attempts) []prometheus.Collector {
	return []prometheus.Collector{
		gauge("spafleet_outstanding", "attempts that run now", g.Running),
		gauge("spafleet_outstanding_limit", "how many may run at once; fewer for a while after a descriptor was lacking", g.Outstanding),
		waits{g, prometheus.NewDesc("spafleet_waits_total", "waits caused by this machine: outstanding (attempts that waited for the end of another), descriptors, ports, addresses (each time one asked and there was none)", []string{"limit"}, nil)},
	}
}

// waits shows what attempts had to wait for.
type waits struct {
	g    attempts
	desc *prometheus.Desc
}

func (w waits) Describe(c chan<- *prometheus.Desc) { c <- w.desc }

func (w waits) Collect(c chan<- prometheus.Metric) {
	lacks := w.g.Limits()
	for limit, n := range map[string]int{"outstanding": w.g.Saturated(), "descriptors": lacks["descriptors"], "ports": lacks["ports"], "addresses": lacks["addresses"]} {
		c <- prometheus.MustNewConstMetric(w.desc, prometheus.CounterValue, float64(n), limit)
	}
}

// BuildInfo is the metric that says which program runs: its value is always 1.
func BuildInfo(version, revision, goVersion string) prometheus.Collector {
	g := prometheus.NewGauge(prometheus.GaugeOpts{Name: "spafleet_build_info", Help: "always 1: which program runs",
		ConstLabels: prometheus.Labels{"version": version, "revision": revision, "goversion": goVersion}})
	g.Set(1)
	return g
}

// schemes are those that a file can be asked for by.
var schemes = []string{"tftp", "http", "https"}

// asked are the files that devices ask for, by what names them.
var asked = []struct {
	what  string
	rules []byte
}{
	{"profile", []byte{'A', 'B', 'C', 'D', 'u'}}, {"image", []byte{'U', 'u'}}, {"report", []byte{'R', 'u'}},
}

// begin makes the series that a run can have, with the value 0: Prometheus sees an
// increase only where there was a value before. Series of extra files, and of what a
// SIP server answers, begin with their first.
func (l *live) begin() {
	for _, m := range l.makes {
		for _, r := range resultNames() {
			for _, scheme := range append([]string{""}, schemes...) {
				l.resyncs.WithLabelValues(m.Model, scheme, r)
			}
		}
		for _, short := range []string{resultOK, resultFailed} {
			l.duration.WithLabelValues(m.Model, short)
		}
	}
	for _, scheme := range schemes {
		l.repeats.WithLabelValues(scheme)
		l.bytes.WithLabelValues(scheme)
		l.beginFiles(scheme)
	}
	for r := device.ByPower; r <= lastReason; r++ {
		l.reboots.WithLabelValues(r.String())
	}
	l.beginSIP()
	l.lateness.WithLabelValues()
}

// beginFiles makes the series of the files that are asked for by a scheme.
func (l *live) beginFiles(scheme string) {
	for _, f := range asked {
		for _, rule := range f.rules {
			for _, r := range resultNames() {
				l.fetches.WithLabelValues(scheme, ruleName(rule), f.what, r)
			}
		}
	}
	for _, p := range phaseNames {
		if p == "tls" && scheme != "https" || p == "connect" && scheme == "tftp" {
			continue
		}
		for _, short := range []string{resultOK, resultFailed} {
			l.phase.WithLabelValues(p, scheme, short)
		}
	}
}

func (l *live) beginSIP() {
	for _, c := range []*prometheus.CounterVec{l.registers, l.mailboxes} {
		for _, r := range []string{resultOK, "timeout", "dns"} {
			c.WithLabelValues(r)
		}
	}
	l.registers.WithLabelValues("unregistered")
	for _, r := range []string{resultOK, "challenged"} {
		l.notifies.WithLabelValues(r)
	}
	for _, short := range []string{resultOK, resultFailed} {
		l.notified.WithLabelValues(short)
	}
}

const (
	lastResult = device.Backoff
	lastReason = device.ByAddress
)

// resultNames are the names of all results of a resync and of a transfer.
func resultNames() (names []string) {
	for r := device.OK; r <= lastResult; r++ {
		names = append(names, r.String())
	}
	return names
}
