package unit

import (
	"math"
	"strconv"
	"strings"
	"time"

	"spafleet/device"
)

// A timer is something that a device does by itself when its time comes.
type timer uint8

const (
	resyncTimer  timer = iota // periodic, retry, daily or power-on
	triggerTimer              // a Resync_Trigger can first hold
	upgradeTimer              // the next try of Upgrade_Rule
	forcedTimer               // Forced_Resync_Delay: a busy line does not count any more
	numTimers

	// A device that boots has no line in use.
	bootTimer = forcedTimer // the firmware starts

	// Few devices have one: it stands with the files that it is of.
	extraTimer = numTimers     // an extra file is asked for again
	sipTimer   = numTimers + 1 // a line registers, or sends again
	leaseTimer = numTimers + 2 // the client of DHCP asks for more time
)

// timers are when a device's timers run out, as fleet times; 0 for none.
type timers [numTimers]int64

// commonTimers are those that each device has. The others stand in its optional fields.
type commonTimers struct{ resync, forced int64 }

// A timing is the timers of a device, wherever they stand.
type timing struct{ *Unit }

// when returns when a timer runs out, 0 for never.
func (u timing) when(which timer) int64 {
	switch {
	case which == resyncTimer:
		return u.timers.resync
	case which == forcedTimer:
		return u.timers.forced
	case u.opt == nil:
		return 0
	case which == triggerTimer:
		return u.opt.trigger
	}
	return u.opt.again
}

// all returns when they all run out.
func (u timing) all() (t timers) {
	for which := range t {
		t[which] = u.when(timer(which))
	}
	return t
}

// set sets a timer, or stops it with 0.
func (u timing) set(which timer, at int64) {
	switch {
	case which == resyncTimer:
		u.timers.resync = at
	case which == forcedTimer:
		u.timers.forced = at
	case at == 0 && u.opt == nil:
	case which == triggerTimer:
		u.own().trigger = at
		u.trim()
	default:
		u.own().again = at
		u.trim()
	}
}

// setAll sets them all.
func (u timing) setAll(t timers) {
	for which, at := range t {
		u.set(timer(which), at)
	}
}

// next returns the earliest timer; false where there is none. At equal times
// the first in the list counts.
func (t *timers) next() (at int64, which timer, ok bool) {
	at = math.MaxInt64
	for i, when := range t {
		if when != 0 && when < at {
			at, which, ok = when, timer(i), true
		}
	}
	return at, which, ok
}

// forcedDelay reads Forced_Resync_Delay, in seconds, 14400 where the firmware
// has no such parameter.
func forcedDelay(p device.Params) time.Duration {
	text, ok := p.Lookup("Forced_Resync_Delay")
	n, err := strconv.ParseUint(strings.TrimSpace(text), 10, 32)
	if !ok || err != nil {
		n = 14400
	}
	return time.Duration(n) * time.Second
}
