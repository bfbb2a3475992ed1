package fleet

import (
	"context"
	"iter"
	"net/netip"
	"strings"
	"time"

	"spafleet/certs"
	"spafleet/device"
	"spafleet/resync"
	"spafleet/resync/fault"
	"spafleet/resync/fetch"
)

// InProcess is the network and the servers of a fleet in virtual time. Nothing
// of it opens a socket, and all its chance follows from the fleet's seed.
type InProcess struct {
	Server resync.Responder // answers whatever reaches one of its ports
	Addr   netip.Addr       // the server's address
	TFTP   uint16           // ports; 0: closed
	HTTP   uint16
	HTTPS  []Secure
	Hosts  map[string][]netip.Addr // all names that there are, in lower case
	Certs  *certs.Devices          // what the devices trust and show; nil: https fails as a scheme that nobody speaks
	// RoundTrip is how long a packet and its answer take; 0: 5 ms.
	RoundTrip time.Duration
	// Latency is how long the server thinks about a request: for each one a time
	// between Least and Most.
	Least, Most time.Duration
	// Workers is how many requests the server thinks about at once. The others
	// wait in the order in which they came. 0: all of them, and no device feels
	// another one.
	Workers int
	// Faults disturbs the devices' exchanges; nil: nothing does. What the server
	// does wrong is Server's own.
	Faults *fault.Plan
}

// A Secure is a port where HTTPS is spoken. No handshake takes place: its end is
// judged.
type Secure struct {
	Port   uint16
	Server *certs.Server // for clients up to TLS 1.1; nil: Modern is for all
	Modern *certs.Server // for clients of TLS 1.2; nil: Server is for all
	// Responder answers here in the place of InProcess.Server; may be nil.
	Responder resync.Responder
}

// stage is where attempts are acted out in virtual time: coroutines of the loop,
// of which one runs at a time, and what stands between them and the servers.
type stage struct {
	l       *loop
	world   *InProcess
	sockets fetch.Sockets // for TFTP, over virtual datagrams
	acting  []*actor      // by slot
	idle    []*actor
	wakes   heap // when actors go on; one of a device whose actor waits for another time is stale
	workers []int64
}

func newStage(l *loop, world *InProcess) *stage {
	s := &stage{l: l, world: world, workers: make([]int64, world.Workers)}
	s.sockets.Wall = func() time.Time { return time.Unix(0, l.clock.Now()) }
	s.sockets.ListenPacket, s.sockets.Faults, s.sockets.Guard = listenVirtual, world.Faults, fetch.NotReal
	return s
}

// An actor is a coroutine that acts one attempt out, and then another one's. It
// is the attempt's context and its world. Its context has no channel, so that
// nobody starts a goroutine to wait for its end.
type actor struct {
	s      *stage
	slot   int32
	dev    device.Index
	run    job
	in     resync.Input
	out    resync.Outcome
	begun  bool
	done   bool
	over   bool  // cut off: every wait ends at once from now on
	wake   int64 // until when it waits
	draws  uint32
	got    intake
	next   func() (struct{}, bool)
	stop   func()
	yield  func(struct{}) bool
	socket datagramSocket
}

var (
	_ context.Context = (*actor)(nil)
	_ resync.World    = (*actor)(nil)
)

func (s *stage) newActor() *actor {
	if n := len(s.idle); n > 0 {
		a := s.idle[n-1]
		s.idle = s.idle[:n-1]
		return a
	}
	a := &actor{s: s}
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

// lend gives a device an actor, who begins in this moment's turn.
func (s *stage) lend(_ context.Context, slot int32, run job, in resync.Input) {
	a := s.newActor()
	a.slot, a.dev, a.run, a.in = slot, in.Unit.Index, run, in
	a.begun, a.done, a.draws, a.got = false, false, 0, intake{}
	for int(slot) >= len(s.acting) {
		s.acting = append(s.acting, nil)
	}
	s.acting[slot] = a
	s.await(a, s.l.clock.Now())
}

// await puts an actor aside until a moment.
func (s *stage) await(a *actor, at int64) {
	a.wake = at
	s.wakes.push(entry{at, a.dev, s.l.unit(a.dev).n})
}

// resume lets the actor of a device go on whose time has come.
func (s *stage) resume(e entry) {
	slot := s.l.unit(e.dev).act
	if slot == idle || s.acting[slot].wake != e.at {
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
	s.l.finish(a.slot, &a.out, a.got, s.l.clock.Now())
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

// wait lets others act until a moment.
func (a *actor) wait(at int64) error {
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
	l.take(&l.acts[a.slot], &commit{p, life, events})
}

// draw returns the attempt's next chance.
func (a *actor) draw() float64 {
	a.draws++
	return device.Draw(a.in.Nonce, a.dev, forNetwork, a.draws)
}

// roundTrip returns how long this packet and its answer take: the network's
// time, give or take a tenth.
func (a *actor) roundTrip() int64 {
	rtt := a.s.world.RoundTrip
	if rtt == 0 {
		rtt = defaultRoundTrip
	}
	return int64(float64(rtt) * (0.9 + 0.2*a.draw()))
}

const defaultRoundTrip = 5 * time.Millisecond

// think returns when the server has an answer to a request that it gets now.
func (a *actor) think() int64 {
	w := a.s.world
	at, took := a.Now(), int64(w.Least)+int64(a.draw()*float64(w.Most-w.Least))
	workers := a.s.workers
	if len(workers) == 0 {
		return at + took
	}
	free := 0
	for i := range workers {
		if workers[i] < workers[free] {
			free = i
		}
	}
	workers[free] = max(workers[free], at) + took
	return workers[free]
}

// Resolve asks for a name: a round trip.
func (a *actor) Resolve(_ context.Context, name string) ([]netip.Addr, error) {
	begun := a.Now()
	late, found := time.Duration(0), true
	if t := a.s.world.Faults.Exchange(fault.Exchange{Device: uint32(a.dev), Scheme: "dns", Path: name}); t != nil {
		late, found = t.Lookup()
	}
	if err := a.wait(begun + a.roundTrip() + int64(late)); err != nil {
		return nil, err
	}
	if !found {
		return nil, &resync.Error{Result: device.NoDNS, Took: device.Phases{DNS: a.Now() - begun}}
	}
	addrs := a.s.world.Hosts[strings.TrimSuffix(strings.ToLower(name), ".")]
	if len(addrs) == 0 {
		return nil, &resync.Error{Result: device.NoDNS, Took: device.Phases{DNS: a.Now() - begun}}
	}
	return addrs, nil
}

// Fetch transfers a file over the network that is not there.
func (a *actor) Fetch(ctx context.Context, r *resync.Request) (resp resync.Response, err error) {
	r.Source = r.Unit.IP
	switch {
	case r.Scheme == "http", r.Scheme == "https" && a.s.world.Certs != nil:
		resp, err = a.fetchHTTP(r)
	default:
		resp, err = a.s.sockets.Fetch(ctx, r)
	}
	if err == nil {
		a.got.take(len(resp.Body))
	}
	return resp, err
}
