package run

import (
	"fmt"
	"time"
)

// aborts says when thresholds and expectations are looked at whose failure ends the run.
type aborts struct {
	next time.Duration // when thresholds are looked at next; 0: there are none
	why  string        // what has ended the run; "": nothing
}

// abortEvery is how often thresholds are looked at, in fleet time.
const abortEvery = time.Second

// startAborts sets when thresholds are looked at for the first time.
func startAborts(t *timeline) {
	for i := range t.plan.Scenario.Thresholds {
		if t.plan.Scenario.Thresholds[i].Abort {
			t.aborts.next = abortEvery
		}
	}
}

// abort reports whether something has failed that ends the run.
func abort(t *timeline, now time.Duration) bool {
	if t.aborts.why != "" {
		return true
	}
	t.judge.mu.Lock()
	for _, e := range t.expect {
		if e.Abort && e.decided && !e.ok {
			t.aborts.why = e.Name
		}
	}
	t.judge.mu.Unlock()
	if t.aborts.next > 0 && now >= t.aborts.next {
		t.aborts.next = now - now%abortEvery + abortEvery
		totals := t.tally.Watched()
		for i := range t.plan.Scenario.Thresholds {
			limit := &t.plan.Scenario.Thresholds[i]
			if !limit.Abort || now < limit.Delay {
				continue
			}
			if r := limit.Check(totals, now); r.Samples > 0 && !r.OK {
				t.aborts.why = r.Metric + ": " + r.Threshold
			}
		}
	}
	if t.aborts.why != "" {
		t.faults.notes = append(t.faults.notes, fmt.Sprintf("ended at %s, because this failed and has abort_on_fail: %s", now.Round(time.Millisecond), t.aborts.why))
	}
	return t.aborts.why != ""
}
