package fleet

import (
	"spafleet/device"
	"spafleet/device/model"
	"spafleet/resync"
)

// considerUpgrade starts the upgrade that Upgrade_Rule asks for, unless it is the
// one that was tried last: an upgrade is tried once, and a failed one again when
// its timer runs out. A rule that asks for nothing is forgotten, so that it
// counts as new when it asks again.
func (l *loop) considerUpgrade(dev device.Index, u *unit, now int64) {
	wish := l.wish(dev, u, now)
	if wish == u.before().wish {
		return
	}
	l.set(dev, u, upgradeTimer, 0) // what changed begins its error schedule anew (Q31: inferred)
	past := u.remember()
	past.wish, past.upgrade.Retries = wish, 0
	if wish != 0 {
		l.startUpgrade(dev, u, now)
	}
}

func (l *loop) wish(dev device.Index, u *unit, now int64) resync.UpgradeTarget {
	row := l.row(u)
	if text, _ := u.params.Lookup("Upgrade_Rule"); text == "" {
		return 0
	}
	return resync.WantedUpgrade(resync.Input{
		Unit: l.f.identity(row, dev), Params: u.params, Lease: l.f.groups[u.group].Lease,
		Booted: u.booted, Last: u.last, Upgrade: u.before().upgrade,
	}, now)
}

// startUpgrade upgrades by the device's own rule, as soon as the device is free.
func (l *loop) startUpgrade(dev device.Index, u *unit, now int64) {
	l.wait(dev, u, device.Command{Order: device.Upgrade, Cause: model.ByUpgrade}, now)
	l.runPending(dev, u, now)
}

// retryUpgrade sets the timer after a failure. Without a delay the device waits
// for a reboot (documented).
func (l *loop) retryUpgrade(dev device.Index, u *unit, now int64) {
	past := u.remember()
	wait, again := resync.UpgradeRetry(u.params).Nth(past.upgrade.Retries, l.draw(dev, u, forUpgrade))
	past.upgrade.Retries++
	if again && past.wish != 0 {
		l.set(dev, u, upgradeTimer, now+int64(wait))
	}
}

// dueUpgrade tries a failed upgrade again, if the rule still asks for one.
func (l *loop) dueUpgrade(dev device.Index, u *unit, now int64) {
	wish := l.wish(dev, u, now)
	if u.remember().wish = wish; wish != 0 {
		l.startUpgrade(dev, u, now)
	}
}

// bootUpgrade considers upgrades at the start of the firmware: at once where the
// firmware has them first, or where no resync will come before them (Q12:
// inferred). Any restart but that of an upgrade lets a failed one be tried anew.
func (l *loop) bootUpgrade(dev device.Index, u *unit, reason device.Reason, resyncs bool, now int64) {
	byUpgrade := reason == device.ByUpgradeOK || reason == device.ByUpgradeFailed
	if !byUpgrade && u.agenda[upgradeTimer] == 0 && u.before().upgrade.Retries > 0 {
		u.past.wish, u.past.upgrade.Retries = 0, 0
	}
	if l.row(u).Behaviour.UpgradeFirst || !resyncs {
		l.considerUpgrade(dev, u, now)
	}
}
