package scenarios

import (
	"context"
	"fmt"
	"strings"
	"time"

	"spafleet/fleet"
)

// mostLacks is how many devices a report names for one claim.
const mostLacks = 3

// report judges the story as it stands.
func (p *play) report(ctx context.Context, began time.Time, interrupted bool) *Report {
	now := p.elapsed()
	r := &Report{
		Format: 1, Name: p.story.Name, Seed: p.story.Seed, Clock: p.story.Clock.String(), FleetStart: time.Unix(0, p.fleet.Start()).UTC(), Started: began.UTC().Truncate(time.Second),
		DurationSeconds: now.Seconds(), WallSeconds: time.Since(began).Seconds(), Summary: p.tally.Summary(),
		Timeline: p.stepReports(), Expect: p.claimReports(now), Generator: p.generator(ctx), Source: Source{SHA256: p.story.SHA256},
		Notes: append([]string{}, p.notes...),
	}
	if p.story.Rate > 0 && p.story.Clock.Mode != fleet.Virtual {
		r.Notes = append(r.Notes, fmt.Sprintf("attempts are held to %g/s by the story: the latency of a resync includes that wait", p.story.Rate))
	}
	if !p.story.expected() {
		r.Notes = append(r.Notes, "nothing was expected of this run")
	}
	r.Notes = append(r.Notes, refusals(p.guard)...)
	if wait := r.Generator.Health.Scheduling; r.Generator.Valid && wait > p.story.limit().Seconds() && p.story.Clock.Mode == fleet.Real {
		r.Notes = append(r.Notes, fmt.Sprintf("attempts started in time, but then waited up to %s for a core of this machine (p99): that is in their latencies", roundSeconds(wait)))
	}
	if n := p.fleet.LogLinesDropped(); n > 0 {
		r.Notes = append(r.Notes, fmt.Sprintf("%d syslog lines could not be sent, or not fast enough; look at the devices' Syslog_Server", n))
	}
	r.judge(interrupted)
	if p.options.Shard.Count > 0 {
		p.addShard(r)
	}
	return r
}

// judge sets the verdict of what the report holds.
func (r *Report) judge(interrupted bool) {
	r.Verdict = r.verdict(interrupted)
	r.Exit = exits[r.Verdict]
}

func (r *Report) verdict(interrupted bool) string {
	if interrupted {
		return Interrupted
	}
	if !r.Generator.Valid {
		return Invalid
	}
	for _, s := range r.Timeline {
		if !s.Fired {
			return Failed
		}
	}
	for _, c := range r.Expect {
		if !c.OK && !c.Shared {
			return Failed
		}
	}
	return Passed
}

func (p *play) stepReports() []StepReport {
	p.judge.mu.Lock()
	defer p.judge.mu.Unlock()
	list := []StepReport{}
	for i := range p.story.Timeline {
		s := StepReport{Step: i, Name: p.story.Timeline[i].Name, Fired: p.fired[i] >= 0, At: p.fired[i].Seconds(), Devices: p.reached[i], Exchanges: p.affected(i)}
		if s.Name == "" {
			s.Name = p.story.Timeline[i].Action
		}
		if !s.Fired {
			s.At = 0
			if t := p.when[i]; t != nil {
				s.Missing = p.judge.lacking(t, mostLacks)
			}
		}
		list = append(list, s)
	}
	return list
}

func (p *play) claimReports(now time.Duration) []ClaimReport {
	p.judge.mu.Lock()
	defer p.judge.mu.Unlock()
	list := []ClaimReport{}
	for _, t := range p.expect {
		if !t.decided {
			p.judge.weighAll(t.number)
			t.settle(t.watching && t.holdsNow(), now)
		}
		c := ClaimReport{Name: t.claim.Name, OK: t.ok, Shared: t.shared, Devices: t.devices, Held: t.count, DecidedAt: t.at.Seconds(), First: []Lack{}}
		if !t.ok {
			c.First = p.judge.lacking(t, mostLacks)
		}
		list = append(list, c)
	}
	return list
}

// generator says whether this machine kept up. Attempts that are still to start
// count as late as they are by now.
func (p *play) generator(ctx context.Context) Generator {
	p.fleet.Overdue(ctx, p.tally.Late)
	late := p.tally.Lateness()
	limit := p.story.limit()
	g := Generator{Valid: late.P99 <= limit.Seconds(), Lateness: late, Limit: limit.Seconds(), Most: p.fleet.Outstanding(), Reasons: []string{}, Limits: []string{}}
	if p.story.Clock.Mode != fleet.Virtual { // which gives the same report on every machine
		g.Health = p.nurse.final()
	}
	if g.Valid {
		return g
	}
	g.Limits = g.Health.limits()
	g.Reasons = append(g.Reasons, fmt.Sprintf("generator-limited by %s: attempts started late, p99 %.3fs, more than %s", strings.Join(g.Limits, ", "), late.P99, limit))
	for _, l := range g.Limits {
		g.Reasons = append(g.Reasons, g.Health.why(l))
	}
	return g
}
