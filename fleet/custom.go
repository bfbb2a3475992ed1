package fleet

import (
	"cmp"

	"spafleet/device"
	"spafleet/device/model"
	"spafleet/resync"
)

// custom is what remote customization made of a device.
type custom struct {
	company  string
	defaults device.Params // what a factory reset returns to (documented)
}

// rcRetries are the waits after attempts that failed (firmware strings: field).
var rcRetries = resync.ParseTimes("60,120,240,1800")

// customizing reports whether a device has remote customization before it. Until
// that is done it contacts nobody else by itself (provisioning.md §9: documented
// for the order, inferred for a server that does not answer).
func (u *unit) customizing() bool { return u.has(rcPending) }

// retryCustom sets the next attempt of a device that is still Pending.
func (l *loop) retryCustom(dev device.Index, u *unit, now int64) {
	wait, _ := rcRetries.Nth(int(u.run), 0)
	u.run = min(u.run+1, 250)
	l.arm(dev, u, now+int64(wait), model.ByRC, true)
}

// customized takes the outcome of a customization. A device that has its own
// defaults restarts and then goes to its provider; one whose server has nothing
// for it stays Pending, or by switch becomes an ordinary one.
func (l *loop) customized(dev device.Index, u *unit, o *resync.Outcome, now int64) {
	switch {
	case o.OK:
		defaults, _ := l.f.presets[u.group].With(&l.f.shelf.Layers, o.Custom.Sets)
		l.custom[dev] = custom{cmp.Or(o.Custom.Company, "Customized"), defaults}
		u.set(rcPending, false)
		u.set(isCustom, true)
		l.boot(dev, u, device.ByCustomization, now)
	case o.NotFound && l.row(u).Behaviour.RCOpens:
		u.set(rcPending, false)
		u.run = 0
		l.firstContact(dev, u, device.ByPower, now)
	default:
		l.retryCustom(dev, u, now)
	}
}

// customization returns what the Info page shows.
func (l *loop) customization(dev device.Index, u *unit) string {
	switch {
	case u.has(rcPending):
		return "Pending"
	case u.has(isCustom):
		return l.custom[dev].company
	}
	return "Open"
}
