package console

import (
	"cmp"
	"slices"
	"sync"
	"time"

	"spafleet/device/measure"
	"spafleet/scenarios/console/page"
	"spafleet/scenarios/report"
	"spafleet/scenarios/tally"
)

// mostCauses is how many causes of failures a summary has.
const mostCauses = 10

// Overview returns how the fleet stands, as its page shows it.
func (s *source) Overview() page.Overview {
	p, now := s.live.Progress(), s.Now()
	sum, load := &p.Summary, &p.Load
	_, clock := s.live.Scenario()
	o := page.Overview{
		Began: time.Unix(0, s.Start()).UTC(), Now: time.Unix(0, now).UTC(), Longest: p.Whole, Clock: clock,
		Devices: s.Len(), Provisioned: sum.Provisioned, Unanswered: sum.Unanswered, States: sum.States, Resyncs: page.Result(sum.Resyncs),
		Rate: s.rate.of(now, sum.Resyncs.OK+sum.Resyncs.Failed), MoreFailures: sum.Findings.ErrorsMore, Phases: phases(sum.Metrics["phase_duration"]),
		History: sum.History, Timeline: p.Moments,
		Machine: page.Machine{
			Cores: load.Cores, CPU: load.Latest, CPUPeak: load.CPUPeak, Late: seconds(load.LateP99), Running: p.Running, Places: s.Outstanding(),
			Descriptors: load.Descriptors, Files: load.Files, Limits: s.live.Behind(),
		},
	}
	for _, e := range p.Expected {
		o.Expectations = append(o.Expectations, page.Expectation{Name: e.Name, Held: e.Held, Devices: e.Devices, Decided: e.Decided, OK: e.OK})
	}
	for _, f := range s.Faults() {
		o.Faults = append(o.Faults, page.Fault{What: s.Shown(f.Words()), Devices: f.Devices, Affected: f.Affected})
	}
	for i := range sum.Findings.Errors {
		f := &sum.Findings.Errors[i]
		if i >= mostCauses {
			o.MoreFailures++
			continue
		}
		o.Failures = append(o.Failures, page.Failure{
			Count: f.Count, What: report.Describe(f), Err: f.Err, Hint: f.Hint, Models: measure.Counts(f.Models, 3), URL: f.Example.URL, Index: f.Example.Index, MAC: f.Example.MAC,
		})
	}
	return o
}

// Summary returns how the fleet stands, as the API tells it.
func (s *source) Summary() Summary {
	p, now := s.live.Progress(), s.Now()
	sum := &p.Summary
	out := Summary{
		Scenario: s.Name(), Now: time.Unix(0, now).UTC(), Seconds: time.Duration(now - s.Start()).Seconds(), Devices: s.Len(), States: sum.States,
		Provisioned: sum.Provisioned, Unanswered: sum.Unanswered,
		Resyncs: Resyncs(sum.Resyncs), Rate: s.rate.of(now, sum.Resyncs.OK+sum.Resyncs.Failed), Running: p.Running, CPU: p.Load.Latest, Late: p.Load.LateP99,
		Phases: []Phase{}, Errors: []Cause{}, Expectations: []Expectation{},
	}
	for _, f := range phases(sum.Metrics["phase_duration"]) {
		out.Phases = append(out.Phases, Phase{f.Name, f.Count, f.Med.Seconds(), f.P95.Seconds(), f.P99.Seconds()})
	}
	for _, f := range sum.Findings.Errors[:min(len(sum.Findings.Errors), mostCauses)] {
		out.Errors = append(out.Errors, Cause{What: f.What, Result: f.Result, Err: f.Err, Count: f.Count})
	}
	for _, e := range p.Expected {
		out.Expectations = append(out.Expectations, Expectation{Name: e.Name, Held: e.Held, Devices: e.Devices, Decided: e.Decided, OK: e.OK})
	}
	return out
}

// Shown returns a text without secrets.
func (s *source) Shown(text string) string {
	if s.recorder.Redact == nil {
		return text
	}
	return s.recorder.Redact(text)
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

// phases are the durations of transfers, in the order in which a transfer has them.
func phases(list []report.Metric) (all []page.Phase) {
	order := tally.PhaseNames()
	list = slices.Clone(list)
	slices.SortFunc(list, func(a, b report.Metric) int {
		return cmp.Or(cmp.Compare(slices.Index(order, a.Tags["phase"]), slices.Index(order, b.Tags["phase"])), cmp.Compare(a.Tags["scheme"], b.Tags["scheme"]))
	})
	for _, m := range list {
		name := m.Tags["phase"]
		if scheme := m.Tags["scheme"]; scheme != "" {
			name += ", " + scheme
		}
		all = append(all, page.Phase{Name: name, Count: m.Count, Med: seconds(m.Med), P95: seconds(m.P95), P99: seconds(m.P99)})
	}
	return all
}

// A rate is how often something happened lately. It is looked at from time to time.
type rate struct {
	mu    sync.Mutex
	looks []look // oldest first
}

type look struct{ at, count int64 }

// rateOver is over how much fleet time a rate is taken at least, and mostLooks how many
// looks are kept.
const (
	rateOver  = int64(5 * time.Second)
	mostLooks = 16
)

// of returns how often something has happened per second, of which there were count by
// now.
func (r *rate) of(now, count int64) float64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	for len(r.looks) > 1 && r.looks[1].at <= now-rateOver {
		r.looks = r.looks[1:]
	}
	if n := len(r.looks); n == 0 || n < mostLooks && r.looks[n-1].at <= now-rateOver/mostLooks {
		r.looks = append(r.looks, look{now, count})
	}
	first := r.looks[0]
	if now <= first.at {
		return 0
	}
	return float64(count-first.count) / time.Duration(now-first.at).Seconds()
}
