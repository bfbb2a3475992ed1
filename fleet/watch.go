package fleet

import (
	"spafleet/device"
	"spafleet/device/model"
	"spafleet/resync"
)

// watch sets when a trigger next starts a resync. It is asked again whenever
// something else than a timer may have changed a condition: after a boot, an
// attempt and an edit. While a device waits for its first contact after a boot,
// triggers wait too: else a condition that always holds would undo the random
// delay (inferred).
func (l *loop) watch(dev device.Index, u *unit, now int64) {
	at := int64(0)
	first := u.agenda[resyncTimer] != 0 && u.cause == model.ByPowerOn
	if t, ok := resync.TriggersOf(l.row(u), u.params); ok && u.act == idle && !u.has(queued) && !u.customizing() && !first {
		when, spent, ok := t.Next(l.watchOf(dev, u, now))
		u.spend(spent)
		if ok {
			at = when
		}
	}
	l.set(dev, u, triggerTimer, at)
}

func (l *loop) watchOf(dev device.Index, u *unit, now int64) resync.Watch {
	unit := l.f.identity(l.row(u), dev)
	return resync.Watch{
		Env: device.Env{Unit: &unit, Params: u.params, Situation: &device.Situation{Customized: u.has(isCustom)}}, Timers: resync.TimersOf(u.booted, u.last, u.before().upgrade.Last),
		Now: now, Fired: u.before().fired, Spent: [2]bool{u.has(spent1), u.has(spent2)},
	}
}

// began starts the timers of an attempt.
func (l *loop) began(dev device.Index, u *unit, cause model.Cause, now int64) {
	u.last = now
	if cause == model.ByTrigger {
		u.remember().fired = now
	}
	if t, ok := resync.TriggersOf(l.row(u), u.params); ok && t.Edge {
		u.spend(t.Spend(l.watchOf(dev, u, now)))
	}
}

func (u *unit) spend(spent [2]bool) {
	u.set(spent1, spent[0])
	u.set(spent2, spent[1])
}

// nextResync returns the earliest timer that leads to a resync, 0 for none.
func (u *unit) nextResync() int64 {
	if u.has(booting) {
		return 0
	}
	a := u.agenda
	a[upgradeTimer] = 0
	at, _, ok := a.next()
	if !ok {
		return 0
	}
	return at
}
