package unit

import (
	"spafleet/device"
	"spafleet/device/chance"
	"spafleet/device/model"
	"spafleet/device/syslog"
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

// upgraded takes the outcome of an upgrade. An image that is good restarts the device
// at its version (reboot code 8: field), a failure restarts it as its firmware does
// (code 80: field). ByRule says that Upgrade_Rule asked for the image: only such a
// failure is tried again. An uploaded image that is not taken reboots the device all the
// same (SPA112 and SPA122: field).
func (m *Machine) upgraded(o *resync.Outcome, byRule, uploaded bool) {
	h := &m.u.upgradeState().history
	h.Err = o.Err
	if o.OK {
		h.Err, h.Retries = o.Version, 0
	} else if byRule {
		h.Retries++
	}
	row := m.row()
	m.logErrors("UPG", h.Retries)
	b := &row.Behaviour.Upgrade
	switch {
	case o.OK && (b.Reinstalls || o.Version != row.Firmware.Version):
		m.log(syslog.Provisioning, "FPRV >>>> completed upgrade . . . rebooting")
		m.u.row = m.rowAt(m.u.row, o.Version)
		m.newDefaults(m.row().Factory)
		m.boot(device.ByUpgradeOK, false, "")
	case !o.OK && (uploaded || b.Reboots == "always" || b.Reboots == "bad_image" && o.Refused):
		m.log(syslog.Provisioning, "FPRV >>>> failed upgrade . . . rebooting")
		m.boot(device.ByUpgradeFailed, false, "")
	default:
		m.retryUpgrade()
		if resync.ScheduleOf(row, m.u.params).AfterUpgrade {
			m.order(device.Command{Order: device.Resync, Cause: model.ByUpgrade})
		}
	}
}

// newDefaults brings the defaults of a firmware, and keeps what is stored.
func (m *Machine) newDefaults(f *model.Factory) {
	u, layers := m.u, &m.Profiles.Layers
	u.params = u.params.At(layers, f)
	if o := u.opt; o != nil {
		o.told = o.told.At(layers, f)
		if o.custom != nil {
			o.custom = &Custom{Company: o.custom.Company, Defaults: o.custom.Defaults.At(layers, f)}
		}
	}
}

// retryUpgrade sets the timer of an upgrade that failed, once the reboot is over that
// this may have caused. Without a delay the device waits for a reboot (documented).
func (m *Machine) retryUpgrade() {
	s := m.u.upgrades()
	if s.history.Retries == 0 || s.target == 0 || (timing{m.u}).when(upgradeTimer) != 0 {
		return
	}
	wait, again := resync.UpgradeRetry(m.u.params).Nth(s.history.Retries-1, m.draw(chance.Upgrade))
	if again {
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
// inferred). An upgrade that failed is then tried again, unless the device waits for
// its timer; by switch a boot ends that wait.
func (m *Machine) bootUpgrade(reason device.Reason, resyncs bool) {
	b := &m.row().Behaviour.Upgrade
	waits := b.KeepsRetry && (timing{m.u}.when(upgradeTimer) != 0 || reason == device.ByUpgradeFailed)
	if m.u.upgrades().history.Retries > 0 && !waits {
		s := m.u.upgradeState()
		s.target, s.history.Retries = 0, 0
		m.setTimer(upgradeTimer, 0)
	}
	if b.First || !resyncs {
		m.considerUpgrade()
	}
}
