// Package compare sets two reports side by side.
package compare

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"spafleet/scenarios/report"
	"spafleet/scenarios/tally"
)

// mostRows is how many differences of a kind are shown in words.
const mostRows = 20

// A Comparison is two results side by side. Figures are of the run before and of
// the one after; lists have only what differs.
type Comparison struct {
	Same    bool      `json:"same"` // nothing differs but durations and latencies
	Verdict [2]string `json:"verdict"`
	Names   [2]string `json:"names"`
	Figures []Figure  `json:"figures"`
	Checks  []Check   `json:"checks"`   // expectations, thresholds and awaited steps
	Causes  []Change  `json:"failures"` // failures by cause
	Unknown []Change  `json:"unknown_params"`
	Refused []Change  `json:"rejected_params"`
	Partial []Change  `json:"partial_files"`
	Models  []Change  `json:"models"` // devices whose last resync failed, by group, model and firmware
	Notes   []string  `json:"notes"`  // what makes the runs hard to compare
}

// A Figure is a figure of both runs.
type Figure struct {
	Name   string     `json:"name"`
	Values [2]float64 `json:"values"`
	Time   bool       `json:"seconds"` // it is a duration, which no two runs have in common
}

// A Check is something expected of either run: yes, no, or absent.
type Check struct {
	Name string    `json:"name"`
	Held [2]string `json:"held"`
}

// A Change is how often something was in each run.
type Change struct {
	Name   string `json:"name"`
	Counts [2]int `json:"counts"`
}

// Of sets two results side by side.
func Of(before, after *report.Report) *Comparison {
	both := [2]*report.Report{before, after}
	c := &Comparison{Verdict: [2]string{before.Verdict, after.Verdict}, Names: [2]string{before.Name, after.Name}, Notes: []string{}}
	c.Figures = figures(both)
	c.Checks = checks(both)
	c.Causes = changes(both, func(r *report.Report, add func(string, int)) {
		for i := range r.Findings.Errors {
			add(report.Describe(&r.Findings.Errors[i]), r.Findings.Errors[i].Count)
		}
	})
	names := func(list func(*report.Findings) []report.Named) []Change {
		return changes(both, func(r *report.Report, add func(string, int)) {
			for _, n := range list(&r.Findings) {
				add(n.Name, n.Count)
			}
		})
	}
	c.Unknown = names(func(f *report.Findings) []report.Named { return f.UnknownParams })
	c.Refused = names(func(f *report.Findings) []report.Named { return f.RejectedParams })
	c.Partial = names(func(f *report.Findings) []report.Named { return f.PartialFiles })
	c.Models = changes(both, func(r *report.Report, add func(string, int)) {
		for i := range r.Models {
			add(strings.TrimSpace(r.Models[i].Group+" "+r.Models[i].Make.String()), r.Models[i].Failed)
		}
	})
	c.note(both)
	c.Same = c.Verdict[0] == c.Verdict[1] && len(c.Checks)+len(c.Causes)+len(c.Unknown)+len(c.Refused)+len(c.Partial)+len(c.Models) == 0 &&
		!slices.ContainsFunc(c.Figures, func(f Figure) bool { return !f.Time && f.Values[0] != f.Values[1] })
	return c
}

// note says what makes two runs hard to compare.
func (c *Comparison) note(both [2]*report.Report) {
	add := func(what string, a, b any) {
		if a != b {
			c.Notes = append(c.Notes, fmt.Sprintf("they have different %s: %v and %v", what, a, b))
		}
	}
	add("scenarios", both[0].Name, both[1].Name)
	add("clocks", both[0].Clock, both[1].Clock)
	add("seeds", both[0].Seed, both[1].Seed)
	add("numbers of devices", both[0].Devices, both[1].Devices)
	for i, r := range both {
		if !r.Generator.Valid {
			c.Notes = append(c.Notes, [2]string{"before", "after"}[i]+": the machine running spafleet was too slow")
		}
	}
}

func figures(both [2]*report.Report) []Figure {
	var list []Figure
	number := func(name string, of func(*report.Report) int64) {
		list = append(list, Figure{name, [2]float64{float64(of(both[0])), float64(of(both[1]))}, false})
	}
	number("devices", func(r *report.Report) int64 { return int64(r.Devices) })
	number("provisioned", func(r *report.Report) int64 { return int64(r.Provisioned) })
	number("never answered", func(r *report.Report) int64 { return int64(r.Unanswered) })
	number("resyncs ok", func(r *report.Report) int64 { return r.Resyncs.OK })
	number("resyncs failed", func(r *report.Report) int64 { return r.Resyncs.Failed })
	number("upgrades ok", func(r *report.Report) int64 { return r.Upgrades.OK })
	number("upgrades failed", func(r *report.Report) int64 { return r.Upgrades.Failed })
	list = append(list, Figure{"duration", [2]float64{both[0].DurationSeconds, both[1].DurationSeconds}, true})
	for _, metric := range []string{"resync_duration", "ready_duration", "fetch_duration"} {
		for _, at := range []struct {
			name string
			of   func(tally.Spread) float64
		}{{"median", func(s tally.Spread) float64 { return s.Med }}, {"p95", func(s tally.Spread) float64 { return s.P95 }}, {"p99", func(s tally.Spread) float64 { return s.P99 }}} {
			for _, scheme := range schemes(both, metric) {
				name := strings.TrimSpace(strings.TrimSuffix(metric, "_duration") + " " + scheme)
				list = append(list, Figure{name + " " + at.name, [2]float64{at.of(spread(both[0], metric, scheme)), at.of(spread(both[1], metric, scheme))}, true})
			}
		}
	}
	return list
}

func schemes(both [2]*report.Report, metric string) []string {
	all := map[string]bool{}
	for _, r := range both {
		for _, m := range r.Metrics[metric] {
			all[m.Tags["scheme"]] = true
		}
	}
	return slices.Sorted(maps.Keys(all))
}

func spread(r *report.Report, metric, scheme string) tally.Spread {
	for _, m := range r.Metrics[metric] {
		if m.Tags["scheme"] == scheme {
			return m.Spread
		}
	}
	return tally.Spread{}
}

// checks returns what was expected of the runs and came out differently.
func checks(both [2]*report.Report) []Check {
	held := [2]map[string]string{{}, {}}
	var names []string
	for i, r := range both {
		add := func(name string, ok bool) {
			if held[0][name] == "" && held[1][name] == "" {
				names = append(names, name)
			}
			held[i][name] = map[bool]string{true: "yes", false: "no"}[ok]
		}
		for _, s := range r.Timeline {
			if s.Asked() {
				add("step "+s.Name, s.OK())
			}
		}
		for j := range r.Expect {
			add(r.Expect[j].Name, r.Expect[j].OK)
		}
		for j := range r.Thresholds {
			add(r.Thresholds[j].Metric+": "+r.Thresholds[j].Threshold, r.Thresholds[j].OK)
		}
		if r.Bug != nil {
			for _, b := range r.Bug.Checks() {
				add(b.Name, b.OK)
			}
		}
	}
	list := []Check{}
	for _, name := range names {
		if held[0][name] != held[1][name] {
			list = append(list, Check{name, [2]string{cmp.Or(held[0][name], "absent"), cmp.Or(held[1][name], "absent")}})
		}
	}
	return list
}

// changes returns what was counted differently, the greatest difference first.
func changes(both [2]*report.Report, each func(*report.Report, func(name string, n int))) []Change {
	counts := map[string]*Change{}
	for i, r := range both {
		each(r, func(name string, n int) {
			if counts[name] == nil {
				counts[name] = &Change{Name: name}
			}
			counts[name].Counts[i] += n
		})
	}
	list := []Change{}
	for _, c := range counts {
		if c.Counts[0] != c.Counts[1] {
			list = append(list, *c)
		}
	}
	size := func(c Change) int { return max(c.Counts[0]-c.Counts[1], c.Counts[1]-c.Counts[0]) }
	slices.SortFunc(list, func(a, b Change) int { return cmp.Or(size(b)-size(a), cmp.Compare(a.Name, b.Name)) })
	return list
}

// WriteText prints a comparison in words.
func (c *Comparison) WriteText(w io.Writer) {
	var b strings.Builder
	fmt.Fprintf(&b, "%-30s %14s %14s\n", "", "before", "after")
	fmt.Fprintf(&b, "%-30s %14s %14s\n", "verdict", c.Verdict[0], c.Verdict[1])
	for _, f := range c.Figures {
		if f.Values == [2]float64{} {
			continue
		}
		fmt.Fprintf(&b, "%-30s %14s %14s%s\n", f.Name, f.text(0), f.text(1), f.ratio())
	}
	writeRows(&b, "expectations and thresholds", c.Checks, func(k Check) (string, string, string) { return k.Name, k.Held[0], k.Held[1] })
	change := func(k Change) (string, string, string) {
		return k.Name, fmt.Sprint(k.Counts[0]), fmt.Sprint(k.Counts[1])
	}
	writeRows(&b, "failures by cause", c.Causes, change)
	writeRows(&b, "parameters that the devices do not have", c.Unknown, change)
	writeRows(&b, "parameter values that the devices do not accept", c.Refused, change)
	writeRows(&b, "files of which the devices took only a part", c.Partial, change)
	writeRows(&b, "devices whose last resync failed", c.Models, change)
	if c.Same {
		b.WriteString("\nnothing differs but how long it took\n")
	}
	for _, n := range c.Notes {
		fmt.Fprintf(&b, "\nnote: %s\n", n)
	}
	io.WriteString(w, b.String())
}

func writeRows[T any](b *strings.Builder, title string, list []T, of func(T) (name, before, after string)) {
	if len(list) == 0 {
		return
	}
	fmt.Fprintf(b, "\n%s\n", title)
	for _, k := range list[:min(len(list), mostRows)] {
		name, before, after := of(k)
		fmt.Fprintf(b, "  %9s → %-9s %s\n", before, after, name)
	}
	if more := len(list) - mostRows; more > 0 {
		fmt.Fprintf(b, "  and %d more; see --json\n", more)
	}
}

func (f *Figure) text(i int) string {
	if f.Time {
		return report.Seconds(f.Values[i])
	}
	return fmt.Sprint(int64(f.Values[i]))
}

// ratio says how many times longer it took after; nothing below a tenth.
func (f *Figure) ratio() string {
	if !f.Time || f.Values[0] <= 0 || f.Values[1] <= 0 {
		return ""
	}
	if r := f.Values[1] / f.Values[0]; r > 1.1 || r < 1/1.1 {
		return fmt.Sprintf("  × %.2g", r)
	}
	return ""
}
