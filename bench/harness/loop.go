package harness

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"spafleet/host"
)

// mostBad is how many turns of a loop may fail, of those that went well: one in that
// many, and one more. A server may close a connection, and pin's TFTP client ends a
// transfer when a packet of an earlier one comes to the port that both had.
const mostBad = 100

// Loop does something again and again, so many at a time, until the time is over. N
// counts from 1. Turns that fail are not counted; the error is that of one, once too
// many have.
func Loop(ctx context.Context, parallel int, lasts time.Duration, do func(n int) error) (Round, error) {
	var done, bad, next atomic.Int64
	var all sync.WaitGroup
	failed := make(chan error, parallel)
	begun, used := time.Now(), host.CPUTime()
	for range parallel {
		all.Go(func() {
			for time.Since(begun) < lasts && ctx.Err() == nil {
				err := do(int(next.Add(1)))
				switch {
				case err == nil:
					done.Add(1)
				case bad.Add(1) > 1+done.Load()/mostBad:
					failed <- err
					return
				}
			}
		})
	}
	all.Wait()
	r := Round{Count: int(done.Load()), Elapsed: time.Since(begun), CPU: host.CPUTime() - used}
	select {
	case err := <-failed:
		return r, err
	default:
		return r, ctx.Err()
	}
}
