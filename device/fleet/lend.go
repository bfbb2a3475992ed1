package fleet

import (
	"context"
	"sync"
	"time"

	"spafleet/resync"
)

// A job is what an attempt runs.
type job func(context.Context, resync.World, resync.Input) resync.Outcome

// A lender lets attempts run, each by itself, until they end or are cancelled.
type lender interface {
	// lend begins an attempt. The loop hears what comes of it by take and finish.
	lend(ctx context.Context, slot int32, run job, in resync.Input)
	// cancel ends an attempt. The loop still hears of its end, perhaps at once.
	// The caller has locked the loop.
	cancel(slot int32)
	// close returns when nothing is left of any attempt. All have ended.
	close()
}

// threads lends goroutines. What attempts have to say comes by the inbox.
type threads struct {
	l       *loop
	cancels []context.CancelFunc // by slot
	running sync.WaitGroup
}

func (t *threads) lend(ctx context.Context, slot int32, run job, in resync.Input) {
	ctx, cancel := context.WithCancel(ctx)
	for int(slot) >= len(t.cancels) {
		t.cancels = append(t.cancels, nil)
	}
	t.cancels[slot] = cancel
	w := &world{l: t.l, act: slot, dev: in.Unit.Index}
	in.Wall = wall
	t.running.Go(func() {
		defer cancel()
		o := run(ctx, w, in)
		t.l.inbox <- message{act: slot, outcome: &o, got: w.got}
	})
}

// begun is what wall time is told from.
var begun = time.Now()

func wall() int64 { return int64(time.Since(begun)) }

func (t *threads) cancel(slot int32) { t.cancels[slot]() }

func (t *threads) close() { t.running.Wait() }
