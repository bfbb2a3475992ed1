package report

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"spafleet/device/hint"
	"spafleet/scenarios/tally"
)

// A ShardResult is a shard's report, and where it was read.
type ShardResult struct {
	From   string // a file, for messages
	Report *Report
}

// Merge returns the report of the whole fleet from those of its shards. Counters,
// histograms and expectations are as if one process had run all devices. Of
// several attempts of a shard the last counts. A shard that is missing or given
// twice, or a report of another run, is an error that names it.
func Merge(results []ShardResult) (*Report, error) {
	if len(results) == 0 {
		return nil, errors.New("no result of a shard to merge")
	}
	for i := range results {
		if err := alike(&results[0], &results[i]); err != nil {
			return nil, err
		}
	}
	results, err := lastAttempts(results)
	if err != nil {
		return nil, err
	}
	return add(results)
}

// alike says why a result is not of the same run as another.
func alike(a, b *ShardResult) error {
	r, o := a.Report, b.Report
	switch {
	case o.Format != 0 && o.Format != Format:
		return fmt.Errorf("%s has format %d, and this spafleet merges format %d: run all shards with the same version", b.From, o.Format, Format)
	case o.Format == 0 || o.Shard == nil || o.Mergeable == nil || o.Mergeable.Totals == nil:
		return hint.With(fmt.Errorf("%s is not the result of a shard", b.From), hint.Shard, "")
	case o.Shard.Index < 0 || o.Shard.Index >= o.Shard.Count || len(o.Mergeable.Expectations) != len(o.Expect):
		return fmt.Errorf("%s contradicts itself: %s", b.From, o.Shard)
	case a == b:
		return nil
	}
	for _, f := range []struct {
		what         string
		ours, theirs any
	}{
		{"run", r.Shard.Run, o.Shard.Run}, {"scenario", r.Name, o.Name}, {"seed", r.Seed, o.Seed}, {"clock", r.Clock, o.Clock},
		{"number of shards", r.Shard.Count, o.Shard.Count}, {"number of devices", r.Shard.Devices, o.Shard.Devices},
		{"digest of the scenario", r.Source.SHA256, o.Source.SHA256}, {"digest of the list of devices", r.Source.List, o.Source.List},
		{"expectations", expectationNames(r), expectationNames(o)}, {"steps", stepNames(r), stepNames(o)},
		{"thresholds", thresholdNames(r), thresholdNames(o)},
	} {
		if f.ours != f.theirs {
			return fmt.Errorf("%s and %s are not of one run: %s %q and %q", a.From, b.From, f.what, fmt.Sprint(f.ours), fmt.Sprint(f.theirs))
		}
	}
	return nil
}

func expectationNames(r *Report) string {
	var names []string
	for i, e := range r.Expect {
		share := &r.Mergeable.Expectations[i]
		names = append(names, fmt.Sprintf("%s (%s %g)", e.Name, share.Quant, share.Limit))
	}
	return strings.Join(names, ", ")
}

func stepNames(r *Report) string {
	var names []string
	for _, s := range r.Timeline {
		names = append(names, s.Name)
	}
	return strings.Join(names, ", ")
}

func thresholdNames(r *Report) string {
	var names []string
	for _, t := range r.Thresholds {
		names = append(names, t.Metric+" "+t.Threshold)
	}
	return strings.Join(names, ", ")
}

// mergeThresholds checks the thresholds of the shards for the whole fleet.
func mergeThresholds(list []ThresholdReport, all *tally.Totals, duration time.Duration) ([]ThresholdReport, error) {
	merged := []ThresholdReport{}
	for _, r := range list {
		t, err := ParseThreshold(r.Metric, r.Threshold)
		if err != nil {
			return nil, err
		}
		t.OnlyFails = r.OnlyFails
		merged = append(merged, t.Check(all, duration))
	}
	return merged, nil
}

// lastAttempts returns one result for each shard, in order.
func lastAttempts(results []ShardResult) ([]ShardResult, error) {
	list := make([]ShardResult, results[0].Report.Shard.Count)
	for _, p := range results {
		s := p.Report.Shard
		have := &list[s.Index]
		switch {
		case have.Report == nil || s.Attempt > have.Report.Shard.Attempt:
			*have = p
		case s.Attempt == have.Report.Shard.Attempt:
			return nil, fmt.Errorf("%s is there twice: in %s and in %s", s, have.From, p.From)
		}
	}
	var missing []string
	for i := range list {
		if list[i].Report == nil {
			missing = append(missing, fmt.Sprint(i))
		}
	}
	if len(missing) > 0 {
		return nil, fmt.Errorf("%s missing, of %d: give the result of every one", plural("shard", missing), len(list))
	}
	return list, nil
}

// plural names things: shard 2 is, shards 2 and 5 are.
func plural(what string, list []string) string {
	if len(list) == 1 {
		return what + " " + list[0] + " is"
	}
	return what + "s " + strings.Join(list[:len(list)-1], ", ") + " and " + list[len(list)-1] + " are"
}

// add adds up results that belong together.
func add(results []ShardResult) (*Report, error) {
	first := results[0].Report
	all := *first
	all.Shard, all.Mergeable, all.Shards, all.Unheard, all.Plan = nil, nil, nil, 0, "" // plans of shards do not add up
	all.Timeline, all.Expect = slices.Clone(first.Timeline), slices.Clone(first.Expect)
	all.Generator.Reasons, all.Generator.Limits, all.Generator.Machine, all.Notes = []string{}, []string{}, MachineLoad{}, []string{}
	all.Generator.Valid, all.Generator.Most, all.Generator.Aborted = true, 0, 0
	totals := tally.NewTotals(first.Mergeable.Totals)
	for _, p := range results {
		r := p.Report
		if err := totals.Merge(r.Mergeable.Totals); err != nil {
			return nil, fmt.Errorf("%s and %s: %w", results[0].From, p.From, err)
		}
		all.Shards = append(all.Shards, *r.Shard)
		all.Unheard += r.Unheard
		all.DurationSeconds, all.WallSeconds = max(all.DurationSeconds, r.DurationSeconds), max(all.WallSeconds, r.WallSeconds)
		all.Started, all.FleetStart = earlier(all.Started, r.Started), earlier(all.FleetStart, r.FleetStart)
		for _, n := range r.Notes {
			if !slices.Contains(all.Notes, n) {
				all.Notes = append(all.Notes, n)
			}
		}
		all.Generator.merge(&r.Generator, r.Shard.Index)
	}
	all.Summary = Summarize(totals)
	all.Explain()
	all.Generator.Lateness = totals.Lateness()
	for i := range all.Timeline {
		all.Timeline[i] = mergeSteps(results, i)
	}
	for i := range all.Expect {
		all.Expect[i] = mergeExpectations(results, i)
	}
	var err error
	if all.Thresholds, err = mergeThresholds(first.Thresholds, totals, time.Duration(all.DurationSeconds*float64(time.Second))); err != nil {
		return nil, fmt.Errorf("%s: %w", results[0].From, err)
	}
	interrupted := slices.ContainsFunc(results, func(p ShardResult) bool { return p.Report.Verdict == Interrupted })
	all.Judge(interrupted)
	return &all, nil
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

// merge adds another shard's generator. One that could not keep up makes the
// whole invalid.
func (g *Generator) merge(o *Generator, shard int) {
	g.Valid = g.Valid && o.Valid
	g.Most += o.Most
	g.Aborted += o.Aborted
	g.Machine.merge(&o.Machine)
	for _, l := range o.Limits {
		if !slices.Contains(g.Limits, l) {
			g.Limits = append(g.Limits, l)
		}
	}
	for _, reason := range o.Reasons {
		g.Reasons = append(g.Reasons, fmt.Sprintf("shard %d: %s", shard, reason))
	}
}

func mergeSteps(results []ShardResult, i int) StepReport {
	s := results[0].Report.Timeline[i]
	s.Missing = nil
	s.Devices, s.Exchanges = 0, 0
	for _, p := range results {
		o := p.Report.Timeline[i]
		s.Fired, s.Idle = s.Fired && o.Fired, s.Idle && o.Idle
		s.Surely = s.Surely || o.Surely
		s.Error = cmp.Or(s.Error, o.Error)
		s.At = max(s.At, o.At)
		s.Devices += o.Devices
		s.Exchanges += o.Exchanges
	}
	if !s.Fired {
		s.At = 0
	}
	return s
}

// mergeExpectations decides an expectation for the whole fleet.
func mergeExpectations(results []ShardResult, i int) ExpectationReport {
	quant := results[0].Report.Mergeable.Expectations[i].quant()
	all := results[0].Report.Expect[i]
	all.OK, all.Shared, all.Surely, all.Devices, all.Held, all.DecidedAt, all.First = true, false, false, 0, 0, 0, []Failing{}
	for _, p := range results {
		e := p.Report.Expect[i]
		all.Devices += e.Devices
		all.Held += e.Held
		all.DecidedAt = max(all.DecidedAt, e.DecidedAt)
		all.OK = all.OK && e.OK
		if e.Waits == "" {
			all.Waits = ""
		}
	}
	if quant.Counts() {
		all.OK = quant.Holds(all.Held, all.Devices)
	} else if !all.OK && quant.EachEvent() {
		all.DecidedAt = firstBreak(results, i)
	}
	if !all.OK {
		all.First = mergeFailing(results, i, quant, &all)
		all.Surely = quant.FailsSurely(surelyFailing(results, i, quant.Fails(true, all.Held, all.Devices)), all.Held, all.Devices)
	}
	return all
}

// surelyFailing returns how many devices of the side that an expectation fails for
// have failed for a reason that lateness cannot cause.
func surelyFailing(results []ShardResult, i int, holding bool) (n int) {
	for _, p := range results {
		share := &p.Report.Mergeable.Expectations[i]
		if holding {
			n += share.SurelyHolding
		} else {
			n += share.SurelyFailing
		}
	}
	return n
}

// mergeFailing returns the first devices of the fleet that an expectation failed
// for.
func mergeFailing(results []ShardResult, i int, quant Quant, all *ExpectationReport) []Failing {
	list := []Failing{}
	for _, p := range results {
		share := p.Report.Mergeable.Expectations[i]
		switch {
		case !quant.Counts():
			list = append(list, p.Report.Expect[i].First...)
		case quant.Fails(true, all.Held, all.Devices):
			list = append(list, share.Holding...)
		default:
			list = append(list, share.Failing...)
		}
	}
	slices.SortFunc(list, func(a, b Failing) int { return cmp.Compare(a.Index, b.Index) })
	return list[:min(len(list), MostFailing)]
}

// firstBreak returns when always or never was broken first.
func firstBreak(results []ShardResult, i int) float64 {
	at := math.Inf(1)
	for _, p := range results {
		if c := p.Report.Expect[i]; !c.OK {
			at = min(at, c.DecidedAt)
		}
	}
	return at
}
