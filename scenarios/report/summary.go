package report

import (
	"maps"
	"slices"

	"spafleet/device/model"
	"spafleet/scenarios/tally"
)

// A Summary is what a run amounts to, in the form of a report's JSON. Keys never
// change their meaning.
type Summary struct {
	Devices     int                   `json:"devices"`
	Provisioned int                   `json:"provisioned"`    // devices with at least one successful resync
	Unanswered  int                   `json:"never_answered"` // devices that no server ever answered
	States      map[string]int        `json:"states"`
	Models      []MakeSummary         `json:"models"`
	Resyncs     tally.Pair            `json:"resyncs"`
	Upgrades    tally.Pair            `json:"upgrades"`
	Repeats     int64                 `json:"repeated_fetches"` // fetches of a file that had just failed, at once and within the same resync; fetch_duration has them too
	Extras      map[string]tally.Pair `json:"extra_files"`      // transfers of files beside profile and image, by kind
	Reboots     map[string]int64      `json:"reboots"`
	SIP         *tally.SIP            `json:"sip,omitempty"` // absent where devices neither registered nor heard a NOTIFY
	Metrics     map[string][]Metric   `json:"metrics"`
	Findings    Findings              `json:"findings"`
	History     History               `json:"history"`
}

// MakeSummary is a make's part.
type MakeSummary struct {
	tally.Make
	tally.Answers
	States map[string]int   `json:"states"`
	Now    []tally.Firmware `json:"now"` // its devices by the firmware that they have now
}

// A Metric is one metric under one set of tags.
type Metric struct {
	Tags map[string]string `json:"tags"`
	tally.Spread
	Failed int64 `json:"failed,omitempty"` // of resync_duration: resyncs; of fetch_duration: transfers, whose durations are not in it
}

// Findings is what the author of a server wants to know.
type Findings struct {
	UnknownParams    []Named             `json:"unknown_params"`     // parameters that no device of the model has
	UnknownMore      int                 `json:"unknown_more"`       // times of names beyond those
	RejectedParams   []Named             `json:"rejected_params"`    // parameters whose value the devices did not take
	RejectedMore     int                 `json:"rejected_more"`      // times of names beyond those
	PartialFiles     []Named             `json:"partial_files"`      // files of which devices took only a part, by what they took: "up to line 7: " and why
	PartialMore      int                 `json:"partial_more"`       // times of parts beyond those
	DerivedSets      map[string]string   `json:"derived_sets"`       // of those models, the one whose parameters theirs are derived from
	Errors           []tally.Failure     `json:"errors"`             // by cause, the most frequent first
	ErrorsMore       int                 `json:"errors_more"`        // failures of causes beyond those
	RebootLoops      tally.Loops         `json:"reboot_loops"`       // devices that each file reboots again
	UpgradeLoops     []tally.UpgradeLoop `json:"upgrade_loops"`      // devices that a failed upgrade reboots again and again, by cause
	UpgradeLoopsMore int                 `json:"upgrade_loops_more"` // devices of causes beyond those
}

// Named is a parameter with how often it was in files for devices that did not take
// it.
type Named struct {
	Name   string         `json:"name"`
	Count  int            `json:"count"`
	Models map[string]int `json:"models"`
	Value  string         `json:"value,omitempty"`  // one that was not taken, its beginning
	Takes  string         `json:"takes,omitempty"`  // what is taken
	Reason string         `json:"reason,omitempty"` // of unknown ones: came with later firmware, beyond the model's lines, misspelt, not in the set
	Hint   string         `json:"hint,omitempty"`   // the name that was meant, its place, or who has it
}

// mostFindings is how many findings of a kind a report shows in words.
const mostFindings = 10

// Summarize returns what totals amount to.
func Summarize(t *tally.Totals) Summary {
	s := Summary{Devices: t.Devices, States: t.States(), Repeats: t.Repeats, Extras: extras(t), Reboots: t.Reboots, Metrics: metrics(t), Findings: findings(t), History: history(&t.History)}
	if t.SIP.Any() {
		s.SIP = &t.SIP
	}
	for i := range t.Makes {
		m := &t.Makes[i]
		s.Provisioned += m.Provisioned
		s.Unanswered += m.Unanswered
		s.Resyncs.Add(m.Resyncs)
		s.Upgrades.Add(m.Upgrades)
		s.Models = append(s.Models, MakeSummary{Make: m.Make, Answers: m.Answers, States: m.States, Now: m.Now})
	}
	return s
}

// extras counts the transfers of files beside profile and image.
func extras(t *tally.Totals) map[string]tally.Pair {
	counts := map[string]tally.Pair{}
	for x := range model.ExtraFiles() {
		counts[x.What] = tally.Pair{}
	}
	counts["xml_service"] = tally.Pair{} // a NOTIFY or a push names it
	for _, f := range t.Fetches {
		pair, is := counts[f.What]
		switch {
		case !is:
			continue
		case f.Result == "ok":
			pair.OK += f.Count
		default:
			pair.Failed += f.Count
		}
		counts[f.What] = pair
	}
	maps.DeleteFunc(counts, func(_ string, p tally.Pair) bool { return p == tally.Pair{} })
	return counts
}

// ByModel returns the devices and states of each model and firmware, those of all groups
// together.
func (s Summary) ByModel() []MakeSummary {
	var list []MakeSummary
	for _, m := range s.Models {
		at := slices.IndexFunc(list, func(o MakeSummary) bool { return o.Model == m.Model && o.Firmware == m.Firmware })
		if at < 0 {
			at = len(list)
			list = append(list, MakeSummary{Make: tally.Make{Model: m.Model, Firmware: m.Firmware}, States: map[string]int{}})
		}
		list[at].Devices += m.Devices
		for state, n := range m.States {
			list[at].States[state] += n
		}
	}
	return list
}

func metrics(t *tally.Totals) map[string][]Metric {
	m := map[string][]Metric{}
	failed := map[string]int64{} // transfers, by scheme
	for _, f := range t.Fetches {
		if f.Result != "ok" && f.Scheme != "" {
			failed[f.Scheme] += f.Count
		}
	}
	for i := range t.Series {
		s := &t.Series[i]
		metric := Metric{Tags: s.Tags, Spread: s.Spread()}
		switch s.Name {
		case "resync_duration":
			for i := range t.Makes {
				metric.Failed += t.Makes[i].Resyncs.Failed
			}
		case "fetch_duration":
			metric.Failed = failed[s.Tags["scheme"]]
			delete(failed, s.Tags["scheme"])
		}
		m[s.Name] = append(m[s.Name], metric)
	}
	for _, scheme := range slices.Sorted(maps.Keys(failed)) { // none of its transfers succeeded
		m["fetch_duration"] = append(m["fetch_duration"], Metric{Tags: map[string]string{"scheme": scheme}, Failed: failed[scheme]})
	}
	return m
}

func findings(t *tally.Totals) Findings {
	return Findings{UnknownParams: mostOften(t.Unknown), UnknownMore: t.Unknown.More, RejectedParams: mostOften(t.Rejected), RejectedMore: t.Rejected.More,
		PartialFiles: mostOften(t.Partly), PartialMore: t.Partly.More, DerivedSets: map[string]string{},
		RebootLoops: t.Loops, UpgradeLoops: append([]tally.UpgradeLoop{}, t.UpgradeLoops...), UpgradeLoopsMore: t.UpgradeLoopsMore, Errors: append([]tally.Failure{}, t.Errors...), ErrorsMore: t.ErrorsMore}
}

// mostOften returns the names, those that were counted most first.
func mostOften(p tally.Params) []Named {
	list := []Named{}
	for _, p := range p.List { // in the order of names
		if n := len(list); n == 0 || list[n-1].Name != p.Name {
			list = append(list, Named{Name: p.Name, Models: map[string]int{}, Value: p.Value})
		}
		last := &list[len(list)-1]
		last.Count += p.Count
		last.Models[p.Model+" "+p.Firmware] += p.Count
	}
	slices.SortStableFunc(list, func(a, b Named) int { return b.Count - a.Count })
	return list
}
