package unit

import (
	"slices"

	"spafleet/device"
	"spafleet/device/model"
	"spafleet/resync"
)

// An ExtraTry is a file beside profile and image that was asked for since the last
// boot and is not in flash: one that could not be had, or that is not kept there.
type ExtraTry struct {
	Key   uint64 // of its [model.Extra]
	Tries uint8  // that failed in a row
	Again int64  // when it is asked for again, fleet time; 0: not before the next boot; negative: as soon as the device is free
}

// RecordExtras is the most extra files of a device in a record.
const RecordExtras = 64

// mostTries is where the count of tries stops, one below.
const mostTries = 254

// tried returns what became of a file since the last boot; false for nothing.
func (u *Unit) tried(key uint64) (ExtraTry, bool) {
	if u.opt != nil {
		for _, t := range u.opt.tries {
			if t.Key == key {
				return t, true
			}
		}
	}
	return ExtraTry{}, false
}

// nextTry returns when the first file is asked for again, 0 for none.
func (u *Unit) nextTry() (at int64) {
	if u.opt == nil {
		return 0
	}
	for _, t := range u.opt.tries {
		if t.Again > 0 && (at == 0 || t.Again < at) {
			at = t.Again
		}
	}
	return at
}

// triesDue marks the files whose time has come.
func (u *Unit) triesDue(now int64) {
	for i := range u.opt.tries {
		if t := &u.opt.tries[i]; t.Again > 0 && t.Again <= now {
			t.Again = -1
		}
	}
}

// forgetTries forgets what a boot forgets of extra files.
func (u *Unit) forgetTries() {
	if u.opt != nil && u.opt.tries != nil {
		u.opt.tries = nil
		u.trim()
	}
}

// nextExtra returns the file that a device asks for now; nil for none.
func (t *turn) nextExtra() *model.Extra {
	lease := t.lease(t.u)
	for x := range t.row().Extras(t.u.params.Get) {
		if x.File.Unserved && !lease.Unserved() {
			continue
		}
		tried, known := t.u.tried(x.Key)
		if (!known || tried.Again < 0) && !t.kept.has(t.u.kept, x.Key) {
			return &x
		}
	}
	return nil
}

// considerExtra lets an idle device ask for its next file beside profile and
// image. Before its first contact after a boot it asks for none: provisioning comes
// first (inferred).
func (t *turn) considerExtra() {
	u := t.u
	first := u.timers.resync != 0 && u.last == 0 && u.cause != model.ByPeriodic && u.cause != model.ByDaily
	if first || u.customizing() || !u.has(powered) || !u.mayStart(device.Fetch) {
		return
	}
	x := t.nextExtra()
	if x == nil {
		return
	}
	cause := model.ByChange
	switch tried, known := u.tried(x.Key); {
	case known && tried.Tries > 0:
		cause = model.ByRetry
	case known:
		cause = model.ByPeriodic
	}
	t.request(device.Command{Order: device.Fetch, Cause: cause}, t.now)
}

// fetched remembers what became of a file, and when it is asked for again.
func (t *turn) fetched(o *resync.Outcome) {
	u, x := t.u, o.Extra
	if x == nil {
		return
	}
	tried, _ := u.tried(x.Key)
	if u.opt != nil {
		u.opt.tries = slices.DeleteFunc(u.opt.tries, func(t ExtraTry) bool { return x.Replaces(t.Key) })
		u.trim()
	}
	if o.OK && x.File.Stored {
		u.kept = t.kept.with(u.kept, x)
		return
	}
	tried.Key, tried.Tries, tried.Again = x.Key, min(tried.Tries, mostTries)+1, 0
	if o.OK {
		tried.Tries = 0
	}
	if wait, again := t.row().Behaviour.ExtraAgain(x.File, int(tried.Tries)); again {
		tried.Again = t.now + int64(wait)
	}
	u.own().tries = append(u.own().tries, tried)
	t.schedule()
}
