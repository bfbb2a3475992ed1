package fleet

import (
	"context"
)

// Overdue tells how late each attempt is that is due and has not started, or
// waits for a descriptor or port, in nanoseconds of the wall: those would be
// missing among the latenesses of attempts that have. The wait for a rate that the user asked for is none. It looks at a fleet
// with a real clock that runs; of another it tells nothing.
func (f *Fleet) Overdue(ctx context.Context, tell func(ns int64)) {
	if !f.started.once.Load() {
		return
	}
	f.shortages.overdue(tell)
	for _, l := range f.loops {
		if _, real := l.clock.(*realClock); !real {
			return
		}
		looked := make(chan struct{})
		look := message{look: func(now int64) {
			l.overdue(now, tell)
			close(looked)
		}}
		select {
		case l.inbox <- look:
		case <-f.done:
			return
		case <-ctx.Done():
			return
		}
		select {
		case <-looked:
		case <-f.done:
			return
		}
	}
}

// overdue runs in the loop.
func (l *loop) overdue(now int64, tell func(ns int64)) {
	late := func(due int64) {
		if due > 0 && due < now {
			tell(int64(float64(now-due) / l.speed))
		}
	}
	place := int64(0)
	for t := range l.admission.lanes {
		lane := &l.admission.lanes[t]
		for _, s := range lane.ready[lane.head:] {
			if u := l.unit(s.dev); !u.Waits(&s.Start) {
				continue
			}
			allowed := int64(0)
			if l.admission.interval > 0 {
				allowed = l.admission.earliest + place*l.admission.interval
			}
			place++
			late(max(s.Due, allowed))
		}
	}
	for _, e := range l.heap {
		if u := l.unit(e.dev); e.at < now && u.Due() == e.at && u.DueResync() {
			late(e.at)
		}
	}
}
