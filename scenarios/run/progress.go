package run

import (
	"time"

	"spafleet/scenarios/report"
)

// A Progress is how far a run is at a moment. Nothing in it shows a secret of the scenario.
type Progress struct {
	Passed, Whole time.Duration // as [Live.Passed] returns them
	Running       int           // attempts
	Summary       report.Summary
	Load          report.MachineLoad
	Steps         []string            // named ones that have happened, in order
	Moments       []report.StepReport // the same, with when they happened first
	Next          Upcoming
	Expected      []Expected // in the order of the scenario
}

// Upcoming is a step that happens next.
type Upcoming struct {
	Step string        // its name; of a step without a name, what it does; "": no moment is known of any step
	At   time.Duration // since the scenario began
}

// Progress returns how far the run is. It takes the locks of the counts for a moment, so it
// is for a few times a second.
func (l *Live) Progress() *Progress {
	p := &Progress{Running: l.Fleet.Running(), Summary: report.Summarize(l.Tally.Totals()), Load: l.MachineLoad(), Steps: l.Steps(), Expected: l.Expected()}
	p.Passed, p.Whole = l.Passed()
	p.Next, p.Moments = l.next(), l.moments()
	l.run.plan.Scenario.Hide(p)
	return p
}

func (l *Live) next() Upcoming {
	l.run.judge.mu.Lock()
	defer l.run.judge.mu.Unlock()
	return l.run.timeline.course.next
}

func (l *Live) moments() (list []report.StepReport) {
	l.run.judge.mu.Lock()
	defer l.run.judge.mu.Unlock()
	for _, h := range l.run.timeline.course.happened {
		list = append(list, report.StepReport{Name: h.name, Fired: true, At: h.at.Seconds()})
	}
	return list
}
