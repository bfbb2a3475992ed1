package scenarios

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"spafleet/scenarios/report"
)

// A Part is a shard's report, and where it was read.
type Part struct {
	From   string // a file, for messages
	Report *Report
}

// Merge returns the report of the whole fleet from those of its shards. Counters,
// histograms and claims come out as if one process had run all devices. Of several
// attempts of a shard the last counts. A shard that is missing or given twice, or
// a report of another run, is an error that names it.
func Merge(parts []Part) (*Report, error) {
	if len(parts) == 0 {
		return nil, errors.New("no result of a shard to merge")
	}
	for i := range parts {
		if err := alike(&parts[0], &parts[i]); err != nil {
			return nil, err
		}
	}
	parts, err := lastAttempts(parts)
	if err != nil {
		return nil, err
	}
	return add(parts)
}

// alike says why a part does not belong to the same run as another.
func alike(a, b *Part) error {
	r, o := a.Report, b.Report
	switch {
	case o.Shard == nil || o.Parts == nil || o.Parts.Totals == nil:
		return fmt.Errorf("%s is not the result of a shard; 'spafleet run --result FILE' writes one", b.From)
	case o.Format != 1:
		return fmt.Errorf("%s has format %d, which this spafleet does not know", b.From, o.Format)
	case o.Shard.Index < 0 || o.Shard.Index >= o.Shard.Count || len(o.Parts.Claims) != len(o.Expect):
		return fmt.Errorf("%s contradicts itself: %s", b.From, o.Shard)
	case a == b:
		return nil
	}
	for _, f := range []struct {
		what      string
		ours, his any
	}{
		{"run", r.Shard.Run, o.Shard.Run}, {"story", r.Name, o.Name}, {"seed", r.Seed, o.Seed}, {"clock", r.Clock, o.Clock},
		{"number of shards", r.Shard.Count, o.Shard.Count}, {"number of devices", r.Shard.Devices, o.Shard.Devices},
		{"digest of the story", r.Source.SHA256, o.Source.SHA256},
		{"claims", claimNames(r), claimNames(o)}, {"steps", stepNames(r), stepNames(o)},
	} {
		if f.ours != f.his {
			return fmt.Errorf("%s and %s are not of one run: %s %q and %q", a.From, b.From, f.what, fmt.Sprint(f.ours), fmt.Sprint(f.his))
		}
	}
	return nil
}

func claimNames(r *Report) string {
	var names []string
	for i, c := range r.Expect {
		part := &r.Parts.Claims[i]
		names = append(names, fmt.Sprintf("%s (%s %g)", c.Name, part.Quant, part.Limit))
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

// lastAttempts returns one part for each shard, in order.
func lastAttempts(parts []Part) ([]Part, error) {
	list := make([]Part, parts[0].Report.Shard.Count)
	for _, p := range parts {
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

// add adds up parts that belong together.
func add(parts []Part) (*Report, error) {
	first := parts[0].Report
	all := *first
	all.Shard, all.Parts, all.Shards = nil, nil, nil
	all.Timeline, all.Expect = slices.Clone(first.Timeline), slices.Clone(first.Expect)
	all.Generator.Reasons, all.Generator.Limits, all.Generator.Health, all.Notes = []string{}, []string{}, Health{}, []string{}
	all.Generator.Valid, all.Generator.Most, all.Generator.Aborted = true, 0, 0
	totals := report.NewTotals(first.Parts.Totals)
	for _, p := range parts {
		r := p.Report
		if err := totals.Merge(r.Parts.Totals); err != nil {
			return nil, fmt.Errorf("%s and %s: %w", parts[0].From, p.From, err)
		}
		all.Shards = append(all.Shards, *r.Shard)
		all.DurationSeconds, all.WallSeconds = max(all.DurationSeconds, r.DurationSeconds), max(all.WallSeconds, r.WallSeconds)
		all.Started, all.FleetStart = earlier(all.Started, r.Started), earlier(all.FleetStart, r.FleetStart)
		for _, n := range r.Notes {
			if !slices.Contains(all.Notes, n) {
				all.Notes = append(all.Notes, n)
			}
		}
		all.Generator.merge(&r.Generator, r.Shard.Index)
	}
	all.Summary = totals.Summary()
	all.Generator.Lateness = totals.Lateness()
	for i := range all.Timeline {
		all.Timeline[i] = mergeSteps(parts, i)
	}
	for i := range all.Expect {
		all.Expect[i] = mergeClaims(parts, i)
	}
	interrupted := slices.ContainsFunc(parts, func(p Part) bool { return p.Report.Verdict == Interrupted })
	all.judge(interrupted)
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
	g.Health.merge(&o.Health)
	for _, l := range o.Limits {
		if !slices.Contains(g.Limits, l) {
			g.Limits = append(g.Limits, l)
		}
	}
	for _, reason := range o.Reasons {
		g.Reasons = append(g.Reasons, fmt.Sprintf("shard %d: %s", shard, reason))
	}
}

func mergeSteps(parts []Part, i int) StepReport {
	s := parts[0].Report.Timeline[i]
	s.Missing = nil
	s.Devices, s.Exchanges = 0, 0
	for _, p := range parts {
		o := p.Report.Timeline[i]
		s.Fired = s.Fired && o.Fired
		s.At = max(s.At, o.At)
		s.Devices += o.Devices
		s.Exchanges += o.Exchanges
	}
	if !s.Fired {
		s.At = 0
	}
	return s
}

// mergeClaims decides a claim for the whole fleet, as a judge of all devices
// would have.
func mergeClaims(parts []Part, i int) ClaimReport {
	part := parts[0].Report.Parts.Claims[i]
	t := &tracked{claim: &Claim{Quant: part.Quant, Limit: quantity{n: part.Limit, percent: part.Percent}}}
	ok, at := true, 0.0
	for _, p := range parts {
		c := p.Report.Expect[i]
		t.devices += c.Devices
		t.count += c.Held
		at = max(at, c.DecidedAt)
		ok = ok && c.OK
	}
	quantity := slices.Contains(quantified, part.Quant)
	if quantity {
		ok = t.holdsNow()
	} else if !ok && t.each() {
		at = firstBreak(parts, i)
	}
	all := parts[0].Report.Expect[i]
	all.OK, all.Shared, all.Devices, all.Held, all.DecidedAt, all.First = ok, false, t.devices, t.count, at, []Lack{}
	if ok {
		return all
	}
	for _, p := range parts {
		sides := p.Report.Parts.Claims[i]
		switch {
		case !quantity:
			all.First = append(all.First, p.Report.Expect[i].First...)
		case t.offends(true):
			all.First = append(all.First, sides.Holds...)
		default:
			all.First = append(all.First, sides.Lacks...)
		}
	}
	slices.SortFunc(all.First, func(a, b Lack) int { return cmp.Compare(a.Index, b.Index) })
	all.First = all.First[:min(len(all.First), mostLacks)]
	return all
}

// firstBreak returns when always or never was broken first.
func firstBreak(parts []Part, i int) float64 {
	at := math.Inf(1)
	for _, p := range parts {
		if c := p.Report.Expect[i]; !c.OK {
			at = min(at, c.DecidedAt)
		}
	}
	return at
}
