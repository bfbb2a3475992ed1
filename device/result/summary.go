package result

import (
	"cmp"
	"slices"

	"spafleet/device"
	"spafleet/fsm"
)

// A Summary is what a run amounts to, in the form of a report's JSON. Keys never
// change their meaning.
type Summary struct {
	Devices  int                 `json:"devices"`
	States   map[string]int      `json:"states"`
	Models   []MakeSummary       `json:"models"`
	Resyncs  Pair                `json:"resyncs"`
	Upgrades Pair                `json:"upgrades"`
	Reboots  map[string]int64    `json:"reboots"`
	Metrics  map[string][]Metric `json:"metrics"`
	Findings Findings            `json:"findings"`
}

// Pair counts what went well and what did not.
type Pair struct {
	OK     int64 `json:"ok"`
	Failed int64 `json:"failed"`
}

// MakeSummary is a make's part: OK and Failed are devices by their last resync.
type MakeSummary struct {
	Make
	OK     int            `json:"ok"`
	Failed int            `json:"failed"`
	States map[string]int `json:"states"`
}

// A Metric is one metric under one set of tags.
type Metric struct {
	Tags map[string]string `json:"tags"`
	Spread
}

// Findings is what the author of a server wants to know.
type Findings struct {
	UnknownParams  []Named   `json:"unknown_params"`  // parameters that no device of the model has
	RejectedParams []Named   `json:"rejected_params"` // parameters whose value the devices did not take
	Errors         []Failure `json:"errors"`
}

// Named is a name with how often it was seen.
type Named struct {
	Name  string `json:"name"`
	Count int    `json:"count"`
}

// mostFindings is how many findings of a kind a report shows.
const mostFindings = 10

// Summary returns the figures so far.
func (t *Tally) Summary() Summary {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := Summary{Devices: len(t.devices), States: map[string]int{}, Reboots: map[string]int64{}, Metrics: t.metrics(), Findings: t.findings()}
	for i := range t.makes {
		c := &t.counts[i]
		s.Resyncs.OK += c.ok
		s.Resyncs.Failed += c.failed
		s.Upgrades.OK += c.upgraded
		s.Upgrades.Failed += c.unUpped
		s.Models = append(s.Models, MakeSummary{Make: t.makes[i], States: states(c)})
		for name, n := range states(c) {
			s.States[name] += n
		}
	}
	for dev := range t.devices {
		m := &s.Models[t.makeOf(device.Index(dev))]
		switch mark := &t.devices[dev]; {
		case mark.known && mark.ok:
			m.OK++
		case mark.known:
			m.Failed++
		}
	}
	for reason, n := range t.reboots {
		s.Reboots[reason.String()] = n
	}
	return s
}

func states(c *counts) map[string]int {
	m := map[string]int{}
	for i, n := range c.states {
		if n != 0 {
			m[fsm.State(i).String()] = int(n)
		}
	}
	return m
}

func (t *Tally) metrics() map[string][]Metric {
	none := map[string]string{}
	m := map[string][]Metric{}
	add := func(name string, tags map[string]string, h *histogram) {
		if h.h != nil {
			m[name] = append(m[name], Metric{tags, h.spread()})
		}
	}
	add("resync_duration", none, &t.resync)
	add("ready_duration", none, &t.ready)
	add("lateness", none, &t.lateness)
	for scheme, h := range t.fetch {
		add("fetch_duration", map[string]string{"scheme": scheme}, h)
	}
	for k, h := range t.phases {
		add("phase_duration", map[string]string{"phase": k.phase, "scheme": k.scheme}, h)
	}
	for _, list := range m {
		slices.SortFunc(list, func(a, b Metric) int {
			return cmp.Or(cmp.Compare(a.Tags["scheme"], b.Tags["scheme"]), cmp.Compare(a.Tags["phase"], b.Tags["phase"]))
		})
	}
	return m
}

func (t *Tally) findings() Findings {
	f := Findings{UnknownParams: mostOften(t.unknown), RejectedParams: mostOften(t.rejected), Errors: []Failure{}}
	for _, e := range t.errs {
		f.Errors = append(f.Errors, *e)
	}
	slices.SortFunc(f.Errors, func(a, b Failure) int {
		return cmp.Or(b.Count-a.Count, cmp.Compare(a.Err, b.Err), cmp.Compare(a.Result, b.Result))
	})
	f.Errors = f.Errors[:min(len(f.Errors), mostFindings)]
	return f
}

// mostOften returns the names that were counted most.
func mostOften(counts map[string]int) []Named {
	list := make([]Named, 0, len(counts))
	for name, n := range counts {
		list = append(list, Named{name, n})
	}
	slices.SortFunc(list, func(a, b Named) int { return cmp.Or(b.Count-a.Count, cmp.Compare(a.Name, b.Name)) })
	return list[:min(len(list), mostFindings)]
}

// Lateness returns how late attempts started.
func (t *Tally) Lateness() Spread {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.lateness.spread()
}

// Started returns how many resyncs began.
func (t *Tally) Started() int64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.started
}
