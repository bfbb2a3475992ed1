package fleet

import (
	"context"
	"iter"
	"net/netip"
	"time"

	"spafleet/device"
	"spafleet/device/chance"
	"spafleet/resync"
	"spafleet/resync/modelled"
	"spafleet/resync/unit"
)

// A simulation runs attempts in virtual time: as coroutines of the loop, of which
// one runs at a time, and with servers that no socket leads to.
type simulation struct {
	l       *loop
	servers *modelled.Servers
	running []*coroutine // by slot
	idle    []*coroutine
	mail    *mail
	wakes   heap // when coroutines go on; one of a device whose coroutine waits for another time is stale
}

// behind reports that no attempt waits for a processor: each has the loop's own.
func (*simulation) behind() bool { return false }

func newSimulation(l *loop, c *Config) *simulation {
	return &simulation{l: l, servers: c.InProcess.Open(), mail: newMail(l, c)}
}

// A coroutine runs one attempt, and then another one. It is the attempt's context
// and its environment. As a context it has no channel, so that no goroutine is
// started to wait for its end.
type coroutine struct {
	s      *simulation
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
	_ context.Context  = (*coroutine)(nil)
	_ resync.Env       = (*coroutine)(nil)
	_ modelled.Process = (*coroutine)(nil)
)

func (s *simulation) newCoroutine() *coroutine {
	if n := len(s.idle); n > 0 {
		c := s.idle[n-1]
		s.idle = s.idle[:n-1]
		return c
	}
	c := &coroutine{s: s}
	c.client = s.servers.Client(c)
	c.next, c.stop = iter.Pull(func(yield func(struct{}) bool) {
		c.yield = yield
		for on := true; on; on = !c.over && yield(struct{}{}) {
			c.begun = true
			c.out = c.run(c, c, c.in)
			c.done = true
		}
	})
	return c
}

// start gives a device a coroutine, which begins in this moment's turn.
func (s *simulation) start(_ context.Context, slot int32, run unit.Job, in resync.Input) {
	c := s.newCoroutine()
	c.slot, c.dev, c.run, c.in = slot, in.Unit.Index, run, in
	c.begun, c.done, c.draws, c.got = false, false, 0, received{}
	for int(slot) >= len(s.running) {
		s.running = append(s.running, nil)
	}
	s.running[slot] = c
	s.await(c, s.l.clock.Now())
}

// await lets a coroutine wait until a moment.
func (s *simulation) await(c *coroutine, at int64) {
	c.wake = at
	s.wakes.push(entry{at, c.dev, s.l.unit(c.dev).Count()})
}

// resume lets the coroutine of a device go on whose time has come.
func (s *simulation) resume(e entry) {
	slot := s.l.unit(e.dev).Attempt()
	if slot == unit.None || s.running[slot].wake != e.at {
		return // it was cut off since
	}
	c := s.running[slot]
	c.next()
	if !c.done {
		s.await(c, c.wake)
		return
	}
	s.l.mu.Lock()
	defer s.l.mu.Unlock()
	s.ended(c)
	s.idle = append(s.idle, c)
}

// cancel cuts c coroutine off. It is not used again.
func (s *simulation) cancel(slot int32) {
	c := s.running[slot]
	if !c.begun {
		c.out = resync.Outcome{Params: c.in.Params, Life: c.in.Life, Applied: c.in.Applied, CA: c.in.CA, Aborted: true}
	}
	c.over = true
	c.stop()
	s.ended(c)
}

// ended tells the loop what became of an attempt.
func (s *simulation) ended(c *coroutine) {
	s.running[c.slot] = nil
	s.l.ended(c.slot, &c.out, c.got, s.l.clock.Now())
}

func (s *simulation) close() {
	for _, c := range s.idle {
		c.over = true
		c.stop()
	}
	s.idle = nil
}

// Deadline is none.
func (c *coroutine) Deadline() (time.Time, bool) { return time.Time{}, false }

// Done is nil: the end of an attempt comes as the end of what it waits for.
func (c *coroutine) Done() <-chan struct{} { return nil }

// Err is context.Canceled once the attempt was cut off.
func (c *coroutine) Err() error {
	if c.over {
		return context.Canceled
	}
	return nil
}

// Value is nil.
func (c *coroutine) Value(any) any { return nil }

// Wait lets others run until a moment.
func (c *coroutine) Wait(at int64) error {
	if c.over {
		return context.Canceled
	}
	c.wake = max(at, c.Now())
	if !c.yield(struct{}{}) {
		return context.Canceled
	}
	return nil
}

// Now returns the loop's time.
func (c *coroutine) Now() int64 { return c.s.l.clock.Now() }

// Commit puts what was committed into the device at once.
func (c *coroutine) Commit(p device.Params, life device.Life, events []device.Event) {
	if c.over {
		return
	}
	l := c.s.l
	l.mu.Lock()
	defer l.mu.Unlock()
	l.commit(c.slot, &commit{p, life, events})
}

// Draw returns the attempt's next chance.
func (c *coroutine) Draw() float64 {
	c.draws++
	return chance.Draw(c.in.Nonce, uint32(c.dev), chance.Network, c.draws)
}

// Unit returns the device whose attempt it is.
func (c *coroutine) Unit() *device.Unit { return &c.in.Unit }

// Resolve asks for a name.
func (c *coroutine) Resolve(ctx context.Context, name string) ([]netip.Addr, error) {
	return c.client.Resolve(ctx, name)
}

// Fetch transfers a file over the network that is not there.
func (c *coroutine) Fetch(ctx context.Context, r *resync.Request) (resync.Response, error) {
	resp, err := c.client.Fetch(ctx, r)
	if err == nil {
		c.got.take(resp.Len())
	}
	return resp, err
}
