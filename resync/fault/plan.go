package fault

import (
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"

	"spafleet/device/chance"
)

// A Fault is what happens to some exchanges. The zero Fault happens to all, and
// does nothing.
type Fault struct {
	// Number tells the faults of a plan apart where chance is concerned.
	Number uint32
	// Devices reports whether a device is among those meant; nil: all are. It is
	// called from many goroutines.
	Devices func(device uint32) bool
	Match   Match
	// Server is the address that exchanges are with; the zero Addr: any.
	Server netip.Addr
	// Nth are the matching exchanges that it happens to, counted from 1 from the
	// start of the fault; nil: each.
	Nth Ordinals
	// PerFleet counts the exchanges of all devices together, in the order in
	// which they begin; else each device has a count of its own.
	PerFleet bool
	// Chance is how likely it happens to an exchange that Nth means, in (0, 1]; 0:
	// it always does.
	Chance float64
	Effects
}

// An Exchange is what a fault is chosen by.
type Exchange struct {
	Device uint32
	Scheme string     // tftp, http, https, dns or sip
	Path   string     // with its leading slash and its query; of dns the name, without a slash; of sip a slash and the method
	Server netip.Addr // that is asked; the zero Addr: not known
	// Hello is a server's view of a client that has said hello and asked for
	// nothing yet: only faults of the handshake happen to it, and to no other.
	Hello bool
}

// A Plan is the faults of the moment. Its zero value has none. It is safe for
// concurrent use; Seed is set before.
type Plan struct {
	Seed uint64

	mu     sync.Mutex // of those who start and stop
	active atomic.Pointer[[]*Active]
}

// An Active fault is one of a plan.
type Active struct {
	fault    Fault
	hello    bool
	plan     *Plan
	affected atomic.Int64 // exchanges in which it changed something

	mu     sync.Mutex
	counts map[uint32]uint32 // matching exchanges by device; of the fleet at device 0
}

// Start puts a fault into the plan. Exchanges that have begun are not affected.
func (p *Plan) Start(f Fault) *Active {
	a := &Active{fault: f, hello: f.ofHandshake(), plan: p, counts: map[uint32]uint32{}}
	p.mu.Lock()
	defer p.mu.Unlock()
	list := append(slices.Clone(p.list()), a)
	p.active.Store(&list)
	return a
}

// Stop takes the fault out of its plan. What it has begun it goes on with.
// Stopping twice does nothing.
func (a *Active) Stop() {
	p := a.plan
	p.mu.Lock()
	defer p.mu.Unlock()
	list := slices.DeleteFunc(slices.Clone(p.list()), func(b *Active) bool { return a == b })
	p.active.Store(&list)
}

// Affected returns in how many exchanges the fault has changed something. One that
// it was chosen for may end before that, or have nothing that could change.
func (a *Active) Affected() int { return int(a.affected.Load()) }

func (p *Plan) list() []*Active {
	if list := p.active.Load(); list != nil {
		return *list
	}
	return nil
}

// Idle reports whether a plan has no faults now. A nil plan has none ever.
func (p *Plan) Idle() bool { return p == nil || len(p.list()) == 0 }

// Down reports whether a fault has nobody listen for a scheme at an address. A nil plan
// has no faults.
func (p *Plan) Down(scheme string, at netip.Addr) bool {
	return p != nil && slices.ContainsFunc(p.list(), func(a *Active) bool {
		return a.fault.Down && a.fault.isAt(at) && (a.fault.Match.Scheme == "" || a.fault.Match.Scheme == scheme)
	})
}

// Exchange counts an exchange that begins, and returns its disturbance; nil for
// none. A nil plan has no faults.
func (p *Plan) Exchange(x Exchange) *Disturbance {
	if p == nil {
		return nil
	}
	var d *Disturbance
	for _, a := range p.list() {
		key, ok := a.chooses(x)
		if !ok {
			continue
		}
		if d == nil {
			d = &Disturbance{}
		}
		d.parts = append(d.parts, part{effects: &a.fault.Effects, key: key, active: a})
	}
	return d
}

// chooses counts an exchange, and returns the key of its chances where it is
// one of those meant.
func (a *Active) chooses(x Exchange) (key uint64, ok bool) {
	f := &a.fault
	if a.hello != x.Hello || !f.isAt(x.Server) || f.Devices != nil && !f.Devices(x.Device) || !f.Match.Covers(x) {
		return 0, false
	}
	n := a.count(x.Device)
	if f.Nth != nil && !f.Nth.Contain(n) {
		return 0, false
	}
	key = chance.Hash(a.plan.Seed, uint64(f.Number)<<32|uint64(x.Device), uint64(n))
	if f.Chance > 0 && draw(key, ofExchange, 0) >= f.Chance {
		return 0, false
	}
	return key, true
}

func (f *Fault) isAt(server netip.Addr) bool {
	return !f.Server.IsValid() || f.Server == server.Unmap()
}

// count returns the ordinal of a matching exchange that begins.
func (a *Active) count(device uint32) uint32 {
	if a.fault.PerFleet {
		device = 0
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.counts[device]++
	return a.counts[device]
}

// A purpose keeps the draws of one exchange apart.
type purpose uint64

const (
	ofExchange purpose = iota
	ofLoss
	ofDouble
	ofOrder
	ofDelay
	ofBytes
)

// draw returns a number in [0, 1) for the n-th draw of a purpose.
func draw(key uint64, p purpose, n uint64) float64 {
	return chance.Share(chance.Hash(key, uint64(p), n))
}
