package fleet

import (
	"context"
	"math"
	"time"
)

// never is a time that does not come.
const never = int64(math.MaxInt64)

// A clock is the only place where a loop waits.
type clock interface {
	// Now returns fleet time in nanoseconds since the Unix epoch.
	Now() int64
	// Wait ends at the first of: fleet time until, a message (true), ctx over.
	Wait(ctx context.Context, until int64, inbox <-chan message) (message, bool)
}

// realClock is the machine's clock: the wall time of its making, carried on
// monotonically. Each loop has its own.
type realClock struct {
	start time.Time
	wall  int64
	timer *time.Timer
}

func newRealClock(start time.Time) *realClock {
	t := time.NewTimer(time.Hour)
	t.Stop()
	return &realClock{start: start, wall: start.UnixNano(), timer: t}
}

func (c *realClock) Now() int64 { return c.wall + int64(time.Since(c.start)) }

func (c *realClock) Wait(ctx context.Context, until int64, inbox <-chan message) (message, bool) {
	select { // a message that is there costs no timer
	case m := <-inbox:
		return m, true
	default:
	}
	wait := time.Hour
	if now := c.Now(); until <= now {
		return message{}, false
	} else if until != never {
		wait = min(wait, time.Duration(until-now))
	}
	c.timer.Reset(wait)
	defer c.timer.Stop()
	select {
	case m := <-inbox:
		return m, true
	case <-c.timer.C:
	case <-ctx.Done():
	}
	return message{}, false
}
