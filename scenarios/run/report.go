package run

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"spafleet/fleet"
	"spafleet/scenarios"
	"spafleet/scenarios/report"
	"spafleet/scenarios/tally"
)

// report judges the scenario as it stands.
func (r *run) report(ctx context.Context, interrupted bool) *report.Report {
	s, t := r.plan.Scenario, r.timeline
	now := t.elapsed()
	generator := r.generator(ctx) // before the totals: what is overdue counts as late
	totals := r.tally.Totals()
	result := &report.Report{
		Format: report.Format, Name: s.Name, About: s.About, Seed: s.Seed, Clock: s.Clock.String(), FleetStart: time.Unix(0, r.fleet.Start()).UTC(), Started: r.began.UTC().Truncate(time.Second),
		DurationSeconds: now.Seconds(), WallSeconds: time.Since(r.began).Seconds(), Summary: report.Summarize(totals), Unheard: r.fleet.Unheard(),
		Timeline: t.stepReports(), Expect: t.expectationReports(now), Thresholds: r.thresholds(totals), Generator: generator, Source: source(r.plan), Plan: r.options.Plan,
	}
	result.Notes = append(append([]string{}, r.notes...), r.faults.notes...)
	if vain := vainNote(t); vain != "" {
		result.Notes = append(result.Notes, vain)
	}
	result.Notes = append(result.Notes, peopleNotes(t)...)
	if steered := r.steering.note(); steered != "" {
		result.Notes = append(result.Notes, steered)
	}
	result.Notes = append(result.Notes, r.remarks(&result.Generator)...)
	result.Source.Files = s.Files
	result.Bug = r.judge.bugReport(s.Bug, r.options.cured)
	result.Judge(interrupted)
	if s := r.options.Shard; s.Count > 0 && !s.Alone {
		r.addShard(result)
	}
	result.Explain()
	s.Hide(result)
	return result
}

// source says what was run.
func source(p *scenarios.Plan) report.Source {
	s := p.Scenario
	src := report.Source{SHA256: s.SHA256, List: p.List.Digest(), Params: map[string]report.Setting{}}
	for _, p := range s.Params {
		src.Params[p.Name] = report.Setting{Value: p.Shown(), From: p.From}
	}
	for _, c := range s.With {
		src.With = append(src.With, c.Path+"="+c.Value)
	}
	return src
}

// thresholds checks the scenario's thresholds. Those of a shard are decided by the
// merge.
func (r *run) thresholds(totals *tally.Totals) []report.ThresholdReport {
	list := []report.ThresholdReport{}
	for i := range r.plan.Scenario.Thresholds {
		t := r.plan.Scenario.Thresholds[i].Check(totals, r.timeline.elapsed())
		t.Shared = r.options.Shard.Others()
		list = append(list, t)
	}
	return list
}

// remarks returns what a reader of the report should know.
func (r *run) remarks(g *report.Generator) []string {
	var notes []string
	note := func(format string, args ...any) { notes = append(notes, fmt.Sprintf(format, args...)) }
	s := r.plan.Scenario
	if s.Rate > 0 && s.Clock.Mode != fleet.Virtual {
		note("attempts are limited to %g/s by the scenario; latencies include the wait", s.Rate)
	}
	for _, w := range s.Warnings {
		note("%s", w)
	}
	if !s.HasExpectations() {
		note("no expectations set")
	}
	notes = append(notes, refusals(r.guard, r.options.Flags.Named())...)
	if wait := g.Machine.Scheduling; g.Valid && wait > s.MaxLateness().Seconds() && s.Clock.Mode == fleet.Real {
		note("attempts started in time, but then waited up to %s for a core of this machine (p99): that is in their latencies", report.Seconds(wait))
	}
	if n := r.fleet.LogLinesDropped(); n > 0 {
		note("%d syslog lines could not be sent, or not fast enough; look at the devices' Syslog_Server", n)
	}
	if n := fleet.DroppedSIP(r.fleet); n > 0 {
		note("%d datagrams of SIP were dropped: they came or went faster than this machine could handle, or could not be sent", n)
	}
	if n := r.fleet.Len() - fleet.Addressed(r.fleet); n > 0 {
		note("%d of %d devices have no address of the DHCP server at the end", n, r.fleet.Len())
	}
	if n := fleet.DroppedDHCP(r.fleet); n > 0 {
		note("%d messages to the DHCP server were dropped: they were too many at once, or could not be sent", n)
	}
	refused := fleet.RefusedDHCP(r.fleet)
	for _, reason := range slices.Sorted(maps.Keys(refused)) {
		note("%d messages of DHCP servers counted for nothing: %s", refused[reason], reason)
	}
	return notes
}

// idleStep reports whether a step that happened came to nothing here.
func (t *timeline) idleStep(i int) bool {
	switch s := &t.plan.Scenario.Timeline[i]; {
	case t.fired[i] < 0 || s.Action == "" || s.OfNoDevice():
		return false
	case s.Fault != nil:
		return t.faults.affected(i) == 0
	}
	return !t.met[i]
}

func (t *timeline) stepReports() []report.StepReport {
	t.judge.mu.Lock()
	defer t.judge.mu.Unlock()
	list := []report.StepReport{}
	for i := range t.plan.Scenario.Timeline {
		step := &t.plan.Scenario.Timeline[i]
		s := report.StepReport{Step: i, Name: step.Name, Action: step.Action, Idle: t.idleStep(i), Fired: t.fired[i] >= 0, Awaited: step.When != nil, At: t.fired[i].Seconds(), Times: t.times[i], Devices: t.reached[i], Exchanges: t.faults.affected(i)}
		s.Error = t.commands.failure(i)
		if s.Name == "" {
			s.Name = step.Action
		}
		if step.Every == 0 {
			s.Times = 0 // it goes without saying
		}
		if !s.Fired {
			s.At = 0
			if w := t.when[i]; w != nil {
				f := t.judge.found(w)
				s.Missing, s.Surely = f.lack, f.surely
			}
		}
		list = append(list, s)
	}
	return list
}

func (t *timeline) expectationReports(now time.Duration) []report.ExpectationReport {
	t.judge.mu.Lock()
	defer t.judge.mu.Unlock()
	list := []report.ExpectationReport{}
	for _, e := range t.expect {
		if !e.decided {
			e.aside = aside{}
			t.judge.weighAll(e.number)
			t.judge.settle(e, e.watching && e.holdsNow(), now)
		}
		f := t.judge.found(e)
		waits := ""
		if !e.watching {
			waits = e.Since().Step
		}
		list = append(list, report.ExpectationReport{Name: e.Name, OK: e.ok, Waits: waits, Shared: e.shared, Devices: e.devices, Held: e.count, DecidedAt: e.at.Seconds(), First: f.lack, Surely: f.surely})
	}
	return list
}

// generator says whether this machine kept up. Attempts that are still to start
// count as late as they are by now.
func (r *run) generator(ctx context.Context) report.Generator {
	s := r.plan.Scenario
	r.fleet.Overdue(ctx)
	late := r.tally.Lateness()
	limit := s.MaxLateness()
	g := report.Generator{Valid: late.P99 <= limit.Seconds(), Lateness: late, Limit: limit.Seconds(), Most: r.fleet.Outstanding(), Reasons: []string{}, Limits: []string{}}
	if s.Clock.Mode != fleet.Virtual { // which gives the same report on every machine
		g.Machine = r.monitor.final()
	}
	if g.Valid {
		return g
	}
	g.Limits = g.Machine.Reached()
	g.Reasons = append(g.Reasons, fmt.Sprintf("generator-limited by %s: attempts started late, p99 %.3fs, more than %s", strings.Join(g.Limits, ", "), late.P99, limit))
	for _, l := range g.Limits {
		reason := g.Machine.Why(l)
		if l == "ports" || l == "addresses" {
			reason += "; see " + r.options.Flags.Named().Addresses
		}
		g.Reasons = append(g.Reasons, reason)
	}
	return g
}
