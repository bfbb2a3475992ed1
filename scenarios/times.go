package scenarios

import (
	"fmt"
	"spafleet/device/measure"
	"time"
)

// ends checks the story's times: that each moment can come, and that the run
// has an end.
func (p *plan) ends() {
	s := p.story
	for i := range s.Timeline {
		step, path := &s.Timeline[i], fmt.Sprintf("timeline[%d]", i)
		if p.circular(i) {
			p.reader.mistake(step.node.at(), path, "this step waits for itself")
			continue
		}
		if step.At.End && s.Duration == 0 {
			p.reader.mistake(step.At.at.at(), path+".at", "when this happens is not known: give the story a duration")
		}
		if at, known := p.fixed(step.At); known && s.Duration > 0 && at > s.Duration {
			p.reader.mistake(step.At.at.at(), path+".at", "this step would happen at %s, after the end (duration: %s)", measure.Format(at), measure.Format(s.Duration))
		}
		if step.When != nil && (!step.By.Given || step.By.End) && s.Duration == 0 {
			p.reader.mistake(step.node.keyAt("when"), path+".when", `when this happens is not known: give the step a "by", or the story a duration`)
		}
	}
	if s.Duration == 0 && len(s.Expect) > 0 && len(s.Timeline) == 0 && !p.waits() {
		p.reader.mistake(s.file.root().at("expect"), "expect", `when this story ends is not known: give it a duration, or a claim a "by"`)
	}
}

// waits reports whether a claim keeps the story going by itself.
func (p *plan) waits() bool {
	for i := range p.story.Expect {
		if c := &p.story.Expect[i]; c.By.Given || c.At.Given && !c.At.End {
			return true
		}
	}
	return false
}

// awaited returns the step that another one is timed by, "" for none.
func awaited(s *Step) string {
	if s.When != nil {
		return s.By.Step
	}
	return s.At.Step
}

// circular reports whether a step waits for itself, by way of others or not.
func (p *plan) circular(first int) bool {
	seen := map[int]bool{}
	for at := first; ; {
		next, ok := p.steps[awaited(&p.story.Timeline[at])]
		if !ok || seen[next] {
			return false
		}
		if next == first {
			return true
		}
		seen[next] = true
		at = next
	}
}

// fixed returns an instant that is known before the start.
func (p *plan) fixed(i Instant) (time.Duration, bool) {
	plus := i.Plus
	for i.Step != "" {
		step, ok := p.steps[i.Step]
		if !ok || p.story.Timeline[step].When != nil || p.circular(step) {
			return 0, false
		}
		i = p.story.Timeline[step].At
		plus += i.Plus
	}
	return plus, !i.End
}
