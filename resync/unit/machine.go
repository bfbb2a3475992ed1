package unit

import (
	"spafleet/device"
	"spafleet/device/chance"
	"spafleet/device/model"
	"spafleet/fsm"
	"spafleet/resync"
)

// A Machine works devices, one at a time. Its methods give the device of the
// last [Machine.At] an input and return what follows. The effects hold until the
// next At; what is kept of them must be copied.
type Machine struct{ turn }

// NewMachine returns a machine for devices that share s.
func NewMachine(s *Shared) *Machine { return &Machine{turn{Shared: s}} }

// At turns to a device at a moment.
func (m *Machine) At(dev device.Index, u *Unit, now int64) *Machine {
	m.dev, m.u, m.now = dev, u, now
	clear(m.fx.Events)
	m.fx = Effects{Events: m.fx.Events[:0], Cancel: None}
	return m
}

// PowerOn gives a device power whose firmware starts at once.
func (m *Machine) PowerOn() *Effects {
	m.powerOn()
	m.boot(device.ByPower)
	return &m.fx
}

// Do carries out a command. Orders that end what the device is doing act at
// once, the others wait for its end. A device without power hears power-on alone.
func (m *Machine) Do(c device.Command) *Effects {
	m.do(c)
	return &m.fx
}

// Due is the device's earliest timer that ran out.
func (m *Machine) Due() *Effects {
	u := m.u
	at, which, _ := u.timers.next()
	u.due = 0
	u.timers[which] = 0
	switch {
	case u.has(booting):
		u.set(booting, false)
		m.boot(device.ByPower)
		return &m.fx
	case which == forcedTimer:
		m.forcePending()
	case which == resyncTimer:
		m.dueCommand(m.timed(), at)
	case which == upgradeTimer:
		m.dueUpgrade()
	case which == triggerTimer:
		m.dueCommand(device.Command{Order: device.Resync, Cause: model.ByTrigger}, at)
	}
	m.schedule()
	return &m.fx
}

// Resume lets a device go on that was saved at a moment: it has kept its power
// meanwhile. A device that was saved before it had power gets it now, if powers.
func (m *Machine) Resume(saved int64, powers bool) *Effects {
	u := m.u
	if !u.has(powered|preset) && powers {
		return m.PowerOn()
	}
	for t, at := range u.timers {
		u.timers[t] = resumed(at, saved, m.now)
	}
	m.schedule()
	if u.doing == 0 {
		return &m.fx
	}
	c := device.Command{Order: u.doing, Cause: u.why}
	if u.opt != nil && u.opt.asked != nil {
		c = *u.opt.asked
	}
	u.done()
	if u.mayStart(c.Order) { // before what waited for its end
		m.carryOut(c)
		return &m.fx
	}
	m.wait(c)
	return &m.fx
}

// resumed returns when a timer runs out after the fleet was away. One whose
// time has not come is left alone. One whose time came meanwhile runs out as
// long after the return as it would have after the snapshot: so what was missed
// comes as it was spread, not all at once.
func resumed(at, saved, now int64) int64 {
	if at == 0 || at >= now {
		return at
	}
	return now + max(at-saved, 0)
}

// startUp lets a device's firmware start after power has returned. Until then it
// answers nobody and hears nothing.
func (m *Machine) startUp() {
	wait := m.row().Behaviour.BootTime
	if wait == 0 {
		m.boot(device.ByPower)
		return
	}
	m.u.set(booting, true)
	m.setTimer(resyncTimer, m.now+int64(wait))
}

// boot starts a device's firmware and sets its first timer. Calls that were up
// are dropped by it (documented).
func (m *Machine) boot(reason device.Reason) {
	u := m.u
	u.booted, u.last, u.run, u.reboot = m.now, 0, 0, model.NoReboot
	u.set(erring|inUse|spent1|spent2, false)
	u.timers[forcedTimer] = 0
	m.emit(device.Event{At: m.now, Kind: device.Boot, Reason: reason})
	if resync.Logs(u.params) {
		line := "System started: ip@" + m.Address(m.dev).String() + ", reboot reason:" + reason.Code()
		m.emit(device.Event{At: m.now, Kind: device.Syslog, Text: line})
	}
	if u.customizing() {
		m.arm(m.now, model.ByRC, true)
		return
	}
	m.firstContact(reason)
}

// firstContact sets the first timer after a boot.
func (m *Machine) firstContact(reason device.Reason) {
	s := resync.ScheduleOf(m.row(), m.u.params)
	at, cause, ok := s.AtBoot(m.now, reason, m.draw(chance.Boot))
	m.arm(at, cause, ok)
	m.bootUpgrade(reason, ok)
	m.watch()
}

func (m *Machine) factoryReset() {
	m.u.setApplied(resync.LastApplied{})
	m.u.trust(nil)
	m.moved(0, m.u.life.FactoryReset(), fsm.FactoryReset)
	m.applyPresets()
}

// timed returns what the resync timer stands for.
func (m *Machine) timed() device.Command {
	u := m.u
	if c := u.delayed(); c != nil {
		u.opt.delayed = nil
		u.trim()
		return *c
	}
	if u.cause == model.ByRC {
		return device.Command{Order: device.Customize, Cause: model.ByRC}
	}
	return device.Command{Order: device.Resync, Cause: u.cause}
}

// dueCommand starts an attempt whose time has come, or lets it wait for the line.
func (m *Machine) dueCommand(c device.Command, at int64) {
	if c.Order == device.Resync && !m.u.params.Bool("Provision_Enable", true) {
		return // turned off since the timer was set; it gates every resync (documented)
	}
	if !m.u.mayStart(c.Order) {
		m.wait(c)
		return
	}
	m.request(c, at)
}
