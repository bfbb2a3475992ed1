package tally

import (
	"cmp"
	"slices"

	"spafleet/device"
)

// An UpgradeLoop is devices whose upgrade fails, reboots them, and is tried again, over
// and over: an image that is missing on the server or that they refuse.
type UpgradeLoop struct {
	Model    string  `json:"model"` // and firmware
	Err      string  `json:"err"`   // in the device's words
	Devices  int     `json:"devices"`
	MoreThan int     `json:"more_than"`     // reboots in a row that a device has had at least
	Every    int64   `json:"every_seconds"` // the shortest time from one of these reboots to the next failure
	Example  Example `json:"example"`       // the first failure that showed it
}

// looped marks a device that was counted among those of a loop.
const looped = ^uint8(0)

// upgradeLoops are loops by their cause. Devices of causes above the bound are counted
// together.
type upgradeLoops struct {
	list []UpgradeLoop
	more int
}

// mostUpgradeLoops bounds how many causes are kept.
const mostUpgradeLoops = 100

// upgradeReboot notes a boot after an upgrade that failed.
func (m *mark) upgradeReboot(e *device.Event) {
	m.fell = uint32(e.At / 1e9)
	if m.tries != looped {
		m.tries++
	}
}

// failed counts a device that fails once more after several such boots. A device counts
// once, under the cause that showed it first. Model is its model and firmware; x is this
// failure.
func (u *upgradeLoops) failed(m *mark, e *device.Event, model string, x Example) {
	if m.tries <= mostInARow {
		return
	}
	at := slices.IndexFunc(u.list, func(l UpgradeLoop) bool { return l.Model == model && l.Err == e.Err })
	every, first := e.At/1e9-int64(m.fell), m.tries != looped
	m.tries = looped
	switch {
	case at >= 0:
	case len(u.list) >= mostUpgradeLoops:
		if first {
			u.more++
		}
		return
	default:
		at = len(u.list)
		u.list = append(u.list, UpgradeLoop{Model: model, Err: e.Err, MoreThan: mostInARow, Every: every, Example: x})
	}
	l := &u.list[at]
	l.Every = min(l.Every, every)
	if first {
		l.Devices++
	}
	if x.before(&l.Example) {
		l.Example = x
	}
}

// before reports whether an example is the earlier of two.
func (x *Example) before(o *Example) bool { return cmp.Or(x.At.Compare(o.At), x.Index-o.Index) < 0 }

// merge adds those of another shard.
func (l *UpgradeLoop) merge(o *UpgradeLoop) {
	l.Devices += o.Devices
	l.MoreThan, l.Every = max(l.MoreThan, o.MoreThan), min(l.Every, o.Every)
	if o.Example.before(&l.Example) {
		l.Example = o.Example
	}
}

func (l *UpgradeLoop) same(o *UpgradeLoop) bool { return l.Model == o.Model && l.Err == o.Err }

// sortUpgradeLoops puts loops of most devices first.
func sortUpgradeLoops(list []UpgradeLoop) {
	slices.SortFunc(list, func(a, b UpgradeLoop) int {
		return cmp.Or(b.Devices-a.Devices, cmp.Compare(a.Model, b.Model), cmp.Compare(a.Err, b.Err))
	})
}

// mergeUpgradeLoops adds the loops of another shard.
func (t *Totals) mergeUpgradeLoops(o *Totals) {
	t.UpgradeLoops = merged(t.UpgradeLoops, o.UpgradeLoops, (*UpgradeLoop).same, (*UpgradeLoop).merge)
	sortUpgradeLoops(t.UpgradeLoops)
	t.UpgradeLoopsMore += o.UpgradeLoopsMore
	for _, l := range t.UpgradeLoops[min(len(t.UpgradeLoops), mostUpgradeLoops):] {
		t.UpgradeLoopsMore += l.Devices
	}
	t.UpgradeLoops = t.UpgradeLoops[:min(len(t.UpgradeLoops), mostUpgradeLoops)]
}
