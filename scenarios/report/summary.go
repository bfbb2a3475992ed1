package report

import (
	"cmp"
	"slices"
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
func (t *Tally) Summary() Summary { return t.Totals().Summary() }

// Summary returns what the totals amount to.
func (t *Totals) Summary() Summary {
	s := Summary{Devices: t.Devices, States: map[string]int{}, Reboots: t.Reboots, Metrics: t.metrics(), Findings: t.findings()}
	for i := range t.Makes {
		m := &t.Makes[i]
		s.Resyncs.add(m.Resyncs)
		s.Upgrades.add(m.Upgrades)
		s.Models = append(s.Models, MakeSummary{Make: m.Make, OK: m.OK, Failed: m.Failed, States: m.States})
		addCounts(&s.States, m.States)
	}
	return s
}

func (p *Pair) add(o Pair) {
	p.OK += o.OK
	p.Failed += o.Failed
}

func (t *Totals) metrics() map[string][]Metric {
	m := map[string][]Metric{}
	for i := range t.Series {
		s := &t.Series[i]
		m[s.Name] = append(m[s.Name], Metric{s.Tags, s.Spread()})
	}
	return m
}

func (t *Totals) findings() Findings {
	return Findings{UnknownParams: mostOften(t.Unknown), RejectedParams: mostOften(t.Rejected),
		Errors: append([]Failure{}, t.Errors[:min(len(t.Errors), mostFindings)]...)}
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
