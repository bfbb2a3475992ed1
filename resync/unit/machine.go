package unit

import (
	"net/netip"

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
	clear(m.fx.SIP)
	m.fx = Effects{Events: m.fx.Events[:0], SIP: m.fx.SIP[:0], Cancel: None}
	return m
}

// PowerOn gives a device power that has booted already: its firmware starts at
// once.
func (m *Machine) PowerOn() *Effects {
	m.powerOn()
	m.goDown(device.ByPower, "")
	m.startFirmware(device.ByPower)
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
	at, which, _ := u.nextTimer()
	u.due = 0
	if which < numTimers {
		timing{u}.set(which, 0)
	}
	switch {
	case u.has(booting):
		lessee{m}.bootDue()
	case which == leaseTimer:
		lessee{m}.keep()
	case which == forcedTimer:
		m.forcePending()
	case which == resyncTimer:
		m.dueCommand(m.timed(), at)
	case which == upgradeTimer:
		m.dueUpgrade()
	case which == triggerTimer:
		m.dueCommand(device.Command{Order: device.Resync, Cause: model.ByTrigger}, at)
	case which == sipTimer:
		speaker{m}.follow(m.phone().Due())
	case which == extraTimer:
		u.triesDue(m.now)
		m.considerExtra()
	}
	m.schedule()
	return &m.fx
}

// SIP gives a device a datagram that came to the SIP port of a line, from 1. A device
// without power hears none; one that boots hears only what answers its last words.
func (m *Machine) SIP(line uint8, from netip.AddrPort, text []byte) *Effects {
	if m.u.has(powered) {
		speaker{m}.hear(line, from, text)
	}
	return &m.fx
}

// SIPFailed says that the server of a line's request has no address, or is not to be asked.
func (m *Machine) SIPFailed(line uint8, server string) *Effects {
	if m.u.Answers() {
		speaker{m}.follow(m.phone().Failed(line, server))
	}
	return &m.fx
}

// Resume lets a device go on that was saved at a moment: it has kept its power
// meanwhile. A device that was saved before it had power gets it now, if powers.
func (m *Machine) Resume(saved int64, powers bool) *Effects {
	u := m.u
	if !u.has(powered|preset) && powers {
		return m.PowerOn()
	}
	for which, at := range (timing{u}).all() {
		timing{u}.set(timer(which), resumed(at, saved, m.now))
	}
	u.lines.Delay(func(at int64) int64 { return resumed(at, saved, m.now) })
	if u.opt != nil {
		for i := range u.opt.tries {
			t := &u.opt.tries[i]
			t.Again = resumed(t.Again, saved, m.now)
		}
	}
	lessee{m}.resume()
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
	if at <= 0 || at >= now {
		return at
	}
	return now + max(at-saved, 0)
}

// boot restarts a device. Until its firmware runs it answers nobody, sends
// nothing and hears nothing. Calls that were up are dropped (documented). What
// waited goes on afterwards. Differs says which parameters of a file made it boot.
func (m *Machine) boot(reason device.Reason, warm bool, differs string) {
	speaker{m}.leave()
	m.goDown(reason, differs)
	if !warm {
		lessee{m}.unlink()
	}
	wait := m.takes(reason, warm)
	if wait == 0 {
		m.startFirmware(reason)
		return
	}
	m.u.set(booting, true)
	m.u.reason = reason
	m.setTimer(bootTimer, m.now+int64(wait))
}

// goDown ends what a device does at the beginning of a boot. By switch, the wait after
// a resync that failed goes on.
func (m *Machine) goDown(reason device.Reason, differs string) {
	u := m.u
	keeps := m.row().Behaviour.KeepsRetry && u.has(erring) && reason != device.ByPower && reason != device.ByReset
	u.last, u.reboot = 0, model.NoReboot
	u.set(inUse|spent1|spent2, false)
	u.forgetTries()
	u.lines.Reset(reason != device.ByPower)
	timing{u}.set(forcedTimer, 0)
	timing{u}.set(triggerTimer, 0)
	if u.delayed() == nil && !(keeps && u.cause == model.ByRetry) {
		u.timers.resync = 0
	}
	if !keeps {
		u.run = 0
		u.set(erring, false)
	}
	m.emit(device.Event{At: m.now, Kind: device.Boot, Reason: reason, Text: differs})
}

// startFirmware ends a boot and sets the device's first timer.
func (m *Machine) startFirmware(reason device.Reason) {
	if (lessee{m}).link(reason) {
		return
	}
	u := m.u
	u.booted, u.reason = m.now, reason
	m.logBoot(reason)
	if u.customizing() {
		m.arm(m.now, model.ByRC, true)
	} else {
		m.firstContact(reason)
	}
	if reason == device.ByUpgradeFailed {
		m.retryUpgrade()
	}
	speaker{m}.consider()
	m.runPending()
	m.considerExtra()
}

// firstContact sets the first timer after a boot. Without a resync at the boot, a
// retry that has outlived it comes in its time.
func (m *Machine) firstContact(reason device.Reason) {
	s := resync.ScheduleOf(m.row(), m.u.params)
	at, cause, ok := s.AtBoot(m.now, reason, m.draw(chance.Boot))
	if retry := m.u.timers.resync; !ok && retry != 0 && m.u.has(erring) {
		at, cause, ok = retry, model.ByRetry, true
	}
	m.arm(at, cause, ok)
	m.bootUpgrade(reason, ok)
	m.watch()
}

func (m *Machine) factoryReset() {
	m.u.setApplied(resync.LastApplied{})
	m.u.trust(nil)
	m.u.setDirectory(nil)                 // inferred
	m.u.kept = m.kept.swap(m.u.kept, nil) // the stored script is a parameter of the SPA9x2: inferred for the others
	m.moved(0, m.u.life.FactoryReset(), fsm.FactoryReset)
	m.applyPresets()
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

// Waiting appends what the device of the last turn waits for, if this has changed.
func (m *Machine) Waiting(events []device.Event) []device.Event {
	return reasoner{&m.turn}.waiting(events)
}

// HeldBack is the event of an attempt that has to wait for others.
func (m *Machine) HeldBack(s *Start) device.Event {
	return reasoner{&m.turn}.reason(device.Waits, s.Command.Cause, "other devices' attempts: only so many run at once, and start in a second")
}
