package fleet

import (
	"context"
	"fmt"
	"math"
	"sync/atomic"
	"time"
)

// A Clock says how a fleet's time passes.
type Clock uint8

const (
	// Real passes as the wall's time does, or Config.Speed times as fast.
	Real Clock = iota
	// Virtual jumps from one thing that happens to the next. There are no
	// sockets: the servers are those of Config.InProcess. The same fleet does
	// the same at the same nanosecond whenever and wherever it runs.
	Virtual
	// Mixed jumps too, but attempts use real sockets: time stands still while
	// one of them is under way. What the devices do when is the same whenever it
	// runs, as long as the servers answer the same.
	Mixed
)

var clockNames = [...]string{"real", "virtual", "mixed"}

// String returns real, virtual or mixed.
func (c Clock) String() string {
	if int(c) < len(clockNames) {
		return clockNames[c]
	}
	return fmt.Sprintf("Clock(%d)", uint8(c))
}

// DefaultStart returns the date at which a fleet begins whose time jumps.
func DefaultStart() time.Time { return time.Date(2020, time.January, 1, 0, 0, 0, 0, time.UTC) }

// never is a time that does not come.
const never = int64(math.MaxInt64)

// A clock is the only place where a loop waits.
type clock interface {
	// Now returns fleet time in nanoseconds since the Unix epoch.
	Now() int64
	// Wait ends at the first of: fleet time until, a message (true), ctx over.
	Wait(ctx context.Context, until int64, inbox <-chan message) (message, bool)
}

// realClock is the machine's clock, from a date on and at a speed, carried on
// monotonically. Each loop has its own.
type realClock struct {
	start time.Time
	wall  int64 // fleet time at start
	speed float64
	timer *time.Timer
}

// newRealClock returns a clock that shows from at the moment start.
func newRealClock(start, from time.Time, speed float64) *realClock {
	t := time.NewTimer(time.Hour)
	t.Stop()
	return &realClock{start: start, wall: from.UnixNano(), speed: speed, timer: t}
}

func (c *realClock) Now() int64 {
	passed := time.Since(c.start)
	if c.speed == 1 { // exactly
		return c.wall + int64(passed)
	}
	return c.wall + int64(float64(passed)*c.speed)
}

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
		wait = min(wait, time.Duration(math.Ceil(float64(until-now)/c.speed)))
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

// jumpClock is a clock that somebody sets. Others may look at it meanwhile.
type jumpClock struct{ now atomic.Int64 }

func (c *jumpClock) Now() int64 { return c.now.Load() }

// jump moves on to a moment; never is none.
func (c *jumpClock) jump(to int64) {
	if to != never && to > c.now.Load() {
		c.now.Store(to)
	}
}

// virtualClock waits for nothing: nobody sends messages, for attempts are
// coroutines of the loop itself.
type virtualClock struct{ jumpClock }

func (c *virtualClock) Wait(_ context.Context, until int64, _ <-chan message) (message, bool) {
	c.jump(until)
	return message{}, false
}
