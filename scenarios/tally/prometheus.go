package tally

import (
	"github.com/prometheus/client_golang/prometheus"

	"spafleet/device"
	"spafleet/fsm"
)

// live is a tally's Prometheus side. A nil live counts nothing.
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
	notified  *prometheus.HistogramVec
	lateness  *prometheus.HistogramVec
}

// Register shows the tally's figures, and those of who makes the attempts, at a
// Prometheus registry. It is called once, before the fleet runs.
func (t *Tally) Register(r prometheus.Registerer, g attempts) error {
	l := newLive(t.makes)
	for _, c := range append(l.collectors(), collectorsOf(g)...) {
		if err := r.Register(c); err != nil {
			return err
		}
	}
	l.begin()
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

// short is the result of a duration: how it failed is in the counters.
func short(r device.Result) string {
	if r == device.OK {
		return resultOK
	}
	return resultFailed
}

func (l *live) resync(kind int, scheme string, r device.Result, ns int64) {
	if l == nil {
		return
	}
	l.resyncs.WithLabelValues(l.makes[kind].Model, scheme, r.String()).Inc()
	l.duration.WithLabelValues(l.makes[kind].Model, short(r)).Observe(float64(ns) / 1e9)
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
	for _, p := range parts(&f.Took) {
		if p.ns > 0 {
			l.phase.WithLabelValues(p.name, f.Scheme, short(f.Result)).Observe(float64(p.ns) / 1e9)
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

// sip counts an event of SIP. Why says how one failed, as the tally counts it: it
// tells a bounded number of reasons apart.
func (l *live) sip(kind device.Kind, why string) {
	if l == nil {
		return
	}
	switch kind {
	case device.Registered:
		l.registers.WithLabelValues(resultOK).Inc()
	case device.Unregistered:
		l.registers.WithLabelValues("unregistered").Inc()
	case device.RegistrationFailed:
		l.registers.WithLabelValues(why).Inc()
	case device.Subscribed:
		l.mailboxes.WithLabelValues(resultOK).Inc()
	case device.SubscriptionFailed:
		l.mailboxes.WithLabelValues(why).Inc()
	case device.Notify:
		l.notifies.WithLabelValues(resultOK).Inc()
	case device.NotifyChallenged:
		l.notifies.WithLabelValues("challenged").Inc()
	case device.NotifyFailed:
		l.notifies.WithLabelValues(why).Inc()
	}
}

func (l *live) served(r device.Result, ns int64) {
	if l != nil {
		l.notified.WithLabelValues(short(r)).Observe(float64(ns) / 1e9)
	}
}

func (l *live) late(ns int64) {
	if l != nil {
		l.lateness.WithLabelValues().Observe(float64(ns) / 1e9)
	}
}
