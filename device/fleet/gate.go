package fleet

import (
	"context"

	"spafleet/device"
	"spafleet/resync"
)

// A gate counts a loop's attempts and holds back those that are too many or too
// soon. It is a count, not a lock: the loop never waits for it.
type gate struct {
	most     int   // attempts at once
	running  int   // attempts whose goroutine has not ended
	interval int64 // nanoseconds between two starts; 0: none
	earliest int64 // of the next start
	ready    []start
	head     int // of ready: the one that has waited longest
	counted  int // of ready: up to here they are known to wait for another one's end
}

// A start is an attempt that is due.
type start struct {
	dev     device.Index
	command device.Command
	due     int64 // when it should have started
	allowed int64 // when the rate let it
	booted  int64 // the device's last boot; after another one the attempt is stale
	forced  bool  // starts though a line is in use
}

// nextStart returns when the rate lets the next waiting attempt start; false
// where none waits, or only for another one's end.
func (g *gate) nextStart() (int64, bool) {
	if g.head == len(g.ready) || g.running >= g.most {
		return 0, false
	}
	return g.earliest, true
}

// mostSpent is how many places of the queue may be left behind or kept in store.
const mostSpent = 1024

func (g *gate) push(s start) {
	if g.head > mostSpent && g.head > len(g.ready)/2 { // a queue that is never empty must not grow
		n := copy(g.ready, g.ready[g.head:])
		clear(g.ready[n:])
		g.ready, g.counted, g.head = g.ready[:n], max(g.counted-g.head, 0), 0
	}
	g.ready = append(g.ready, s)
}

// blocked returns how many more attempts have to wait for the end of another
// since it was asked last.
func (g *gate) blocked() int {
	if g.running < g.most {
		return 0
	}
	n := len(g.ready) - max(g.counted, g.head)
	g.counted = len(g.ready)
	return n
}

// pop returns the attempt that has waited longest, if it may start now.
func (g *gate) pop(now int64) (start, bool) {
	if at, ok := g.nextStart(); !ok || at > now {
		return start{}, false
	}
	s := g.ready[g.head]
	g.ready[g.head] = start{}
	if g.head++; g.head == len(g.ready) {
		g.ready, g.head, g.counted = g.ready[:0], 0, 0
		if cap(g.ready) > mostSpent { // of a mass power-up
			g.ready = nil
		}
	}
	if g.interval > 0 {
		s.allowed = g.earliest
		g.earliest = max(g.earliest, now-g.interval) + g.interval
	}
	g.running++
	return s, true
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
	l.gate.push(start{dev: dev, command: c, due: due, booted: u.booted, forced: u.has(inUse)})
}

// done forgets what a device was at.
func (l *loop) done(dev device.Index, u *unit) {
	u.doing, u.why = 0, 0
	delete(l.asked, dev)
}

// admit starts what the gate lets through.
func (l *loop) admit(ctx context.Context, now int64) {
	if l.gate.head == len(l.gate.ready) {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for {
		s, ok := l.gate.pop(now)
		if !ok {
			l.f.saturated.Add(int64(l.gate.blocked()))
			return
		}
		u := l.unit(s.dev)
		if !u.has(queued) || u.booted != s.booted { // the device has turned to something else meanwhile
			l.gate.running--
			continue
		}
		u.set(queued, false)
		if u.has(inUse) && !s.forced { // the line was taken while the attempt waited
			l.gate.running--
			l.done(s.dev, u)
			l.wait(s.dev, u, s.command, now)
			continue
		}
		l.lateness(s, now)
		l.lend(ctx, s, u, now)
	}
}

// lend gives a device somebody who carries one attempt out.
func (l *loop) lend(ctx context.Context, s start, u *unit, now int64) {
	l.checkStart(&s, u, now)
	l.books.started++
	slot := l.slot()
	l.acts[slot] = act{dev: s.dev, busy: true, live: true, order: s.command.Order, due: s.due}
	in := resync.Input{
		Unit: l.f.identity(l.row(u), s.dev), Params: u.params, Life: u.life,
		Lease: l.f.groups[u.group].Lease, Cause: s.command.Cause, Command: &s.command,
		Booted: u.booted, Last: u.last, Upgrade: u.upgrade, Applied: u.receipt, CA: l.trusted[s.dev], Shelf: &l.f.shelf, Customized: u.has(isCustom),
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
		return func(ctx context.Context, w resync.World, in resync.Input) resync.Outcome {
			return resync.Customize(ctx, w, in, url)
		}
	case device.Upgrade:
		started.Kind = device.UpgradeStarted
		l.emit(s.dev, u, started)
		u.upgrade.Last = now
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
