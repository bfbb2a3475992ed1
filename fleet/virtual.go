package fleet

import (
	"context"
	"iter"
	"net/netip"
	"time"

	"spafleet/device"
	"spafleet/resync"
	"spafleet/resync/modelled"
	"spafleet/resync/unit"
)

// stage is where attempts are acted out in virtual time: coroutines of the loop,
// of which one runs at a time, and what stands between them and the servers.
type stage struct {
	l       *loop
	servers *modelled.Servers
	acting  []*actor // by slot
	idle    []*actor
	wakes   heap // when actors go on; one of a device whose actor waits for another time is stale
}

func newStage(l *loop, network *modelled.Network) *stage {
	return &stage{l: l, servers: network.Open()}
}

// An actor is a coroutine that acts one attempt out, and then another one's. It
// is the attempt's context and its world. Its context has no channel, so that
// nobody starts a goroutine to wait for its end.
type actor struct {
	s      *stage
	slot   int32
	dev    device.Index
	run    unit.Job
	in     resync.Input
	out    resync.Outcome
	begun  bool
	done   bool
	over   bool  // cut off: every wait ends at once from now on
	wake   int64 // until when it waits
	draws  uint32
	got    received
	next   func() (struct{}, bool)
	stop   func()
	yield  func(struct{}) bool
	client *modelled.Client
}

var (
	_ context.Context  = (*actor)(nil)
	_ resync.Env       = (*actor)(nil)
	_ modelled.Process = (*actor)(nil)
)

func (s *stage) newActor() *actor {
	if n := len(s.idle); n > 0 {
		a := s.idle[n-1]
		s.idle = s.idle[:n-1]
		return a
	}
	a := &actor{s: s}
	a.client = s.servers.Client(a)
	a.next, a.stop = iter.Pull(func(yield func(struct{}) bool) {
		a.yield = yield
		for on := true; on; on = !a.over && yield(struct{}{}) {
			a.begun = true
			a.out = a.run(a, a, a.in)
			a.done = true
		}
	})
	return a
}

// start gives a device an actor, who begins in this moment's turn.
func (s *stage) start(_ context.Context, slot int32, run unit.Job, in resync.Input) {
	a := s.newActor()
	a.slot, a.dev, a.run, a.in = slot, in.Unit.Index, run, in
	a.begun, a.done, a.draws, a.got = false, false, 0, received{}
	for int(slot) >= len(s.acting) {
		s.acting = append(s.acting, nil)
	}
	s.acting[slot] = a
	s.await(a, s.l.clock.Now())
}

// await puts an actor aside until a moment.
func (s *stage) await(a *actor, at int64) {
	a.wake = at
	s.wakes.push(entry{at, a.dev, s.l.unit(a.dev).Count()})
}

// resume lets the actor of a device go on whose time has come.
func (s *stage) resume(e entry) {
	slot := s.l.unit(e.dev).Attempt()
	if slot == unit.None || s.acting[slot].wake != e.at {
		return // it was cut off since
	}
	a := s.acting[slot]
	a.next()
	if !a.done {
		s.await(a, a.wake)
		return
	}
	s.l.mu.Lock()
	defer s.l.mu.Unlock()
	s.ended(a)
	s.idle = append(s.idle, a)
}

// cancel cuts an actor off. It is spent then.
func (s *stage) cancel(slot int32) {
	a := s.acting[slot]
	if !a.begun {
		a.out = resync.Outcome{Params: a.in.Params, Life: a.in.Life, Applied: a.in.Applied, CA: a.in.CA, Aborted: true}
	}
	a.over = true
	a.stop()
	s.ended(a)
}

// ended tells the loop what became of an attempt.
func (s *stage) ended(a *actor) {
	s.acting[a.slot] = nil
	s.l.ended(a.slot, &a.out, a.got, s.l.clock.Now())
}

func (s *stage) close() {
	for _, a := range s.idle {
		a.over = true
		a.stop()
	}
	s.idle = nil
}

// Deadline is none.
func (a *actor) Deadline() (time.Time, bool) { return time.Time{}, false }

// Done is nil: the end of an attempt comes as the end of what it waits for.
func (a *actor) Done() <-chan struct{} { return nil }

// Err is context.Canceled once the attempt was cut off.
func (a *actor) Err() error {
	if a.over {
		return context.Canceled
	}
	return nil
}

// Value is nil.
func (a *actor) Value(any) any { return nil }

// Wait lets others act until a moment.
func (a *actor) Wait(at int64) error {
	if a.over {
		return context.Canceled
	}
	a.wake = max(at, a.Now())
	if !a.yield(struct{}{}) {
		return context.Canceled
	}
	return nil
}

// Now returns the loop's time.
func (a *actor) Now() int64 { return a.s.l.clock.Now() }

// Commit puts what was committed into the device at once.
func (a *actor) Commit(p device.Params, life device.Life, events []device.Event) {
	if a.over {
		return
	}
	l := a.s.l
	l.mu.Lock()
	defer l.mu.Unlock()
	l.commit(a.slot, &commit{p, life, events})
}

// forNetwork is the purpose of an attempt's draws.
const forNetwork = 6

// Draw returns the attempt's next chance.
func (a *actor) Draw() float64 {
	a.draws++
	return device.Draw(a.in.Nonce, a.dev, forNetwork, a.draws)
}

// Device returns whose attempt it is.
func (a *actor) Device() device.Index { return a.dev }

// Resolve asks for a name.
func (a *actor) Resolve(ctx context.Context, name string) ([]netip.Addr, error) {
	return a.client.Resolve(ctx, name)
}

// Fetch transfers a file over the network that is not there.
func (a *actor) Fetch(ctx context.Context, r *resync.Request) (resync.Response, error) {
	resp, err := a.client.Fetch(ctx, r)
	if err == nil {
		a.got.take(len(resp.Body))
	}
	return resp, err
}
