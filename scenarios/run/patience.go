package run

import (
	"fmt"
	"time"

	"spafleet/device/measure"
)

// mostVain is how much of a time that jumps is given to a goal without a deadline, after
// the last step: nothing else would end the run.
const mostVain = 24 * time.Hour

// patience returns when a goal without a deadline is given up; false where there is
// none, and where time does not jump: there a person may end the run.
func patience(t *timeline) (until time.Duration, has bool) {
	s := t.plan.Scenario
	if !s.Clock.Jumps() || s.Duration > 0 {
		return 0, false
	}
	for _, e := range t.expect {
		has = has || e.By.End && e.lasts() && !e.decided
	}
	for i := range s.Timeline {
		if at, known := t.moment(s.Timeline[i].At); known {
			until = max(until, at)
		}
		until = max(until, t.fired[i])
	}
	return until + mostVain, has
}

// vainNote says that a goal was given up, "" where none was.
func vainNote(t *timeline) string {
	if t.vain == 0 {
		return ""
	}
	t.judge.mu.Lock()
	defer t.judge.mu.Unlock()
	for _, e := range t.expect {
		if e.By.End && e.lasts() && !e.ok {
			return fmt.Sprintf("given up after %s: %q was not reached, and has no deadline of its own; a timeout or a duration gives it one", measure.Format(t.vain), e.Name)
		}
	}
	return ""
}
