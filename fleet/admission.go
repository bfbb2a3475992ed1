package fleet

import (
	"context"
	"time"

	"spafleet/device"
	"spafleet/device/rule"
	"spafleet/resync/unit"
)

// An admission counts a loop's attempts and holds back those that are too many or
// too soon. It is a count, not a lock: the loop never waits for it.
//
// A part of the places is kept for the transport that has been asked for less:
// attempts at a silent TFTP server, each of which takes its place for as long as
// the device has patience, hold up no HTTP.
type admission struct {
	most     int   // attempts at once
	full     int   // what most is while this machine lacks nothing
	kept     int   // of full, for the other transport
	lacked   int64 // when most last changed
	running  int   // attempts whose goroutine has not ended
	behind   bool  // none starts: this machine has not got to those that have
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
	last    int // the admission's count at the latest attempt; 0: none yet
	ready   line
	counted int // of ready: so many are known to wait for another one's end
}

// A start is an attempt that is due.
type start struct {
	unit.Start
	dev       device.Index
	transport transport
	allowed   int64 // when the rate let it
}

// A queued start waits in a lane.
type queued struct {
	unit.Queued
	dev    device.Index
	number int // in the order of all attempts
}

// open sets how many attempts run at once, and how many of the places are kept.
func (a *admission) open(most, kept int) { a.most, a.full, a.kept = most, most, kept }

func (a *admission) waiting() int {
	n := 0
	for i := range a.lanes {
		n += a.lanes[i].ready.count
	}
	return n
}

// allowed returns how many attempts of a transport may run: all, while nobody has
// asked for the other one lately.
func (a *admission) allowed(t transport) int {
	other := &a.lanes[1-t]
	if other.running == 0 && (other.last == 0 || a.pushed-other.last > 4*a.full) {
		return a.most
	}
	return max(a.most-min(a.kept, a.most-1), 1)
}

func (a *admission) placeFor(t transport) bool {
	return a.running < a.most && a.lanes[t].running < a.allowed(t)
}

// next returns the transport whose turn it is, false where none has both an
// attempt that waits and a place for it.
func (a *admission) next() (turn transport, ok bool) {
	for t := range transports {
		l := &a.lanes[t]
		if l.ready.count == 0 || !a.placeFor(t) {
			continue
		}
		if !ok || l.ready.first().number < a.lanes[turn].ready.first().number {
			turn, ok = t, true
		}
	}
	return turn, ok
}

// nextStart returns when the rate lets the next waiting attempt start; false
// where none waits, or only for what an attempt does.
func (a *admission) nextStart() (int64, bool) {
	if _, ok := a.next(); !ok || a.behind {
		return 0, false
	}
	return a.earliest, true
}

func (a *admission) push(s start) {
	l := &a.lanes[s.transport]
	a.pushed++
	l.last = a.pushed
	l.ready.push(queued{s.Queued(), s.dev, a.pushed})
}

// blocked returns how many more attempts have to wait for the end of another
// since it was asked last.
func (a *admission) blocked() int {
	n := 0
	for t := range transports {
		if a.placeFor(t) {
			continue
		}
		l := &a.lanes[t]
		n += l.ready.count - l.counted
		l.counted = l.ready.count
	}
	return n
}

// pop returns the attempt that has waited longest, if it may start now.
func (a *admission) pop(now int64) (start, bool) {
	t, ok := a.next()
	if !ok || a.earliest > now {
		return start{}, false
	}
	l := &a.lanes[t]
	q := l.ready.pop()
	s := start{Start: q.Start(), dev: q.dev, transport: t}
	l.counted = max(l.counted-1, 0)
	if a.interval > 0 {
		s.allowed = a.earliest
		a.earliest = max(a.earliest, now-a.interval) + a.interval
	}
	a.running++
	l.running++
	return s, true
}

// ended gives a place back.
func (a *admission) ended(t transport) {
	a.running--
	a.lanes[t].running--
}

// shrink takes an eighth of the places that are used away, because this machine
// had no descriptor for one of them; but only once in a while, for those who had
// none all say so.
func (a *admission) shrink(now, while int64) {
	if a.lacked != 0 && now-a.lacked < while {
		return
	}
	a.most, a.lacked = max(min(a.most, a.running-max(a.running/8, 1)), 1), now
}

// regrow gives some of the places back that were taken away, if nothing was
// lacking for a while.
func (a *admission) regrow(now, while int64) {
	if a.most < a.full && now-a.lacked >= while {
		a.most, a.lacked = min(a.most+max(a.full/16, 1), a.full), now
	}
}

// transportOf says what an attempt will need first, as far as the text that it
// follows shows. Each attempt has at most one socket, so a wrong guess costs
// nothing but its place in the other line.
func (l *loop) transportOf(u *unit.Unit, c *device.Command) transport {
	if l.admission.kept == 0 {
		return datagrams // one line for all
	}
	text := l.f.shared.Rule(u, c)
	if rule.Read(text, l.f.shared.Row(u).Dialect()).NamesHTTP() {
		return streams
	}
	return datagrams
}

// enqueue lets an attempt wait for admission.
func (l *loop) enqueue(dev device.Index, u *unit.Unit, s *unit.Start) {
	l.admission.push(start{Start: *s, dev: dev, transport: l.transportOf(u, &s.Command)})
}

// admit starts the attempts that may start.
func (l *loop) admit(ctx context.Context, now int64) {
	l.admission.behind = false
	if l.admission.waiting() == 0 {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.resize(func(while int64) { l.admission.regrow(now, 50*while) })
	for {
		if l.admission.behind = l.executor.behind(); l.admission.behind {
			return
		}
		s, ok := l.admission.pop(now)
		if !ok {
			l.f.attempts.saturated.Add(int64(l.admission.blocked()))
			return
		}
		u := l.unit(s.dev)
		fx, begins := l.machine.At(s.dev, u, now).Admit(&s.Start)
		l.apply(s.dev, u, fx)
		if !begins {
			l.admission.ended(s.transport)
			continue
		}
		if s.Due > 0 { // the wait for a rate that the user asked for is no lateness
			l.late(s.dev, u, now, l.wall(max(s.Due, s.allowed), now))
		}
		l.start(ctx, s, u, now)
	}
}

// resize changes how many attempts run at once, by what this machine lacks.
func (l *loop) resize(change func(while int64)) {
	before := l.admission.most
	change(int64(float64(localWait/time.Nanosecond) * l.speed))
	l.f.attempts.most.Add(int64(l.admission.most - before))
}

// start lets an attempt run.
func (l *loop) start(ctx context.Context, s start, u *unit.Unit, now int64) {
	l.checkStart(&s, u, now)
	l.counts.started++
	number := l.slot()
	l.slots[number] = slot{dev: s.dev, busy: true, live: true, transport: s.transport, due: s.Due}
	job, in, fx := l.machine.At(s.dev, u, now).Begin(&s.Start, number)
	l.apply(s.dev, u, fx)
	l.f.attempts.running.Add(1)
	l.executor.start(ctx, number, job, in)
}

// slot returns the number of a free slot.
func (l *loop) slot() int32 {
	if n := len(l.free); n > 0 {
		number := l.free[n-1]
		l.free = l.free[:n-1]
		return number
	}
	l.slots = append(l.slots, slot{})
	return int32(len(l.slots) - 1)
}

// overdue tells of the attempts that are due and have not started, or wait for
// this machine.
func (l *loop) overdue(now int64) {
	late := func(dev device.Index, due int64) {
		if due > 0 && due < now {
			l.late(dev, l.unit(dev), now, l.wall(due, now))
		}
	}
	place := int64(0)
	for t := range l.admission.lanes {
		for q := range l.admission.lanes[t].ready.all {
			s := q.Start()
			if u := l.unit(q.dev); !u.Waits(&s) {
				continue
			}
			allowed := int64(0)
			if l.admission.interval > 0 {
				allowed = l.admission.earliest + place*l.admission.interval
			}
			place++
			late(q.dev, max(s.Due, allowed))
		}
	}
	for _, e := range l.heap {
		if u := l.unit(e.dev); e.at < now && u.Due() == e.at && u.DueResync() {
			late(e.dev, e.at)
		}
	}
	for e, wait := range l.f.shortages.waits() {
		if e.l == l {
			dev := l.slots[e.slot].dev
			l.late(dev, l.unit(dev), now, wait)
		}
	}
}

// heldBack reports whether the attempt that was asked for last has to wait for
// another's end, or for the rate. In virtual time none has to.
func (l *loop) heldBack() bool {
	a := &l.admission
	turn := a.earliest + int64(a.waiting()-1)*a.interval
	return l.simulation == nil && (a.running+a.waiting() > a.most || a.interval > 0 && turn > l.clock.Now())
}
