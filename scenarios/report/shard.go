package report

import (
	"fmt"

	"spafleet/scenarios/tally"
)

// A Shard says which shard of a run a report is of. Run, Index and Attempt are
// its key.
type Shard struct {
	Run     string `json:"run"`
	Index   int    `json:"index"`
	Count   int    `json:"count"`
	Attempt int    `json:"attempt"`
	Devices int    `json:"devices_total"` // of the whole fleet
}

// String names a shard in messages.
func (s *Shard) String() string {
	return fmt.Sprintf("shard %d of %d, attempt %d", s.Index, s.Count, s.Attempt)
}

// Mergeable is the part of a shard's report that adds up with the others.
type Mergeable struct {
	Totals       *tally.Totals      `json:"totals"`
	Expectations []expectationShare `json:"expectations"` // as in Report.Expect
}

// MakeMergeable gives a shard's report its totals, and no share of an expectation yet.
func (r *Report) MakeMergeable(t *tally.Totals) {
	r.Mergeable = &Mergeable{Totals: t, Expectations: []expectationShare{}}
}

// An expectationShare is what decides an expectation together with those of the
// other shards. Holding and Failing are the first few devices of both sides.
type expectationShare struct {
	Quant   string    `json:"quant"`
	Limit   float64   `json:"limit,omitempty"`
	Percent bool      `json:"percent,omitempty"`
	Holding []Failing `json:"holding,omitempty"`
	Failing []Failing `json:"failing,omitempty"`
	// Devices of both sides whose last failure lateness cannot have caused.
	SurelyHolding int `json:"surely_holding,omitempty"`
	SurelyFailing int `json:"surely_failing,omitempty"`
}

// A Side is the devices of a shard that an expectation holds for, or the others:
// the first few, and how many of all have failed for a reason that lateness cannot
// cause.
type Side struct {
	First  []Failing
	Surely int
}

// Add adds a shard's share of the next expectation of the report. The first few
// devices of both sides are needed if the form counts.
func (m *Mergeable) Add(q Quant, holding, failing Side) {
	m.Expectations = append(m.Expectations, expectationShare{Quant: q.Form, Limit: q.Limit.N, Percent: q.Limit.Percent,
		Holding: holding.First, Failing: failing.First, SurelyHolding: holding.Surely, SurelyFailing: failing.Surely})
}

func (e *expectationShare) quant() Quant {
	return Quant{Form: e.Quant, Limit: Quantity{N: e.Limit, Percent: e.Percent}}
}
