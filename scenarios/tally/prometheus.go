package tally

import (
	"github.com/prometheus/client_golang/prometheus"

	"spafleet/device"
	"spafleet/fsm"
)

// live is a tally's Prometheus side: counters found once, then only added to. A
// nil live counts nothing.
type live struct {
	makes     []Make
	resyncs   *prometheus.CounterVec
	duration  *prometheus.HistogramVec
	fetches   *prometheus.CounterVec
	repeats   *prometheus.CounterVec
	phase     *prometheus.HistogramVec
	bytes     *prometheus.CounterVec
	devices   *prometheus.GaugeVec
	reboots   *prometheus.CounterVec
	registers *prometheus.CounterVec
	mailboxes *prometheus.CounterVec
	notifies  *prometheus.CounterVec
	notified  prometheus.Histogram
	lateness  prometheus.Histogram
}

// metricDoc is one row of the documentation of the metrics.
type metricDoc struct{ name, labels, meaning string }

// metricDocs names the metrics: docs/metrics.md is printed from it.
var metricDocs = []metricDoc{
	{"spafleet_resyncs_total", "model, scheme, result", "resyncs that ended, all rules together; scheme is that of the last file, empty where none was asked for"},
	{"spafleet_resync_duration_seconds", "model", "from the moment a resync was due to its end"},
	{"spafleet_fetches_total", "scheme, rule, what, result", "files asked for: rule A to D, url for a command with a URL, empty where a parameter names the file; what is profile, image, report, ca, customization, or the kind of an extra file: sccp, dictionary, picture, ring_tone, directory, rss or xml_service"},
	{"spafleet_fetch_repeats_total", "scheme", "fetches of a file that the device had just failed to get, at once and within the same resync; spafleet_fetches_total has them too"},
	{"spafleet_phase_duration_seconds", "phase, scheme", "parts of the transfers that succeeded: dns, connect, tls, first_byte, body; and decode and apply of what came"},
	{"spafleet_bytes_received_total", "scheme", "bytes of bodies received"},
	{"spafleet_devices", "model, state", "devices in each state of the provisioning lifecycle"},
	{"spafleet_reboots_total", "reason", "starts of a device's firmware"},
	{"spafleet_registrations_total", "result", "SIP registrations: ok (refreshes among them), unregistered, or why one failed: a status, timeout or dns"},
	{"spafleet_subscriptions_total", "result", "SIP subscriptions to mailboxes: ok (refreshes among them), or why one failed: a status, timeout or dns"},
	{"spafleet_notifies_total", "result", "SIP NOTIFYs that devices got: ok, challenged (asked for credentials), or why one was refused"},
	{"spafleet_notify_duration_seconds", "", "from a NOTIFY that a device accepted to the end of the resync that it asked for"},
	{"spafleet_lateness_seconds", "", "how late attempts started; above 100 ms the machine that runs the fleet is too slow, and latencies say nothing about the server"},
	{"spafleet_outstanding", "", "attempts that run now"},
	{"spafleet_outstanding_limit", "", "how many may run at once; fewer for a while after a descriptor was lacking"},
	{"spafleet_build_info", "goversion, revision, version", "always 1: which program runs"},
	{"spafleet_waits_total", "limit", "waits caused by this machine: outstanding (attempts that waited for the end of another), descriptors, ports, addresses (each time one asked and there was none)"},
}

// attempts are those of a fleet, as metrics show them.
type attempts interface {
	Running() int           // attempts that run now
	Outstanding() int       // and may
	Saturated() int         // attempts that waited for the end of another
	Limits() map[string]int // waits for what the machine had none of
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

var buckets = []float64{.0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60}

func help(name string) string {
	for _, d := range metricDocs {
		if d.name == name {
			return d.meaning
		}
	}
	return ""
}

// Register shows the tally's figures, and those of who makes the attempts, at a
// Prometheus registry. It is called once, before the fleet runs.
func (t *Tally) Register(r prometheus.Registerer, g attempts) error {
	counter := func(name string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help(name)}, labels)
	}
	histogram := func(name string, labels ...string) *prometheus.HistogramVec {
		return prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: name, Help: help(name), Buckets: buckets}, labels)
	}
	l := &live{
		makes:     t.makes,
		resyncs:   counter("spafleet_resyncs_total", "model", "scheme", "result"),
		duration:  histogram("spafleet_resync_duration_seconds", "model"),
		fetches:   counter("spafleet_fetches_total", "scheme", "rule", "what", "result"),
		repeats:   counter("spafleet_fetch_repeats_total", "scheme"),
		phase:     histogram("spafleet_phase_duration_seconds", "phase", "scheme"),
		bytes:     counter("spafleet_bytes_received_total", "scheme"),
		devices:   prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "spafleet_devices", Help: help("spafleet_devices")}, []string{"model", "state"}),
		reboots:   counter("spafleet_reboots_total", "reason"),
		registers: counter("spafleet_registrations_total", "result"),
		mailboxes: counter("spafleet_subscriptions_total", "result"),
		notifies:  counter("spafleet_notifies_total", "result"),
		notified:  prometheus.NewHistogram(prometheus.HistogramOpts{Name: "spafleet_notify_duration_seconds", Help: help("spafleet_notify_duration_seconds"), Buckets: buckets}),
		lateness:  prometheus.NewHistogram(prometheus.HistogramOpts{Name: "spafleet_lateness_seconds", Help: help("spafleet_lateness_seconds"), Buckets: buckets}),
	}
	running := prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "spafleet_outstanding", Help: help("spafleet_outstanding")},
		func() float64 { return float64(g.Running()) })
	most := prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "spafleet_outstanding_limit", Help: help("spafleet_outstanding_limit")},
		func() float64 { return float64(g.Outstanding()) })
	waits := waits{g, prometheus.NewDesc("spafleet_waits_total", help("spafleet_waits_total"), []string{"limit"}, nil)}
	for _, c := range []prometheus.Collector{l.resyncs, l.duration, l.fetches, l.repeats, l.phase, l.bytes, l.devices, l.reboots, l.registers, l.mailboxes, l.notifies, l.notified, l.lateness, running, most, waits} {
		if err := r.Register(c); err != nil {
			return err
		}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for i := range t.makes {
		for _, s := range fsm.States() {
			l.devices.WithLabelValues(t.makes[i].Model, s.String()).Add(float64(t.counts[i].states[s]))
		}
	}
	t.live = l
	return nil
}

func (l *live) resync(kind int, scheme string, r device.Result, ns int64) {
	if l == nil {
		return
	}
	l.resyncs.WithLabelValues(l.makes[kind].Model, scheme, r.String()).Inc()
	l.duration.WithLabelValues(l.makes[kind].Model).Observe(float64(ns) / 1e9)
}

// ruleName is url for a command, and empty for an extra file, as expressions say it
// too.
func ruleName(rule byte) string {
	switch rule {
	case 0:
		return ""
	case 'u':
		return "url"
	}
	return string(rune(rule))
}

func (l *live) file(f *device.File) {
	if l == nil {
		return
	}
	l.fetches.WithLabelValues(f.Scheme, ruleName(f.Rule), f.What, f.Result.String()).Inc()
	l.bytes.WithLabelValues(f.Scheme).Add(float64(f.Bytes))
	if f.Repeat > 0 {
		l.repeats.WithLabelValues(f.Scheme).Inc()
	}
	if f.Result != device.OK {
		return
	}
	for _, p := range parts(&f.Took) {
		if p.ns > 0 {
			l.phase.WithLabelValues(p.name, f.Scheme).Observe(float64(p.ns) / 1e9)
		}
	}
}

func (l *live) moved(kind int, from, to fsm.State) {
	if l == nil || from == to {
		return
	}
	l.devices.WithLabelValues(l.makes[kind].Model, from.String()).Dec()
	l.devices.WithLabelValues(l.makes[kind].Model, to.String()).Inc()
}

func (l *live) reboot(r device.Reason) {
	if l != nil {
		l.reboots.WithLabelValues(r.String()).Inc()
	}
}

// sip counts an event of SIP.
func (l *live) sip(e *device.Event) {
	if l == nil {
		return
	}
	switch e.Kind {
	case device.Registered:
		l.registers.WithLabelValues("ok").Inc()
	case device.Unregistered:
		l.registers.WithLabelValues("unregistered").Inc()
	case device.RegistrationFailed:
		l.registers.WithLabelValues(e.Err).Inc()
	case device.Subscribed:
		l.mailboxes.WithLabelValues("ok").Inc()
	case device.SubscriptionFailed:
		l.mailboxes.WithLabelValues(e.Err).Inc()
	case device.Notify:
		l.notifies.WithLabelValues("ok").Inc()
	case device.NotifyChallenged:
		l.notifies.WithLabelValues("challenged").Inc()
	case device.NotifyFailed:
		l.notifies.WithLabelValues(e.Err).Inc()
	}
}

func (l *live) served(ns int64) {
	if l != nil {
		l.notified.Observe(float64(ns) / 1e9)
	}
}

func (l *live) late(ns int64) {
	if l != nil {
		l.lateness.Observe(float64(ns) / 1e9)
	}
}
