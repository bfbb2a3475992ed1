// Package fleet puts many devices to work.
//
// A device belongs to one loop. A loop holds its devices' timers in a heap and
// gives a device a goroutine only while it acts; an idle device is 144
// bytes, its own values and a heap entry. Attempts get copies of their device's values and
// commit changes; the loop alone writes.
//
// [Start] builds a fleet, opens its sockets and lets it work until its [Run] is
// closed; [New], [Fleet.Open] and [Fleet.Begin] are its steps. Meanwhile
// [Fleet.Do] asks something of a device, [Fleet.View] and [Fleet.At] look at
// one, [Fleet.Await] and [Fleet.WaitFor] wait for a condition, and Config.Tell
// hears what happens.
package fleet

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"spafleet/device"
	"spafleet/resync/capture"
	"spafleet/resync/fetch"
	"spafleet/resync/unit"
)

// A Fleet is many devices. Its methods are safe for concurrent use.
type Fleet struct {
	shared    unit.Shared
	network   Network
	guard     *fetch.Guard
	budget    Budget
	addresses *Addresses
	shard     device.Shard
	total     int // of the whole fleet
	loops     []*loop
	onTell    func([]device.Event)
	web       Web
	sites     *sites
	sipConfig SIP
	sip       *sipSockets // nil: the devices have no SIP ports
	logs      *logSender
	lessee    *lessee // nil: no DHCP server is asked
	saver     saver
	packets   *capture.File // keeps those that the fleet itself sends and receives; nil: none
	mode      Clock
	start     int64
	conduct   func(int64, func(device.Index, device.Command)) (int64, bool)
	attempts  attempts
	shortages shortages
	awaiting  awaiting
	started   started
	done      chan struct{}
}

// attempts are counts of a fleet's attempts.
type attempts struct {
	running   atomic.Int64
	aborted   atomic.Int64
	saturated atomic.Int64 // had to wait for the end of another
	most      atomic.Int64 // that may run
	unheard   atomic.Int64 // commands that devices did not hear
}

// started says how far the start of a fleet is.
type started struct {
	once  atomic.Bool   // Run was called
	left  atomic.Int64  // loops whose devices have no power yet
	whole chan struct{} // closed once every device has the power that its group says
}

// New builds a fleet. It starts nothing and opens nothing.
func New(c Config) (*Fleet, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	f := &Fleet{
		shard:   c.Shard,
		network: c.Network, guard: c.Guard,
		addresses: NewAddresses(c.Addresses, c.List, c.Groups),
		mode:      c.Clock, conduct: c.Conduct,
		onTell: c.Tell,
		web:    c.Web, sipConfig: c.SIP, done: make(chan struct{}),
	}
	f.addresses.one = c.Source.One
	if f.addresses.dhcp = c.Source.DHCP; f.addresses.dhcp.On() {
		f.addresses.leases = newLeaseTable(total(c.Groups))
	}
	f.saver, f.started.whole = saver{f: f, Save: c.Save}, make(chan struct{})
	f.shared.Tapped, f.shared.List, f.shared.Profiles.Secrets = c.Tap.Wire, c.List, c.Tap.Secrets
	f.shared.Reasons, f.packets = c.Tap.Reasons, c.Tap.Capture
	if f.shared.SIP = c.SIP.Register; c.Clock != Virtual {
		f.shared.SIPPort = c.SIP.Port
	}
	f.shared.Seed, f.shared.Address, f.shared.CCERT, f.shared.Profiles.Compiled = c.Seed, f.addresses.Of, c.CCERT, c.Compiled
	f.makeLoops(&c)
	f.populate(c.Groups)
	f.saver.fingerprint = f.fingerprint()
	if c.Resume != nil {
		if err := f.resume(c.Resume); err != nil {
			return nil, err
		}
	}
	return f, nil
}

func newLoop(f *Fleet, first int) *loop {
	return &loop{f: f, first: first, inbox: make(chan message, 1024), machine: unit.NewMachine(&f.shared)}
}

func (f *Fleet) makeLoops(c *Config) {
	for _, g := range c.Groups {
		f.total += g.Count
	}
	n := c.Loops
	if n <= 0 {
		n = runtime.GOMAXPROCS(0)
	}
	wanted := 0
	if c.Outstanding > 0 {
		wanted = f.shard.Part(c.Outstanding)
	}
	f.budget = NewBudget(wanted, c.Memory, c.Groups)
	most := f.budget.Most
	n = min(n, f.Len(), most) // each loop has a part of most, at least one
	sideBySide := c.Clock == Virtual && c.Loops > 0
	if n = max(n, 1); c.Clock != Real && !sideBySide {
		n = 1
	}
	if c.Clock == Virtual {
		most, c.Rate = f.Len(), 0 // no device runs two at once
	}
	start := time.Now()
	switch {
	case c.Resume != nil:
		c.Start = c.goesOn(start)
	case c.Start.IsZero() && c.Clock == Real:
		c.Start = start
	case c.Start.IsZero():
		c.Start = DefaultStart()
	}
	f.start = c.Start.UnixNano()
	f.started.left.Store(int64(n))
	for i := range n {
		l := newLoop(f, i)
		l.units = make([]unit.Unit, (f.Len()-i+n-1)/n)
		l.heap = make(heap, 0, mostEntries(len(l.units))+1)
		l.setClock(c, start)
		if sideBySide {
			l.ahead = &ahead{l: l}
		}
		part := (most + n - 1 - i) / n
		if c.Clock == Real {
			l.admission.open(part, part/4)
		} else {
			l.admission.open(part, 0)
		}
		f.attempts.most.Add(int64(part))
		if c.Rate > 0 { // the loops start in turn, so that the fleet's starts are even
			shards, shard := c.Shard.Turns() // and so do the shards
			l.admission.interval = int64(float64(n*shards) / c.Rate * 1e9 * c.Speed)
			l.admission.earliest = l.clock.Now() + int64(float64(i*shards+shard)/c.Rate*1e9*c.Speed)
		}
		f.loops = append(f.loops, l)
	}
}

// populate gives every device its group.
func (f *Fleet) populate(groups []Group) {
	for _, g := range groups {
		f.shared.Add(g)
	}
	for place := range f.Len() {
		dev := f.shard.At(place)
		*f.loop(dev).unit(dev) = f.shared.New(f.shared.GroupOf(dev))
	}
}

// has reports whether a device is one of this process.
func (f *Fleet) has(dev device.Index) bool { return int(dev) < f.total && f.shard.Has(dev) }

// loop returns the loop of a device that is one of this process.
func (f *Fleet) loop(dev device.Index) *loop { return f.loops[f.shard.Place(dev)%len(f.loops)] }

// Open opens the fleet's sockets: web servers, SIP ports and the way to syslog servers. A
// used port is an error here.
func (f *Fleet) Open() (err error) {
	if f.mode == Virtual {
		return nil
	}
	f.logs = newLogSender(f)
	if f.addresses.dhcp.On() {
		if f.lessee, err = openLessee(f, f.addresses.dhcp); err != nil {
			return err
		}
		defer func() {
			if err != nil {
				f.lessee.conn.Close()
			}
		}()
	}
	if f.sipConfig.on() {
		if f.sip, err = openSIP(f, f.sipConfig); err != nil {
			return err
		}
	}
	if f.web.Listen {
		if f.sites, err = openSites(f); err != nil && f.sip != nil {
			f.sip.close()
		}
	}
	return err
}

// Begin lets a fleet work whose sockets are open, as [Start] does.
func (f *Fleet) Begin(ctx context.Context) *Run {
	ctx, stop := context.WithCancel(ctx)
	r := &Run{Fleet: f, stop: stop, ended: make(chan struct{})}
	go func() {
		defer close(r.ended)
		r.err = f.Run(ctx)
	}()
	select {
	case <-f.started.whole:
	case <-r.ended:
	}
	return r
}

// Run powers the fleet and works until ctx ends. It returns when every attempt
// has ended and every socket is closed. It runs once.
func (f *Fleet) Run(ctx context.Context) error {
	if f.started.once.Swap(true) {
		return errors.New("fleet: Run is called twice")
	}
	var others sync.WaitGroup
	side, stop := context.WithCancel(context.WithoutCancel(ctx))
	if f.sites != nil {
		others.Go(func() { f.sites.serve(side) })
	}
	if f.logs != nil {
		others.Go(func() { f.logs.run(side, ctx) })
	}
	if f.sip != nil {
		others.Go(func() { f.sip.run(side) })
	}
	if f.lessee != nil {
		others.Go(func() { f.lessee.run(side) })
	}
	if f.saver.File != "" {
		others.Go(func() { f.saver.keep(side) })
	}
	broken := f.work(ctx)
	close(f.done)
	stop()
	others.Wait()
	f.awaiting.wake()
	if broken != nil {
		return broken // not a nil *Broken
	}
	if f.lessee != nil && f.lessee.err != nil {
		return f.lessee.err
	}
	return f.saver.last()
}

// work runs the loops until the fleet ends, and keeps the web servers open as
// long. It returns what is wrong with the fleet itself.
func (f *Fleet) work(ctx context.Context) *Broken {
	if f.loops[0].ahead != nil {
		return (&beside{f: f}).run(ctx)
	}
	if f.mode == Virtual {
		f.loops[0].run(ctx) // with its coroutines, and nobody beside it
		return f.loops[0].broken
	}
	ctx, over := context.WithCancel(ctx)
	defer over()
	if f.lessee != nil {
		defer f.lessee.ends(over)()
	}
	var wg sync.WaitGroup
	for _, l := range f.loops {
		wg.Go(func() {
			defer over() // where it was conducted to its end, or broke
			l.run(ctx)
		})
	}
	<-ctx.Done()
	if f.sites != nil {
		f.sites.close()
	}
	wg.Wait()
	for _, l := range f.loops {
		if l.broken != nil {
			return l.broken
		}
	}
	return nil
}

// ErrNoPower says that a device did not hear a command, because it has no power
// or has not started yet.
var ErrNoPower = errors.New("the device has no power, or has not started yet")

// Ask hands a command over to a device and waits until the device has heard it,
// not for what comes of it. The error is [ErrNoPower] where it did not; else it
// says that there is no such device, or that the fleet has ended.
func (f *Fleet) Ask(ctx context.Context, dev device.Index, c device.Command) error {
	answer := make(chan error, 1)
	if err := f.send(ctx, message{dev: dev, command: &c, answer: answer}); err != nil {
		return err
	}
	select {
	case err := <-answer:
		return err
	case <-f.done:
		return errors.New("the fleet has ended")
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Do hands a command over to a device. It does not wait until the device has
// heard it, as [Fleet.Ask] does; an error says that there is no such device, or
// that the fleet has ended.
func (f *Fleet) Do(ctx context.Context, dev device.Index, c device.Command) error {
	return f.send(ctx, message{dev: dev, command: &c})
}

func (f *Fleet) send(ctx context.Context, m message) error {
	switch dev := m.dev; {
	case int(dev) >= f.total:
		return fmt.Errorf("no device %d: the fleet has %d", dev, f.total)
	case !f.shard.Has(dev):
		return fmt.Errorf("device %d is not of shard %d of %d", dev, f.shard.Index, f.shard.Count)
	}
	if f.mode == Virtual {
		return errors.New("in virtual time only Config.Conduct commands devices")
	}
	select {
	case f.loop(m.dev).inbox <- m:
		return nil
	case <-f.done:
		return errors.New("the fleet has ended")
	case <-ctx.Done():
		return ctx.Err()
	}
}

// tell hands a turn's events to everyone who listens.
func (f *Fleet) tell(l *loop, events []device.Event) {
	if f.onTell != nil {
		f.onTell(events)
	}
	if f.logs != nil {
		f.logs.take(l, events)
	}
	f.awaiting.wake()
}
