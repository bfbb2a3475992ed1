package fleet

import (
	"math"

	"spafleet/device"
	"spafleet/device/model"
)

// A timer is something that a device does by itself when its time comes.
type timer uint8

const (
	resyncTimer  timer = iota // periodic, retry, daily or power-on
	triggerTimer              // a Resync_Trigger can first hold
	upgradeTimer              // the next try of Upgrade_Rule
	forcedTimer               // Forced_Resync_Delay: a busy line does not count any more
	numTimers
)

// agenda is a device's timers, as fleet times; 0 for none.
type agenda [numTimers]int64

// next returns the earliest timer; false where there is none. At equal times
// the first in the list counts.
func (a *agenda) next() (at int64, which timer, ok bool) {
	at = math.MaxInt64
	for t, when := range a {
		if when != 0 && when < at {
			at, which, ok = when, timer(t), true
		}
	}
	return at, which, ok
}

// set sets one of a device's timers, or stops it with 0.
func (l *loop) set(dev device.Index, u *unit, t timer, at int64) {
	u.agenda[t] = at
	l.schedule(dev, u)
}

// schedule keeps a device's one live heap entry at its earliest timer.
func (l *loop) schedule(dev device.Index, u *unit) {
	at, _, ok := u.agenda.next()
	if !ok {
		u.due = 0
		return
	}
	if u.due == at {
		return
	}
	u.due = at
	l.heap.push(entry{at, dev, u.n})
	u.n++
	if len(l.heap) > mostEntries(len(l.units)) {
		l.heap.keep(func(e entry) bool { return l.unit(e.dev).due == e.at })
	}
}

// mostEntries is how many heap entries there may be: one that is live for each
// device, and some that are stale.
func mostEntries(devices int) int { return devices + devices/8 + 64 }

// arm sets when a device resyncs next and why, or stops the timer.
func (l *loop) arm(dev device.Index, u *unit, at int64, cause model.Cause, ok bool) {
	if !ok {
		at = 0
	}
	if _, ordered := l.delayed[dev]; ordered {
		return // the timer is taken; what it starts sets the next
	}
	u.cause = cause
	l.set(dev, u, resyncTimer, at)
}

// due is a timer that ran out.
func (l *loop) due(dev device.Index, u *unit, now int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	at, which, _ := u.agenda.next()
	u.due = 0
	u.agenda[which] = 0
	switch {
	case u.has(booting):
		u.set(booting, false)
		l.boot(dev, u, device.ByPower, now)
		return
	case which == forcedTimer:
		l.forcePending(dev, u, now)
	case which == resyncTimer:
		l.dueCommand(dev, u, l.timed(dev, u), at, now)
	case which == upgradeTimer:
		l.dueUpgrade(dev, u, now)
	case which == triggerTimer:
		l.dueCommand(dev, u, device.Command{Order: device.Resync, Cause: model.ByTrigger}, at, now)
	}
	l.schedule(dev, u)
}

// timed returns what the resync timer stands for.
func (l *loop) timed(dev device.Index, u *unit) device.Command {
	if c, ordered := l.delayed[dev]; ordered {
		delete(l.delayed, dev)
		return c
	}
	if u.cause == model.ByRC {
		return device.Command{Order: device.Customize, Cause: model.ByRC}
	}
	return device.Command{Order: device.Resync, Cause: u.cause}
}

// dueCommand starts an attempt whose time has come, or lets it wait for the line.
func (l *loop) dueCommand(dev device.Index, u *unit, c device.Command, at, now int64) {
	if c.Order == device.Resync && !u.params.Bool("Provision_Enable", true) {
		return // turned off since the timer was set; it gates every resync (documented)
	}
	if !l.mayStart(u, c.Order) {
		l.wait(dev, u, c, now)
		return
	}
	l.enqueue(dev, u, c, at)
}
