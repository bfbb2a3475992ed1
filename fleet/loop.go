package fleet

import (
	"context"
	"sync"

	"spafleet/device"
	"spafleet/device/model"
	"spafleet/fsm"
	"spafleet/resync"
)

// A loop owns every n-th device of a shard. It alone writes them; it blocks on
// nothing but its clock and its inbox, and never sends to itself.
type loop struct {
	f       *Fleet
	first   int // the place of its first device
	clock   clock
	inbox   chan message
	mu      sync.Mutex // guards units against pages that copy them
	units   []unit     // the device at place p of the shard is units[p/loops]
	heap    heap
	gate    gate
	acts    []act
	free    []int32
	pending map[device.Index][]device.Command
	told    map[device.Index]device.Params     // as last reported, of devices that report
	trusted map[device.Index]*resync.Authority // of the few that have one
	custom  map[device.Index]custom
	delayed map[device.Index]device.Command // of the resync timer: it stands for an order that waits a random delay
	asked   map[device.Index]device.Command // what a device is at, where that has an argument
	out     []device.Event                  // what this turn has to tell
	lender  lender
	stage   *stage  // in virtual time, else nil
	speed   float64 // of its clock
	moment  int64   // when to ask the conductor again
	books   books
	broken  *Broken
}

// A message comes from an attempt or from outside. It is never sent by the loop
// itself.
type message struct {
	act     int32
	dev     device.Index
	command *device.Command
	commit  *commit
	outcome *resync.Outcome
	lack    bool            // this machine had no descriptor for the attempt
	look    func(now int64) // somebody looks at the loop, in its turn
	got     intake          // of an outcome
}

type commit struct {
	params device.Params
	life   device.Life
	events []device.Event
}

// An act is an attempt that runs. Live is false once its device has turned to
// something else; then only its end is of interest.
type act struct {
	dev   device.Index
	busy  bool // the attempt has not ended
	live  bool
	order device.Order
	due   int64 // when it should have started
	told  intake
	file  *device.File // that was told of last

	transport transport // whose place it has
}

// run works until ctx ends, then cancels every attempt and takes its outcome.
func (l *loop) run(ctx context.Context) {
	if l.f.resumed == 0 {
		l.powerUp()
	} else {
		l.carryOn()
	}
	l.tell()
	l.out = nil // it was large once
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
// over: because he says so, or in virtual time because nothing is left to happen.
func (l *loop) conducted(told bool) (over bool) {
	now := l.clock.Now()
	for l.f.conduct != nil && (told || now >= l.moment) {
		if l.moment, over = l.f.conduct(now, l.do); over {
			return true
		}
		l.moment = max(l.moment, now+1)
		told = l.tell()
	}
	return l.stage != nil && l.next() == never
}

// do carries out what the conductor wants of a device.
func (l *loop) do(dev device.Index, c device.Command) {
	if int(dev) < l.f.total && l.f.shard.Has(dev) {
		l.handle(message{dev: dev, command: &c}, l.clock.Now())
	}
}

// next returns when the loop has something to do by itself.
func (l *loop) next() int64 {
	at := never
	if len(l.heap) > 0 {
		at = l.heap[0].at
	}
	if t, ok := l.gate.nextStart(); ok {
		at = min(at, t)
	}
	if l.stage != nil && len(l.stage.wakes) > 0 {
		at = min(at, l.stage.wakes[0].at)
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
	for range mostAtOnce {
		switch timer, actor := l.heap.due(now), l.stage != nil && l.stage.wakes.due(now); {
		case actor && !(timer && l.heap[0].before(l.stage.wakes[0])):
			l.stage.resume(l.stage.wakes.pop())
		case timer:
			e := l.heap.pop()
			if u := l.unit(e.dev); u.due == e.at {
				l.due(e.dev, u, now)
			}
		default:
			return
		}
	}
}

// powerUp gives power to the devices that have it from the start. Their firmware
// starts at once: the run begins where they have booted.
func (l *loop) powerUp() {
	now := l.clock.Now()
	for i := range l.units {
		u := &l.units[i]
		if l.f.groups[u.group].Off {
			continue
		}
		l.mu.Lock()
		l.powerOn(l.index(i), u, now)
		l.boot(l.index(i), u, device.ByPower, now)
		l.mu.Unlock()
		if len(l.out) > 4096 {
			l.tell()
		}
	}
}

func (l *loop) drain() {
	l.mu.Lock()
	for i := range l.acts {
		if l.acts[i].busy {
			l.lender.cancel(int32(i))
		}
	}
	l.mu.Unlock()
	l.tell()
	if c, ok := l.clock.(*mixedClock); ok {
		for _, m := range c.batch {
			l.handle(m, c.Now())
		}
	}
	for l.gate.running > 0 {
		l.handle(<-l.inbox, l.clock.Now())
		l.tell()
	}
	l.lender.close()
}

func (l *loop) index(i int) device.Index { return l.f.shard.At(i*len(l.f.loops) + l.first) }

func (l *loop) unit(dev device.Index) *unit { return &l.units[l.f.shard.Place(dev)/len(l.f.loops)] }

func (l *loop) handle(m message, now int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case m.command != nil:
		l.command(m.dev, l.unit(m.dev), *m.command, now)
	case m.commit != nil:
		if a := &l.acts[m.act]; a.live {
			l.take(a, m.commit)
		}
	case m.outcome != nil:
		l.finish(m.act, m.outcome, m.got, now)
	case m.lack:
		l.resize(func(while int64) { l.gate.shrink(now, while) })
	case m.look != nil:
		m.look(now)
	}
}

// take puts what an attempt committed into its device.
func (l *loop) take(a *act, c *commit) {
	u := l.unit(a.dev)
	if c.params != u.params { // until the attempt says which body this came from
		u.setApplied(noReceipt)
	}
	u.params = c.params
	u.life = c.life
	for _, e := range c.events {
		switch e.Kind {
		case device.ResyncOK, device.ResyncFailed, device.UpgradeOK, device.UpgradeFailed:
			e.Took = e.At - a.due
		}
		a.tells(&e)
		l.emit(a.dev, u, e)
	}
}

// trust keeps the authorities that a device has got.
func (l *loop) trust(dev device.Index, ca *resync.Authority) {
	if ca == nil {
		delete(l.trusted, dev)
		return
	}
	l.trusted[dev] = ca
}

// finish takes the outcome of an attempt and decides what comes next.
func (l *loop) finish(slot int32, o *resync.Outcome, got intake, now int64) {
	a := l.acts[slot]
	u := l.unit(a.dev)
	if a.live {
		l.take(&a, &commit{o.Params, o.Life, o.Events})
	}
	l.checkEnd(slot, &a, u, got, o.OK, o.Aborted || !a.live)
	l.acts[slot] = act{}
	l.free = append(l.free, slot)
	l.gate.ended(a.transport)
	l.f.running.Add(-1)
	if !a.live {
		l.f.aborted.Add(1)
		return
	}
	u.act = idle
	u.setApplied(o.Applied)
	l.trust(a.dev, o.CA)
	if o.Aborted { // by the end of the run; what it was at is kept for the next one
		l.f.aborted.Add(1)
		return
	}
	l.done(a.dev, u)
	switch a.order {
	case device.Upgrade:
		l.upgraded(a.dev, u, o, now)
	case device.Report:
		l.reportEnded(a.dev, u, o)
	case device.Customize:
		l.customized(a.dev, u, o, now)
	default:
		l.resynced(a.dev, u, o, now)
	}
	l.runPending(a.dev, u, now)
}

func (l *loop) count(u *unit, order device.Order, o *resync.Outcome) {
	if order != device.Resync {
		return
	}
	if o.OK {
		u.ok++
	} else {
		u.failed++
	}
}

// resynced counts a resync, then reboots the device where its changes ask for
// that, or sets its next timer. A sequence that failed does not reboot: what it
// changed waits for one that succeeds (timeline T8: inferred).
func (l *loop) resynced(dev device.Index, u *unit, o *resync.Outcome, now int64) {
	l.count(u, device.Resync, o)
	u.reboot = max(u.reboot, o.Reboot)
	if o.OK && u.reboot != model.NoReboot {
		l.boot(dev, u, device.ByParams, now)
		return
	}
	defer l.considerUpgrade(dev, u, now)
	if o.OK {
		l.considerReport(dev, u, now)
	}
	if u.has(erring) == o.OK {
		u.run = 0
	}
	u.set(erring, !o.OK)
	if l.row(u).Behaviour.TimerFromEnd {
		u.last = now
	}
	if u.customizing() {
		l.retryCustom(dev, u, now)
		return
	}
	s := resync.ScheduleOf(l.row(u), u.params)
	at, cause, again := s.After(now, o.OK, int(u.run), l.draw(dev, u, forTimer))
	u.run = min(u.run+1, 250)
	at = max(at, now+int64(o.Wait)) // where a server sent it away
	l.arm(dev, u, at, cause, again)
	l.watch(dev, u, now)
}

// upgraded restarts the device, at its new version if the image was good
// (reboot codes 8 and 80: field).
func (l *loop) upgraded(dev device.Index, u *unit, o *resync.Outcome, now int64) {
	u.remember().upgrade.Err = o.Err
	if !o.OK {
		l.boot(dev, u, device.ByUpgradeFailed, now)
		l.retryUpgrade(dev, u, now)
		return
	}
	u.past.upgrade.Err, u.past.upgrade.Retries = o.Version, 0
	u.row = l.f.rowAt(u.row, o.Version)
	l.boot(dev, u, device.ByUpgradeOK, now)
}

// boot starts a device's firmware and sets its first timer. Calls that were up
// are dropped by it (documented).
func (l *loop) boot(dev device.Index, u *unit, reason device.Reason, now int64) {
	u.booted, u.last, u.run, u.reboot = now, 0, 0, model.NoReboot
	u.set(erring|inUse|spent1|spent2, false)
	u.agenda[forcedTimer] = 0
	l.emit(dev, u, device.Event{At: now, Kind: device.Boot, Reason: reason})
	if resync.Logs(u.params) {
		line := "System started: ip@" + l.f.address(dev).String() + ", reboot reason:" + reason.Code()
		l.emit(dev, u, device.Event{At: now, Kind: device.Syslog, Text: line})
	}
	if u.customizing() {
		l.arm(dev, u, now, model.ByRC, true)
		return
	}
	l.firstContact(dev, u, reason, now)
}

// firstContact sets the first timer after a boot.
func (l *loop) firstContact(dev device.Index, u *unit, reason device.Reason, now int64) {
	s := resync.ScheduleOf(l.row(u), u.params)
	at, cause, ok := s.AtBoot(now, reason, l.draw(dev, u, forBoot))
	l.arm(dev, u, at, cause, ok)
	l.bootUpgrade(dev, u, reason, ok, now)
	l.watch(dev, u, now)
}

// Purposes of draws.
const (
	forBoot = iota + 1
	forTimer
	forUpgrade
	forOrder
	forNonce // by the count of events, which no two attempts share
	forNetwork
)

func (l *loop) draw(dev device.Index, u *unit, purpose uint8) float64 {
	u.draws++
	return device.Draw(l.f.seed, dev, purpose, u.draws)
}

func (l *loop) row(u *unit) *model.Row { return l.f.row(u.row) }

// emit stamps an event with its device and count.
func (l *loop) emit(dev device.Index, u *unit, e device.Event) {
	e.Dev, e.N = dev, u.n
	u.n++
	if e.Kind != device.Moved {
		e.State = u.life.State
	}
	l.out = append(l.out, e)
}

// tell hands on what this turn brought, and reports whether there was anything.
func (l *loop) tell() bool {
	if len(l.out) == 0 {
		return false
	}
	l.f.tell(l, l.out)
	clear(l.out)
	l.out = l.out[:0]
	return true
}

// moved emits a move of the lifecycle that the loop itself causes.
func (l *loop) moved(dev device.Index, u *unit, at int64, via device.Via, life device.Life, moves ...fsm.Event) {
	state := u.life.State
	u.life = life
	for _, m := range moves {
		state, _ = fsm.Lifecycle.Next(state, m)
		e := device.Event{At: at, Kind: device.Moved, Move: m, State: state}
		if m == fsm.Customized {
			e.Via = via
		}
		l.emit(dev, u, e)
	}
}

// lateness is how long after it was due an attempt starts, without the wait for
// a rate that the user asked for.
func (l *loop) lateness(s start, now int64) {
	if l.f.late != nil && s.due > 0 {
		l.f.late(int64(float64(max(now-max(s.due, s.allowed), 0)) / l.speed))
	}
}
