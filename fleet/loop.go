package fleet

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"spafleet/device"
	"spafleet/resync"
	"spafleet/resync/unit"
)

// A loop owns every n-th device of a shard. It keeps their timers in a heap,
// admits their attempts and passes on what follows from each input (package unit). It
// alone writes its devices; it blocks on nothing but its clock and its inbox, and
// never sends to itself.
type loop struct {
	f          *Fleet
	first      int // the place of its first device
	clock      clock
	speed      float64 // of its clock
	inbox      chan message
	mu         sync.Mutex  // guards units against pages that copy them
	units      []unit.Unit // the device at place p of the shard is units[p/loops]
	machine    *unit.Machine
	heap       heap
	admission  admission
	slots      []slot
	free       []int32
	out        []device.Event  // what this turn has to tell
	asked      chan<- struct{} // closed once that is told; nil: nobody waits for it
	executor   executor
	simulation *simulation // of virtual time, else nil
	ahead      *ahead      // of loops side by side, else nil
	moment     int64       // when to ask the conductor again
	counts     counts
	broken     *Broken
	datagrams  atomic.Int64 // of SIP in the inbox
}

// A message comes from an attempt or from outside. It is never sent by the loop
// itself.
type message struct {
	slot    int32
	dev     device.Index
	command *device.Command
	answer  chan<- error // of a command; nil: nothing waits for it
	sip     *datagram    // to a line of the device, or of a line's own request
	commit  *commit
	lease   []byte // what a DHCP server said to the device; nil: nothing
	outcome *resync.Outcome
	lack    bool            // this machine had no descriptor for the attempt
	waited  time.Duration   // that the attempt waited for a descriptor or a port, if it did
	overdue chan<- struct{} // closed once the overdue attempts of the loop are told of
	next    chan<- int64    // takes when the loop has something to do next
	got     received        // of an outcome
}

type commit struct {
	params device.Params
	life   device.Life
	events []device.Event
}

// A slot is the place of one attempt that runs. Live is false once its device has
// turned to something else; then only its end is of interest.
type slot struct {
	dev       device.Index
	busy      bool // the attempt has not ended
	live      bool
	due       int64 // when it should have started
	told      received
	file      *device.File // that was told of last
	transport transport    // whose place it has
}

// run works until ctx ends, then cancels every attempt and takes its outcome.
func (l *loop) run(ctx context.Context) {
	l.begin()
	l.moment = l.clock.Now()
	for told := true; ctx.Err() == nil && l.broken == nil && !l.conducted(told); {
		m, got := l.clock.Wait(ctx, l.next(), l.inbox)
		now := l.clock.Now()
		if got {
			l.handle(m, now)
		}
		if ctx.Err() == nil { // after a message too: a full inbox holds up no timer
			l.wake(now)
		}
		l.admit(ctx, now)
		told = l.tell()
		l.checkTurn()
	}
	l.drain()
	l.checkTurn()
}

// conducted asks the conductor when it is time, and reports whether the run is
// over: because it says so, or in virtual time because nothing is left to happen.
func (l *loop) conducted(told bool) (over bool) {
	now := l.clock.Now()
	for l.f.conduct != nil && (told || now >= l.moment) {
		if l.moment, over = l.f.conduct(now, l.do); over {
			return true
		}
		l.moment = max(l.moment, now+1)
		told = l.tell()
	}
	return l.simulation != nil && l.next() == never
}

// do carries out what the conductor wants of a device.
func (l *loop) do(dev device.Index, c device.Command) {
	if l.f.has(dev) {
		l.handle(message{dev: dev, command: &c}, l.clock.Now())
	}
}

// next returns when the loop has something to do by itself.
func (l *loop) next() int64 {
	at := never
	if len(l.heap) > 0 {
		at = l.heap[0].at
	}
	if t, ok := l.admission.nextStart(); ok {
		at = min(at, t)
	}
	if l.simulation != nil && len(l.simulation.wakes) > 0 {
		at = min(at, l.simulation.wakes[0].at)
	}
	if l.simulation != nil {
		at = min(at, l.simulation.mail.next())
	}
	if l.f.conduct != nil {
		at = min(at, l.moment)
	}
	return at
}

// mostAtOnce bounds how many due devices one turn takes, so that the inbox is
// never left unread for long.
const mostAtOnce = 256

func (l *loop) wake(now int64) {
	if l.simulation != nil {
		l.simulation.mail.arrive(now)
	}
	for range mostAtOnce {
		if !l.wakeFirst(now) {
			return
		}
	}
}

// wakeFirst lets the first device act whose time has come, false for none.
func (l *loop) wakeFirst(now int64) bool {
	switch timer, attempt := l.heap.due(now), l.simulation != nil && l.simulation.wakes.due(now); {
	case attempt && !(timer && l.heap[0].before(l.simulation.wakes[0])):
		l.simulation.resume(l.simulation.wakes.pop())
	case timer:
		e := l.heap.pop()
		if u := l.unit(e.dev); u.Due() == e.at {
			l.mu.Lock()
			l.apply(e.dev, u, l.machine.At(e.dev, u, now).Due())
			l.mu.Unlock()
		}
	default:
		return false
	}
	return true
}

// begin gives power to the devices that have it from the start, whose firmware
// starts at once: the run begins where they have booted. Devices of a state file
// go on: they have kept their power while the program was away.
func (l *loop) begin() {
	for i := range l.units {
		l.beginDevice(i)
		if len(l.out) > 4096 {
			l.tell()
		}
	}
	l.tell()
	l.out = nil // it was large once
	if l.f.started.left.Add(-1) == 0 {
		close(l.f.started.whole)
	}
}

func (l *loop) beginDevice(i int) {
	u, dev := &l.units[i], l.index(i)
	powers := !l.f.shared.Group(u.Group()).Off
	l.mu.Lock()
	defer l.mu.Unlock()
	m := l.machine.At(dev, u, l.clock.Now())
	switch {
	case l.f.saver.resumed != 0:
		l.apply(dev, u, m.Resume(l.f.saver.resumed, powers))
	case powers:
		l.apply(dev, u, m.PowerOn())
	}
}

// cutOff cancels the attempts that run.
func (l *loop) cutOff() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := range l.slots {
		if l.slots[i].busy {
			l.executor.cancel(int32(i))
		}
	}
}

func (l *loop) drain() {
	l.cutOff()
	l.tell()
	if c, ok := l.clock.(*mixedClock); ok {
		for _, m := range c.batch {
			l.handle(m, c.Now())
		}
	}
	for l.admission.running > 0 {
		l.handle(<-l.inbox, l.clock.Now())
		l.tell()
	}
	l.executor.close()
}

func (l *loop) index(i int) device.Index { return l.f.shard.At(i*len(l.f.loops) + l.first) }

func (l *loop) unit(dev device.Index) *unit.Unit {
	return &l.units[l.f.shard.Place(dev)/len(l.f.loops)]
}

// handle takes a message; an empty one has only woken the loop.
func (l *loop) handle(m message, now int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case m.command != nil:
		l.command(&m, now)
	case m.sip != nil:
		l.f.sip.heard(l, m.dev, m.sip, now)
	case m.lease != nil:
		u := l.unit(m.dev)
		l.apply(m.dev, u, unit.Lease(l.machine.At(m.dev, u, now), m.lease))
	case m.commit != nil:
		l.commit(m.slot, m.commit)
	case m.outcome != nil:
		l.ended(m.slot, m.outcome, m.got, now)
	case m.lack:
		l.resize(func(while int64) { l.admission.shrink(now, while) })
	case m.waited > 0:
		dev := l.slots[m.slot].dev
		l.late(dev, l.unit(dev), now, m.waited)
	case m.next != nil:
		m.next <- l.nextDue(now)
	case m.overdue != nil:
		l.overdue(now)
		l.asked = m.overdue
	}
}

// command gives a device a command, and says whether it was heard.
func (l *loop) command(m *message, now int64) {
	u := l.unit(m.dev)
	fx := l.machine.At(m.dev, u, now).Do(*m.command)
	var err error
	if fx.Unheard {
		err = ErrNoPower
		l.f.attempts.unheard.Add(1)
	}
	l.apply(m.dev, u, fx)
	if m.answer != nil {
		m.answer <- err
	}
}

// apply passes on what follows from an input to a device.
func (l *loop) apply(dev device.Index, u *unit.Unit, fx *unit.Effects) {
	l.out = append(l.out, fx.Events...)
	if len(fx.SIP) > 0 {
		saySIP(l, dev, u, fx.SIP)
	}
	if fx.Next != 0 && fx.Next == u.Due() {
		l.heap.push(entry{fx.Next, dev, fx.N})
		if len(l.heap) > mostEntries(len(l.units)) {
			l.heap.keep(func(e entry) bool { return l.unit(e.dev).Due() == e.at })
		}
	}
	if fx.DHCP != nil {
		l.f.lessee.send(dev, fx.DHCP, fx.Server, fx.Leased)
	}
	if fx.Flaw != 0 {
		l.f.lessee.refused[fx.Flaw].Add(1)
	}
	if fx.Start != nil {
		l.enqueue(dev, u, fx.Start)
	}
	if l.f.shared.Reasons {
		l.out = l.machine.Waiting(l.out)
		if fx.Start != nil && l.heldBack() {
			l.out = append(l.out, l.machine.HeldBack(fx.Start))
		}
	}
	if fx.Cancel != unit.None {
		l.slots[fx.Cancel].live = false
		l.executor.cancel(fx.Cancel)
	}
}

// mostEntries is how many heap entries there may be: one that is live for each
// device, and some that are stale.
func mostEntries(devices int) int { return devices + devices/8 + 64 }

// commit puts what an attempt has committed into its device.
func (l *loop) commit(number int32, c *commit) {
	s := &l.slots[number]
	if !s.live {
		return
	}
	s.tells(c.events)
	u := l.unit(s.dev)
	l.apply(s.dev, u, l.machine.At(s.dev, u, l.clock.Now()).Commit(c.params, c.life, c.events, s.due))
}

// ended takes the outcome of an attempt.
func (l *loop) ended(number int32, o *resync.Outcome, got received, now int64) {
	s := l.slots[number]
	u := l.unit(s.dev)
	if s.live {
		s.tells(o.Events)
	}
	l.checkEnd(number, &s, u, got, o.OK, o.Aborted || !s.live)
	l.slots[number] = slot{}
	l.free = append(l.free, number)
	l.admission.ended(s.transport)
	l.f.attempts.running.Add(-1)
	if o.Aborted || !s.live {
		l.f.attempts.aborted.Add(1)
	}
	if s.live {
		l.apply(s.dev, u, l.machine.At(s.dev, u, now).Ended(o, s.due))
	}
}

// nextDue returns when one of the devices has something to do: now while an attempt
// runs or waits.
func (l *loop) nextDue(now int64) int64 {
	switch {
	case l.admission.running > 0 || l.admission.waiting() > 0 || len(l.out) > 0:
		return now
	case len(l.heap) > 0:
		return l.heap[0].at
	}
	return never
}

// tell hands on what this turn brought, and reports whether there was anything.
func (l *loop) tell() bool {
	told := len(l.out) > 0
	if told {
		l.f.tell(l, l.out)
		clear(l.out)
		l.out = l.out[:0]
	}
	if l.asked != nil {
		close(l.asked)
		l.asked = nil
	}
	return told
}

// late lets a device tell that an attempt of it waits for this machine, or has.
func (l *loop) late(dev device.Index, u *unit.Unit, now int64, wait time.Duration) {
	l.out = append(l.out, device.Event{At: now, Dev: dev, N: u.Count(), Kind: device.Late, State: u.State(), Took: int64(wait)})
}

// wall returns how long it is from due until now by the wall's clock.
func (l *loop) wall(due, now int64) time.Duration {
	return time.Duration(float64(max(now-due, 0)) / l.speed)
}

// setClock gives a loop its clock, and what lets attempts run under it.
func (l *loop) setClock(c *Config, start time.Time) {
	l.speed = c.Speed
	own := newGoroutines(l)
	l.executor = own
	switch c.Clock {
	case Virtual:
		l.clock = &virtualClock{}
		l.simulation = newSimulation(l, c)
		l.executor = l.simulation
	case Mixed:
		l.clock = &mixedClock{l: l}
	default:
		l.clock = newRealClock(start, c.Start, c.Speed)
		own.most = mostAtWork
	}
	if j, ok := l.clock.(interface{ jump(to int64) }); ok {
		j.jump(c.Start.UnixNano())
	}
}
