package run

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/expr-lang/expr/vm"

	"spafleet/certs"
	"spafleet/fleet"
	"spafleet/scenarios"
	"spafleet/scenarios/expression"
	"spafleet/scenarios/report"
)

// runBug runs a scenario about a bug, and once more with each cure.
func runBug(ctx context.Context, s *scenarios.Scenario, o Options) (*report.Report, error) {
	decided := o.Decided
	o.Decided = nil
	if o.PKI == nil && s.Target == nil {
		o.PKI = certs.New(pkiSeed) // its keys are made once for all runs
	}
	result, err := start(ctx, s, o)
	if result == nil {
		return nil, err
	}
	for i := range s.Bug.Cures {
		c := &s.Bug.Cures[i]
		if c.Scenario == nil || ctx.Err() != nil {
			continue
		}
		cured, err := runCure(ctx, c, o)
		if err != nil {
			return nil, err
		}
		result.Bug.Cures = append(result.Bug.Cures, cured)
	}
	result.Bug.Judge()
	result.Judge(ctx.Err() != nil)
	s.Hide(result.Bug)
	if decided != nil {
		decided(result)
	}
	return result, err
}

// runCure runs the scenario with a cure. What the user asked to see and to keep is of
// the run without one.
func runCure(ctx context.Context, c *scenarios.Cure, o Options) (report.BugSide, error) {
	o.cured = true
	o.Registry, o.Tell, o.Events, o.Devices, o.Listening, o.Started, o.State, o.Saved = nil, nil, nil, nil, nil, nil, "", nil
	r, err := start(ctx, c.Scenario, o)
	if err != nil {
		return report.BugSide{}, err
	}
	a, u := &r.Bug.Affected, &r.Bug.Unaffected
	cured := report.BugSide{How: c.How, Devices: a.Devices + u.Devices, Showed: a.Showed + u.Showed, Failed: r.Unmet(), First: append(a.First, u.First...)}
	cured.OK = cured.Showed == 0 && len(cured.Failed) == 0
	return cured, nil
}

// A bugJudge notes which devices show a bug.
type bugJudge struct {
	program *vm.Program
	sides   [2]bugSide // affected, unaffected
	side    []int8     // by device's place: of sides, or -1
	showed  []bool     // by device's place
}

type bugSide struct {
	devices, showed int
	first           []showing
}

// A showing is a device that shows a bug, and what was seen then.
type showing struct {
	place int
	event expression.Event
}

// newBugJudge returns the judge of a scenario's bug, nil where it has none.
func newBugJudge(p *scenarios.Plan, f *fleet.Fleet) *bugJudge {
	bug := p.Scenario.Bug
	if bug == nil {
		return nil
	}
	b := &bugJudge{program: bug.Program(), side: make([]int8, f.Len()), showed: make([]bool, f.Len())}
	for place := range b.side {
		group := f.Group(f.Shard().At(place)).Name
		b.side[place] = int8(slices.IndexFunc([][]string{bug.Affected, bug.Unaffected}, func(names []string) bool { return slices.Contains(names, group) }))
		if side := b.side[place]; side >= 0 {
			b.sides[side].devices++
		}
	}
	return b
}

// tell looks whether a device shows the bug at an event.
func (b *bugJudge) tell(place int, w *expression.DeviceVars, e expression.Event) {
	if b == nil || b.side[place] < 0 || b.showed[place] || !slices.Contains(expression.SeenKinds, e.Kind) || !expression.Holds(b.program, w.Seen(e)) {
		return
	}
	b.showed[place] = true
	s := &b.sides[b.side[place]]
	s.showed++
	if len(s.first) < report.MostFailing {
		s.first = append(s.first, showing{place, e})
	}
}

// bugReport says on which devices a bug was seen. With a cure, those that show it speak
// against it on both sides.
func (j *judge) bugReport(bug *scenarios.Bug, cured bool) *report.BugReport {
	if bug == nil {
		return nil
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	r := &report.BugReport{Source: bug.Source, Evidence: bug.Evidence, Trait: append([]string{}, bug.Trait...), Symptom: bug.Symptom, Shows: bug.Shows, Cures: []report.BugSide{}}
	for side, to := range []*report.BugSide{&r.Affected, &r.Unaffected} {
		s := &j.bug.sides[side]
		*to = report.BugSide{Devices: s.devices, Showed: s.showed, First: []report.Failing{}}
		if side == 0 && !cured {
			to.First = j.healthy()
			continue
		}
		for _, shown := range s.first {
			why := fmt.Sprintf("at %s: %s", shown.event.At.Round(time.Millisecond), shown.event.Text)
			to.First = append(to.First, j.describe(j.device(shown.place), why))
		}
	}
	r.Judge()
	return r
}

// healthy returns the first affected devices that do not show the bug.
func (j *judge) healthy() []report.Failing {
	list := []report.Failing{}
	for place, side := range j.bug.side {
		if side == 0 && !j.bug.showed[place] && len(list) < report.MostFailing {
			list = append(list, j.describe(j.device(place), ""))
		}
	}
	return list
}
