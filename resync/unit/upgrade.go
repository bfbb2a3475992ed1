package unit

import (
	"spafleet/device"
	"spafleet/device/chance"
	"spafleet/device/model"
	"spafleet/resync"
)

// considerUpgrade starts the upgrade that Upgrade_Rule asks for, unless it is the
// one that was tried last: an upgrade is tried once, and a failed one again when
// its timer runs out. A rule that asks for nothing is forgotten, so that it
// counts as new when it asks again.
func (m *Machine) considerUpgrade() {
	target := m.target()
	if target == m.u.upgrades().target {
		return
	}
	m.setTimer(upgradeTimer, 0) // what changed begins its error schedule from the start (Q31: inferred)
	s := m.u.upgradeState()
	s.target, s.history.Retries = target, 0
	if target != 0 {
		m.order(device.Command{Order: device.Upgrade, Cause: model.ByUpgrade})
	}
}

// upgraded restarts the device, at its new version if the image was good
// (reboot codes 8 and 80: field).
func (m *Machine) upgraded(o *resync.Outcome) {
	h := &m.u.upgradeState().history
	h.Err = o.Err
	if !o.OK {
		m.boot(device.ByUpgradeFailed, false, "")
		return
	}
	h.Err, h.Retries = o.Version, 0
	m.u.row = m.rowAt(m.u.row, o.Version)
	m.boot(device.ByUpgradeOK, false, "")
}

// retryUpgrade sets the timer after the boot that a failure caused. Without a delay the device waits
// for a reboot (documented).
func (m *Machine) retryUpgrade() {
	s := m.u.upgradeState()
	wait, again := resync.UpgradeRetry(m.u.params).Nth(s.history.Retries, m.draw(chance.Upgrade))
	s.history.Retries++
	if again && s.target != 0 {
		m.setTimer(upgradeTimer, m.now+int64(wait))
	}
}

// dueUpgrade tries a failed upgrade again, if the rule still asks for one.
func (m *Machine) dueUpgrade() {
	target := m.target()
	if m.u.upgradeState().target = target; target != 0 {
		m.order(device.Command{Order: device.Upgrade, Cause: model.ByUpgrade})
	}
}

// bootUpgrade considers upgrades at the start of the firmware: at once where the
// firmware has them first, or where no resync will come before them (Q12:
// inferred). After any restart but that of an upgrade, a failed one is tried
// again.
func (m *Machine) bootUpgrade(reason device.Reason, resyncs bool) {
	byUpgrade := reason == device.ByUpgradeOK || reason == device.ByUpgradeFailed
	if !byUpgrade && m.u.timers[upgradeTimer] == 0 && m.u.upgrades().history.Retries > 0 {
		s := m.u.upgradeState()
		s.target, s.history.Retries = 0, 0
	}
	if m.row().Behaviour.UpgradeFirst || !resyncs {
		m.considerUpgrade()
	}
}
