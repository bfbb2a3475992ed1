package fleet

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"spafleet/resync"
)

// A job is what an attempt runs.
type job func(context.Context, resync.Env, resync.Input) resync.Outcome

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
	next    chan loan // to a goroutine that has nothing to do
	idle    atomic.Int32
}

// A loan is an attempt and what it needs.
type loan struct {
	ctx    context.Context // of this one attempt
	cancel context.CancelFunc
	run    job
	w      *world
}

// A goroutine whose attempt has ended waits for another one, because its stack has
// grown to what an attempt takes. It waits not long, and few do: stacks are memory.
const (
	mostIdle = 64
	idleFor  = 100 * time.Millisecond
)

func newThreads(l *loop) *threads { return &threads{l: l, next: make(chan loan)} }

func (t *threads) lend(ctx context.Context, slot int32, run job, in resync.Input) {
	ctx, cancel := context.WithCancel(ctx)
	for int(slot) >= len(t.cancels) {
		t.cancels = append(t.cancels, nil)
	}
	t.cancels[slot] = cancel
	in.Wall = wall
	n := loan{ctx, cancel, run, &world{l: t.l, act: slot, in: in}}
	select {
	case t.next <- n:
	default:
		t.running.Go(func() { t.serve(n) })
	}
}

// serve carries out one attempt after the other.
func (t *threads) serve(n loan) {
	bored := time.NewTimer(idleFor)
	defer bored.Stop()
	for again := true; again; {
		o := n.run(n.ctx, n.w, n.w.in)
		n.cancel()
		t.l.inbox <- message{act: n.w.act, outcome: &o, got: n.w.got}
		n, again = t.another(bored)
	}
}

// another waits for an attempt; false where none comes or enough wait.
func (t *threads) another(bored *time.Timer) (n loan, ok bool) {
	defer t.idle.Add(-1)
	if t.idle.Add(1) > mostIdle {
		return n, false
	}
	bored.Reset(idleFor)
	select {
	case n, ok = <-t.next:
	case <-bored.C:
	}
	return n, ok
}

// begun is what wall time is told from.
var begun = time.Now()

func wall() int64 { return int64(time.Since(begun)) }

func (t *threads) cancel(slot int32) { t.cancels[slot]() }

func (t *threads) close() {
	close(t.next)
	t.running.Wait()
}
