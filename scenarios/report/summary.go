package report

import (
	"cmp"
	"slices"

	"spafleet/scenarios/tally"
)

// A Summary is what a run amounts to, in the form of a report's JSON. Keys never
// change their meaning.
type Summary struct {
	Devices     int                 `json:"devices"`
	Provisioned int                 `json:"provisioned"`    // devices with at least one successful resync
	Unanswered  int                 `json:"never_answered"` // devices that no server ever answered
	States      map[string]int      `json:"states"`
	Models      []MakeSummary       `json:"models"`
	Resyncs     tally.Pair          `json:"resyncs"`
	Upgrades    tally.Pair          `json:"upgrades"`
	Reboots     map[string]int64    `json:"reboots"`
	Metrics     map[string][]Metric `json:"metrics"`
	Findings    Findings            `json:"findings"`
}

// MakeSummary is a make's part.
type MakeSummary struct {
	tally.Make
	tally.Answers
	States map[string]int `json:"states"`
}

// A Metric is one metric under one set of tags.
type Metric struct {
	Tags map[string]string `json:"tags"`
	tally.Spread
}

// Findings is what the author of a server wants to know.
type Findings struct {
	UnknownParams  []Named         `json:"unknown_params"`  // parameters that no device of the model has
	RejectedParams []Named         `json:"rejected_params"` // parameters whose value the devices did not take
	Errors         []tally.Failure `json:"errors"`          // by cause, the most frequent first
	RebootLoops    tally.Loops     `json:"reboot_loops"`    // devices that each file reboots again
	ErrorsMore     int             `json:"errors_more"`     // failures of causes beyond those
}

// Named is a name with how often it was seen.
type Named struct {
	Name  string `json:"name"`
	Count int    `json:"count"`
}

// mostFindings is how many findings of a kind a report shows in words.
const mostFindings = 10

// Summarize returns what totals amount to.
func Summarize(t *tally.Totals) Summary {
	s := Summary{Devices: t.Devices, States: t.States(), Reboots: t.Reboots, Metrics: metrics(t), Findings: findings(t)}
	for i := range t.Makes {
		m := &t.Makes[i]
		s.Provisioned += m.Provisioned
		s.Unanswered += m.Unanswered
		s.Resyncs.Add(m.Resyncs)
		s.Upgrades.Add(m.Upgrades)
		s.Models = append(s.Models, MakeSummary{Make: m.Make, Answers: m.Answers, States: m.States})
	}
	return s
}

func metrics(t *tally.Totals) map[string][]Metric {
	m := map[string][]Metric{}
	for i := range t.Series {
		s := &t.Series[i]
		m[s.Name] = append(m[s.Name], Metric{s.Tags, s.Spread()})
	}
	return m
}

func findings(t *tally.Totals) Findings {
	return Findings{UnknownParams: mostOften(t.Unknown), RejectedParams: mostOften(t.Rejected),
		RebootLoops: t.Loops, Errors: append([]tally.Failure{}, t.Errors...), ErrorsMore: t.ErrorsMore}
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
