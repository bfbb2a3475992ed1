// Package unit is one device at work, as a value.
//
// A [Unit] holds what a device has beside its identity: parameters, timers,
// state. A [Machine] gives one unit at a time an input (a command, a timer that
// ran out, the end of an attempt) at a moment of fleet time, and returns what
// follows as [Effects]: events, the next timer, an attempt to start or to
// cancel. Nothing here waits, locks, or opens anything: package fleet keeps the
// units, their timers in a heap, and runs the attempts.
package unit

import (
	"spafleet/device"
	"spafleet/device/model"
	"spafleet/device/profile"
	"spafleet/device/sip"
	"spafleet/fsm"
	"spafleet/resync"
)

// A Unit is one device. It holds what cannot be computed: 128 bytes, and in its
// parameters what is the device's own. A test holds it to that: there may be a
// million. [Shared.New] makes one.
type Unit struct {
	params  device.Params
	digest  resync.Digest // of the body applied last; its protection is below
	due     int64         // the earliest timer, as the owner was last told; 0: none
	timers  commonTimers
	booted  int64  // fleet time of the last boot
	last    int64  // fleet time of the last attempt's start, or by switch of its end; 0 for none since boot
	attempt int32  // the number of the attempt that runs, or None
	n       uint32 // its count of events and timers
	draws   uint32
	kept    uint32    // the number of the set of extra files that it has in flash
	opt     *optional // nil where it has none of these
	lines   sip.Lines // what its SIP keeps
	ok      uint32    // resyncs
	failed  uint32
	row     uint16
	group   uint16
	life    device.Life
	flags   flags
	run     uint8              // attempts before the next one that ended like the last
	cause   model.Cause        // of the resync timer
	reboot  model.RebootClass  // asked for by changes of a sequence that then failed
	secrecy profile.Protection // of the body applied last
	doing   device.Order       // the attempt that waits for admission, runs, or ran when the run ended; 0: none
	why     model.Cause        // of doing
	reason  device.Reason      // of the last boot, or of the one that is under way
}

// None is no attempt.
const None = int32(-1)

type flags uint16

const (
	powered   flags = 1 << iota
	inUse           // a line is off hook
	erring          // the last attempt failed
	queued          // an attempt waits for admission
	preset          // its presets have been counted as a change
	spent1          // Resync_Trigger_1 has held since it last counted, of use by edge only
	spent2          // the same of Resync_Trigger_2
	rcPending       // remote customization is before it
	isCustom        // remote customization is behind it
	booting         // has power, and its firmware starts when the boot timer runs out
)

const lastFlag = booting

// An optional is what few devices have.
type optional struct {
	pending []device.Command // what waits until the device is free
	delayed *device.Command  // what the resync timer stands for: an order that waits a random delay
	asked   *device.Command  // what the device is doing, where that has an argument
	told    device.Params    // as last reported
	trusted *resync.Authority
	custom  *Custom
	upgrade *upgradeState
	trigger int64 // two timers: see [timing]
	again   int64
	fired   int64 // fleet time of the last attempt's start that a trigger made, before a boot too
	tries   []ExtraTry

	directory device.Directory
	net       *leased
}

// An upgradeState is what a device remembers of its upgrades.
type upgradeState struct {
	target  resync.UpgradeTarget // the upgrade that was tried last
	history resync.UpgradeHistory
}

func (u *Unit) has(f flags) bool { return u.flags&f != 0 }

func (u *Unit) set(f flags, on bool) {
	if on {
		u.flags |= f
	} else {
		u.flags &^= f
	}
}

// own returns the optional fields, to be changed.
func (u *Unit) own() *optional {
	if u.opt == nil {
		u.opt = &optional{}
	}
	return u.opt
}

// trim gives the optional fields back where they hold nothing any more.
func (u *Unit) trim() {
	if o := u.opt; o != nil && len(o.pending) == 0 && o.delayed == nil && o.asked == nil && o.told == (device.Params{}) &&
		o.trusted == nil && o.custom == nil && o.upgrade == nil && o.trigger == 0 && o.again == 0 && o.fired == 0 && len(o.tries) == 0 && len(o.directory) == 0 && o.net == nil {
		u.opt = nil
	}
}

// upgrades returns what the device remembers of its upgrades.
func (u *Unit) upgrades() upgradeState {
	if u.opt == nil || u.opt.upgrade == nil {
		return upgradeState{}
	}
	return *u.opt.upgrade
}

// upgradeState returns what the device remembers of its upgrades, to be changed.
func (u *Unit) upgradeState() *upgradeState {
	o := u.own()
	if o.upgrade == nil {
		o.upgrade = &upgradeState{}
	}
	return o.upgrade
}

// pending returns what waits until the device is free.
func (u *Unit) pending() []device.Command {
	if u.opt == nil {
		return nil
	}
	return u.opt.pending
}

// delayed returns what the resync timer stands for, where that is an order.
func (u *Unit) delayed() *device.Command {
	if u.opt == nil {
		return nil
	}
	return u.opt.delayed
}

// fired returns when a trigger last started an attempt.
func (u *Unit) fired() int64 {
	if u.opt == nil {
		return 0
	}
	return u.opt.fired
}

// told returns the parameters as last reported.
func (u *Unit) told() device.Params {
	if u.opt == nil {
		return device.Params{}
	}
	return u.opt.told
}

// trusted returns the authorities that the device has got; nil for none.
func (u *Unit) trusted() *resync.Authority {
	if u.opt == nil {
		return nil
	}
	return u.opt.trusted
}

// trust keeps the authorities that the device has got.
func (u *Unit) trust(ca *resync.Authority) {
	if ca != nil || u.trusted() != nil {
		u.own().trusted = ca
		u.trim()
	}
}

// directory returns the personal directory.
func (u *Unit) directory() device.Directory {
	if u.opt == nil {
		return nil
	}
	return u.opt.directory
}

// setDirectory keeps another one.
func (u *Unit) setDirectory(d device.Directory) {
	if len(d) > 0 || len(u.directory()) > 0 {
		u.own().directory = d
		u.trim()
	}
}

// applied returns which body was applied last.
func (u *Unit) applied() resync.LastApplied {
	return resync.LastApplied{Digest: u.digest, Protection: u.secrecy}
}

func (u *Unit) setApplied(r resync.LastApplied) { u.digest, u.secrecy = r.Digest, r.Protection }

func (u *Unit) spend(spent [2]bool) {
	u.set(spent1, spent[0])
	u.set(spent2, spent[1])
}

// done forgets what the device was doing.
func (u *Unit) done() {
	u.doing, u.why = 0, 0
	if u.opt != nil && u.opt.asked != nil {
		u.opt.asked = nil
		u.trim()
	}
}

// customizing reports whether a device has remote customization before it. Until
// that is done it contacts nobody else by itself (provisioning.md §9: documented
// for the order, inferred for a server that does not answer).
func (u *Unit) customizing() bool { return u.has(rcPending) }

// customization returns what the Info page shows.
func (u *Unit) customization(r *model.Row) string {
	switch {
	case u.has(rcPending):
		return "Pending"
	case u.has(isCustom):
		return u.opt.custom.Company
	}
	return r.Behaviour.Web.NotCustomized
}

// mayStart reports whether a device can carry out an order now. With an idle
// line, the forced timer is the countdown after a call: resyncs wait for it.
func (u *Unit) mayStart(o device.Order) bool {
	counting := o == device.Resync && u.timers.forced != 0
	return u.attempt == None && !u.has(inUse) && !u.has(queued) && !u.has(booting) && !counting
}

// recall takes a command out of what waits.
func (u *Unit) recall(i int) device.Command {
	list := u.opt.pending
	c := list[i]
	copy(list[i:], list[i+1:])
	list[len(list)-1] = device.Command{}
	if u.opt.pending = list[:len(list)-1]; len(list) == 1 {
		u.opt.pending = nil
		u.trim()
	}
	return c
}

// Due returns when the device next does something by itself, 0 for never.
func (u *Unit) Due() int64 { return u.due }

// DueResync reports whether it is the resync timer that runs out at [Unit.Due].
func (u *Unit) DueResync() bool { return u.due != 0 && u.timers.resync == u.due }

// Answers reports whether the device has power and its firmware runs.
func (u *Unit) Answers() bool { return u.has(powered) && !u.has(booting) }

// Attempt returns the number of the attempt that runs, or [None].
func (u *Unit) Attempt() int32 { return u.attempt }

// Count returns how many events and timers the device has had.
func (u *Unit) Count() uint32 { return u.n }

// Params returns what the device is set to.
func (u *Unit) Params() device.Params { return u.params }

// State returns where in its life the device is.
func (u *Unit) State() fsm.State { return u.life.State }

// Group returns the number of the device's group.
func (u *Unit) Group() int { return int(u.group) }

// nextTimer returns the earliest timer; false where there is none. During a boot
// the others wait for its end.
func (u *Unit) nextTimer() (at int64, which timer, ok bool) {
	if u.has(booting) {
		return timing{u}.when(bootTimer), bootTimer, true
	}
	all := timing{u}.all()
	at, which, ok = all.next()
	if again := u.nextTry(); again != 0 && again < at {
		at, which, ok = again, extraTimer, true
	}
	if due := u.lines.Due(); due != 0 && due < at {
		at, which, ok = due, sipTimer, true
	}
	if ask := u.opt.leased().due(); ask != 0 && ask < at {
		at, which, ok = ask, leaseTimer, true
	}
	return at, which, ok
}

// nextResync returns the earliest timer that leads to a resync, 0 for none.
func (u *Unit) nextResync() int64 {
	if u.has(booting) {
		return 0
	}
	t := timing{u}.all()
	t[upgradeTimer] = 0
	at, _, ok := t.next()
	if !ok {
		return 0
	}
	return at
}
