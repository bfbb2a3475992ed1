package fleet

import (
	"spafleet/device"
	"spafleet/device/model"
	"spafleet/device/profile"
	"spafleet/resync"
)

// unit is a device of a loop. It holds what cannot be computed: 136 bytes, and
// in Params what is the device's own. A test holds it to that: there may be a
// million.
type unit struct {
	params  device.Params
	receipt resync.Digest // of the body applied last; its secrecy is below
	due     int64         // its one live heap entry, the earliest of agenda; an entry with another time is stale
	agenda  agenda
	booted  int64  // fleet time of the last boot
	last    int64  // fleet time of the last attempt's start, or by switch of its end; 0 for none since boot
	act     int32  // the attempt lent to it, idle where it has none
	n       uint32 // its count of events and heap entries
	draws   uint32
	past    *past  // nil where there is none
	ok      uint32 // resyncs
	failed  uint32
	row     uint16
	group   uint16
	life    device.Life
	flags   flags
	run     uint8              // attempts before the next one that ended like the last
	cause   model.Cause        // of the resync timer
	reboot  model.RebootClass  // asked for by changes of a sequence that then failed
	secrecy profile.Protection // of the body applied last
	doing   device.Order       // what it waits to do at the gate, does, or did when the run ended; 0: nothing
	why     model.Cause        // of doing
}

// past is what few devices have behind them.
type past struct {
	fired   int64                // fleet time of the last attempt's start that a trigger made, before a boot too
	wish    resync.UpgradeTarget // the upgrade that was tried last
	upgrade resync.UpgradeHistory
}

// before returns what is behind a device.
func (u *unit) before() past {
	if u.past == nil {
		return past{}
	}
	return *u.past
}

// remember returns what is behind a device, to be changed.
func (u *unit) remember() *past {
	if u.past == nil {
		u.past = &past{}
	}
	return u.past
}

// applied returns which body was applied last.
func (u *unit) applied() resync.LastApplied {
	return resync.LastApplied{Digest: u.receipt, Protection: u.secrecy}
}

func (u *unit) setApplied(r resync.LastApplied) {
	u.receipt, u.secrecy = r.Digest, r.Protection
}

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
	booting         // has power, and its firmware starts when the resync timer runs out
)

const lastFlag = booting

const idle = int32(-1)

func (u *unit) has(f flags) bool { return u.flags&f != 0 }

func (u *unit) set(f flags, on bool) {
	if on {
		u.flags |= f
	} else {
		u.flags &^= f
	}
}
