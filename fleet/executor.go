package fleet

import (
	"context"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"spafleet/resync"
	"spafleet/resync/unit"
)

// An executor lets attempts run, each by itself, until they end or are cancelled.
type executor interface {
	// start begins an attempt. The loop hears of it by commit and ended.
	start(ctx context.Context, slot int32, run unit.Job, in resync.Input)
	// cancel ends an attempt. The loop still hears of its end, perhaps at once.
	// The caller has locked the loop.
	cancel(slot int32)
	// behind reports whether so many attempts wait for this machine that more would bring
	// nothing. The loop gets a message once fewer do.
	behind() bool
	// close returns when nothing is left of any attempt. All have ended.
	close()
}

// goroutines run attempts, a goroutine each. What attempts have to say comes by
// the inbox.
type goroutines struct {
	l       *loop
	cancels []context.CancelFunc // by slot
	running sync.WaitGroup
	next    chan job // to a goroutine that has nothing to do
	idle    atomic.Int32

	most   int32        // attempts that may be at work
	atWork atomic.Int32 // attempts that have started and do not wait for the network
	asked  atomic.Bool  // the loop wants to hear when fewer are
}

// mostAtWork is how many of a loop's attempts may want a processor, their turn to decode,
// or the loop. Where it is this machine that is slow, more of them would bring nothing
// but their stacks. Those that wait for a server are not among them, however many there
// are.
const mostAtWork = 256

// A job is an attempt and what it needs.
type job struct {
	ctx    context.Context // of this one attempt
	cancel context.CancelFunc
	run    unit.Job
	env    *attemptEnv
}

// A goroutine whose attempt has ended waits for another one, because its stack has
// grown to what an attempt takes. It waits not long, and few do: stacks are memory.
const (
	mostIdle = 64
	idleFor  = 100 * time.Millisecond
)

func newGoroutines(l *loop) *goroutines {
	return &goroutines{l: l, next: make(chan job), most: math.MaxInt32}
}

func (g *goroutines) behind() bool {
	if g.atWork.Load() < g.most {
		return false
	}
	g.asked.Store(true)
	return g.atWork.Load() >= g.most // some may have left meanwhile
}

// leave notes that an attempt waits for the network, or has ended.
func (g *goroutines) leave() {
	if g.atWork.Add(-1) == g.most/2 && g.asked.Swap(false) {
		g.l.inbox <- message{}
	}
}

// back notes that an attempt no longer waits for the network.
func (g *goroutines) back() { g.atWork.Add(1) }

func (g *goroutines) start(ctx context.Context, slot int32, run unit.Job, in resync.Input) {
	ctx, cancel := context.WithCancel(ctx)
	for int(slot) >= len(g.cancels) {
		g.cancels = append(g.cancels, nil)
	}
	g.cancels[slot] = cancel
	in.Wall = wall
	n := job{ctx, cancel, run, &attemptEnv{l: g.l, at: g, slot: slot, in: in}}
	g.atWork.Add(1)
	select {
	case g.next <- n:
	default:
		g.running.Go(func() { g.serve(n) })
	}
}

// serve carries out one attempt after the other.
func (g *goroutines) serve(n job) {
	bored := time.NewTimer(idleFor)
	defer bored.Stop()
	for again := true; again; {
		o := n.run(n.ctx, n.env, n.env.in)
		n.cancel()
		g.leave()
		g.l.inbox <- message{slot: n.env.slot, outcome: &o, got: n.env.got}
		n, again = g.another(bored)
	}
}

// another waits for an attempt; false where none comes or enough wait.
func (g *goroutines) another(bored *time.Timer) (n job, ok bool) {
	defer g.idle.Add(-1)
	if g.idle.Add(1) > mostIdle {
		return n, false
	}
	bored.Reset(idleFor)
	select {
	case n, ok = <-g.next:
	case <-bored.C:
	}
	return n, ok
}

// begun is what wall time is told from.
var begun = time.Now()

func wall() int64 { return int64(time.Since(begun)) }

func (g *goroutines) cancel(slot int32) { g.cancels[slot]() }

func (g *goroutines) close() {
	close(g.next)
	g.running.Wait()
}
