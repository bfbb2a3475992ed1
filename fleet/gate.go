package fleet

import (
	"context"
	"strings"
	"time"

	"spafleet/device"
	"spafleet/resync"
)

// A gate counts a loop's attempts and holds back those that are too many or too
// soon. It is a count, not a lock: the loop never waits for it.
//
// A part of the places is kept for the transport that has been asked for less:
// attempts at a silent TFTP server, each of which takes its place for as long as
// the device has patience, hold up no HTTP.
type gate struct {
	most     int   // attempts at once
	full     int   // what most is while this machine lacks nothing
	kept     int   // of full, for the other transport
	lacked   int64 // when most last changed
	running  int   // attempts whose goroutine has not ended
	interval int64 // nanoseconds between two starts; 0: none
	earliest int64 // of the next start
	pushed   int   // attempts so far
	lanes    [transports]lane
}

// A transport is what an attempt is expected to open sockets of.
type transport uint8

const (
	datagrams transport = iota // TFTP
	streams                    // HTTP and HTTPS
	transports
)

// A lane is the attempts of one transport.
type lane struct {
	running int
	last    int // the gate's count at the latest attempt; 0: none yet
	ready   []start
	head    int // of ready: the one that has waited longest
	counted int // of ready: up to here they are known to wait for another one's end
}

// A start is an attempt that is due.
type start struct {
	dev       device.Index
	command   device.Command
	transport transport
	number    int   // with the gate
	due       int64 // when it should have started
	allowed   int64 // when the rate let it
	booted    int64 // the device's last boot; after another one the attempt is stale
	forced    bool  // starts though a line is in use
}

// open sets how many attempts run at once, and how many of the places are kept.
func (g *gate) open(most, kept int) { g.most, g.full, g.kept = most, most, kept }

func (g *gate) waiting() int {
	n := 0
	for i := range g.lanes {
		n += len(g.lanes[i].ready) - g.lanes[i].head
	}
	return n
}

// room returns how many attempts of a transport may run: all, while nobody has
// asked for the other one lately.
func (g *gate) room(t transport) int {
	other := &g.lanes[1-t]
	if other.running == 0 && (other.last == 0 || g.pushed-other.last > 4*g.full) {
		return g.most
	}
	return max(g.most-min(g.kept, g.most-1), 1)
}

func (g *gate) placeFor(t transport) bool {
	return g.running < g.most && g.lanes[t].running < g.room(t)
}

// next returns the transport whose turn it is, false where none has both an
// attempt that waits and a place for it.
func (g *gate) next() (turn transport, ok bool) {
	for t := range transports {
		l := &g.lanes[t]
		if l.head == len(l.ready) || !g.placeFor(t) {
			continue
		}
		if !ok || l.ready[l.head].number < g.lanes[turn].ready[g.lanes[turn].head].number {
			turn, ok = t, true
		}
	}
	return turn, ok
}

// nextStart returns when the rate lets the next waiting attempt start; false
// where none waits, or only for another one's end.
func (g *gate) nextStart() (int64, bool) {
	if _, ok := g.next(); !ok {
		return 0, false
	}
	return g.earliest, true
}

// mostSpent is how many places of the queue may be left behind or kept in store.
const mostSpent = 1024

func (g *gate) push(s start) {
	l := &g.lanes[s.transport]
	if l.head > mostSpent && l.head > len(l.ready)/2 { // a queue that is never empty must not grow
		n := copy(l.ready, l.ready[l.head:])
		clear(l.ready[n:])
		l.ready, l.counted, l.head = l.ready[:n], max(l.counted-l.head, 0), 0
	}
	g.pushed++
	s.number, l.last = g.pushed, g.pushed
	l.ready = append(l.ready, s)
}

// blocked returns how many more attempts have to wait for the end of another
// since it was asked last.
func (g *gate) blocked() int {
	n := 0
	for t := range transports {
		if g.placeFor(t) {
			continue
		}
		l := &g.lanes[t]
		n += len(l.ready) - max(l.counted, l.head)
		l.counted = len(l.ready)
	}
	return n
}

// pop returns the attempt that has waited longest, if it may start now.
func (g *gate) pop(now int64) (start, bool) {
	t, ok := g.next()
	if !ok || g.earliest > now {
		return start{}, false
	}
	l := &g.lanes[t]
	s := l.ready[l.head]
	l.ready[l.head] = start{}
	if l.head++; l.head == len(l.ready) {
		l.ready, l.head, l.counted = l.ready[:0], 0, 0
		if cap(l.ready) > mostSpent { // of a mass power-up
			l.ready = nil
		}
	}
	if g.interval > 0 {
		s.allowed = g.earliest
		g.earliest = max(g.earliest, now-g.interval) + g.interval
	}
	g.running++
	l.running++
	return s, true
}

// ended gives a place back.
func (g *gate) ended(t transport) {
	g.running--
	g.lanes[t].running--
}

// shrink takes an eighth of the places that are used away, because this machine
// had no descriptor for one of them; but only once in a while, for those who had
// none all say so.
func (g *gate) shrink(now, while int64) {
	if g.lacked != 0 && now-g.lacked < while {
		return
	}
	g.most, g.lacked = max(min(g.most, g.running-max(g.running/8, 1)), 1), now
}

// regrow gives some of the places back that were taken away, if nothing was
// lacking for a while.
func (g *gate) regrow(now, while int64) {
	if g.most < g.full && now-g.lacked >= while {
		g.most, g.lacked = min(g.most+max(g.full/16, 1), g.full), now
	}
}

// ruleOf is the parameter that an order without a URL follows.
var ruleOf = map[device.Order]string{device.Upgrade: "Upgrade_Rule", device.Report: "Report_Rule"}

// transportOf says what an attempt will need first, as far as the text that it
// follows shows. Each attempt has at most one socket, so a wrong guess costs
// nothing but its place in the other line.
func (l *loop) transportOf(u *unit, c *device.Command) transport {
	if l.gate.kept == 0 {
		return datagrams // one line for all
	}
	text := c.Argument
	switch {
	case text != "":
	case c.Order == device.Customize:
		text = l.f.groups[u.group].RCURL
	case ruleOf[c.Order] != "":
		text, _ = u.params.Lookup(ruleOf[c.Order])
	default:
		text, _ = u.params.Lookup("Profile_Rule")
	}
	for i := 0; i+4 <= len(text); i++ {
		if strings.EqualFold(text[i:i+4], "http") {
			return streams
		}
	}
	return datagrams
}

// enqueue puts an attempt behind the gate. It takes the place of the timers that
// would start another.
func (l *loop) enqueue(dev device.Index, u *unit, c device.Command, due int64) {
	u.agenda[resyncTimer], u.agenda[triggerTimer] = 0, 0
	l.schedule(dev, u)
	if later, ok := l.delayed[dev]; ok { // its timer is gone: it comes next
		delete(l.delayed, dev)
		l.pending[dev] = append(l.pending[dev], later)
	}
	u.set(queued, true)
	u.doing, u.why = c.Order, c.Cause
	if c.Argument != "" {
		l.asked[dev] = c
	}
	l.gate.push(start{dev: dev, command: c, transport: l.transportOf(u, &c), due: due, booted: u.booted, forced: u.has(inUse)})
}

// done forgets what a device was at.
func (l *loop) done(dev device.Index, u *unit) {
	u.doing, u.why = 0, 0
	delete(l.asked, dev)
}

// admit starts what the gate lets through.
func (l *loop) admit(ctx context.Context, now int64) {
	if l.gate.waiting() == 0 {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.resize(func(while int64) { l.gate.regrow(now, 50*while) })
	for {
		s, ok := l.gate.pop(now)
		if !ok {
			l.f.saturated.Add(int64(l.gate.blocked()))
			return
		}
		u := l.unit(s.dev)
		if !u.has(queued) || u.booted != s.booted { // the device has turned to something else meanwhile
			l.gate.ended(s.transport)
			continue
		}
		u.set(queued, false)
		if u.has(inUse) && !s.forced { // the line was taken while the attempt waited
			l.gate.ended(s.transport)
			l.done(s.dev, u)
			l.wait(s.dev, u, s.command, now)
			continue
		}
		l.lateness(s, now)
		l.lend(ctx, s, u, now)
	}
}

// resize changes how many attempts run at once, by what this machine lacks.
func (l *loop) resize(change func(while int64)) {
	before := l.gate.most
	change(int64(float64(localWait/time.Nanosecond) * l.speed))
	l.f.most.Add(int64(l.gate.most - before))
}

// lend gives a device somebody who carries one attempt out.
func (l *loop) lend(ctx context.Context, s start, u *unit, now int64) {
	l.checkStart(&s, u, now)
	l.books.started++
	slot := l.slot()
	l.acts[slot] = act{dev: s.dev, busy: true, live: true, order: s.command.Order, transport: s.transport, due: s.due}
	in := resync.Input{
		Unit: l.f.identity(l.row(u), s.dev), Params: u.params, Life: u.life,
		Lease: l.f.groups[u.group].Lease, Cause: s.command.Cause, Command: &s.command,
		Booted: u.booted, Last: u.last, Upgrade: u.before().upgrade, Applied: u.applied(), CA: l.trusted[s.dev], Profiles: &l.f.shelf, Customized: u.has(isCustom),
		Nonce: uint64(device.Draw(l.f.seed, s.dev, forNonce, u.n) * (1 << 53)),
	}
	u.act = slot
	attempt := l.beginAttempt(&s, u, &in, now)
	l.f.running.Add(1)
	l.lender.lend(ctx, slot, attempt, in)
}

// beginAttempt notes what begins, and returns what is to run.
func (l *loop) beginAttempt(s *start, u *unit, in *resync.Input, now int64) job {
	started := device.Event{At: now, Kind: device.ResyncStarted, Cause: s.command.Cause}
	switch s.command.Order {
	case device.Report:
		in.ReportBody = l.reportBody(s.dev, u)
		return resync.Report
	case device.Customize:
		url := l.f.groups[u.group].RCURL
		return func(ctx context.Context, w resync.Env, in resync.Input) resync.Outcome {
			return resync.Customize(ctx, w, in, url)
		}
	case device.Upgrade:
		started.Kind = device.UpgradeStarted
		l.emit(s.dev, u, started)
		u.remember().upgrade.Last = now
		return resync.Upgrade
	}
	l.began(s.dev, u, s.command.Cause, now)
	l.emit(s.dev, u, started)
	return resync.Attempt
}

func (l *loop) slot() int32 {
	if n := len(l.free); n > 0 {
		slot := l.free[n-1]
		l.free = l.free[:n-1]
		return slot
	}
	l.acts = append(l.acts, act{})
	return int32(len(l.acts) - 1)
}

// abandon cancels what a device is doing or waits to do. What was committed
// stays.
func (l *loop) abandon(dev device.Index, u *unit) {
	u.due, u.agenda = 0, agenda{}
	u.set(queued|booting, false)
	delete(l.pending, dev)
	delete(l.delayed, dev)
	l.done(dev, u)
	if u.act == idle {
		return
	}
	slot := u.act
	l.acts[slot].live = false
	u.act = idle
	l.lender.cancel(slot)
}
