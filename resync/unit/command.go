package unit

import (
	"slices"
	"strings"

	"spafleet/device"
	"spafleet/device/chance"
	"spafleet/device/model"
	"spafleet/device/rule"
	"spafleet/device/syslog"
	"spafleet/resync"
)

func (m *Machine) do(c device.Command) {
	u := m.u
	switch c.Order {
	case device.SwitchOn:
		if !u.has(powered) {
			m.powerOn()
			m.boot(device.ByPower, false, "")
		}
		return
	case device.SwitchOff:
		if u.has(powered) {
			m.abandon()
			u.lines.Reset(false)
			lessee{m}.unlink()
			u.set(powered, false)
			m.emit(device.Event{At: m.now, Kind: device.PowerOff})
		}
		return
	}
	if !u.has(powered) || u.has(booting) {
		m.fx.Unheard = true
		return
	}
	m.note(c)
	switch c.Order {
	case device.Refuse:
	case device.FactoryReset:
		m.abandon()
		speaker{m}.leave()
		m.factoryReset()
		m.boot(device.ByReset, false, "")
	case device.Reboot, device.Restart:
		if u.has(inUse) { // they wait for the line (documented), not for an attempt
			m.wait(c)
			return
		}
		m.carryOut(c)
	case device.HookOff:
		m.offHook()
	case device.HookOn:
		m.onHook()
	case device.Resync:
		if m.row().Behaviour.ExplicitDelay {
			m.delay(c)
			return
		}
		m.order(c)
	default:
		m.order(c)
	}
}

// order carries a command out as soon as the device can.
func (m *Machine) order(c device.Command) {
	if len(m.u.pending()) == 0 && m.u.mayStart(c.Order) {
		m.carryOut(c)
	} else {
		m.wait(c)
	}
	m.runPending()
}

// delay lets an ordered resync wait a part of Resync_Random_Delay. A later order
// takes its place.
func (m *Machine) delay(c device.Command) {
	s := resync.ScheduleOf(m.row(), m.u.params)
	m.u.own().delayed = &c
	m.setTimer(resyncTimer, m.now+int64(m.draw(chance.Order)*float64(s.RandomDelay)))
}

func (m *Machine) offHook() {
	was := m.u.has(inUse)
	m.u.set(inUse, true)
	if m.row().Behaviour.ForcedCountdown {
		m.setTimer(forcedTimer, 0)
	}
	if !was {
		speaker{m}.hook()
	}
}

// onHook ends a call. What waited for it begins, by switch only after
// Forced_Resync_Delay.
func (m *Machine) onHook() {
	if !m.u.has(inUse) {
		return
	}
	m.u.set(inUse, false)
	at := int64(0)
	if m.row().Behaviour.ForcedCountdown {
		at = m.now + int64(forcedDelay(m.u.params))
	}
	m.setTimer(forcedTimer, at)
	speaker{m}.hook()
	m.runPending()
	m.considerExtra()
}

// note tells that a person asked, or a program by the web server. Of an XML push
// and of a NOTIFY the device logs a line too (surface-2.md §4.7: read from the image of
// 7.5.2b).
func (m *Machine) note(c device.Command) {
	kind := map[model.Cause]device.Kind{model.ByWeb: device.Web, model.ByXMLPush: device.Web, model.ByKeypad: device.IVR}[c.Cause]
	if kind != 0 {
		m.emit(device.Event{At: m.now, Kind: kind, Cause: c.Cause, Text: strings.TrimSpace(rule.WithoutKeys(c.Text()))})
	}
	switch {
	case c.Cause == model.ByXMLPush && c.Order == device.Resync:
		m.log(syslog.Info, "CMXAPP:Resync:"+c.Argument)
	case c.Cause == model.ByNotify && c.Order == device.Resync && m.row().Behaviour.Syslog.All:
		m.log(syslog.Info, "++++++ resync when idle")
	}
}

// runPending carries out what waited, as far as the device lets it.
func (m *Machine) runPending() {
	for {
		i := slices.IndexFunc(m.u.pending(), func(c device.Command) bool { return m.u.mayStart(c.Order) })
		if i < 0 {
			return
		}
		m.carryOut(m.u.recall(i))
	}
}

// forcePending starts the resync that waited for a line longest; after a call,
// all that waited.
func (m *Machine) forcePending() {
	u := m.u
	if !u.has(inUse) {
		m.runPending()
		return
	}
	if u.attempt != None || u.has(queued) {
		return
	}
	i := slices.IndexFunc(u.pending(), func(c device.Command) bool { return c.Order == device.Resync })
	if i >= 0 {
		m.carryOut(u.recall(i))
	}
}

func (m *Machine) carryOut(c device.Command) {
	switch c.Order {
	case device.Resync:
		if m.u.params.Bool("Provision_Enable", true) {
			m.request(c, m.now)
		}
	case device.Upgrade:
		if m.u.params.Bool("Upgrade_Enable", true) {
			m.request(c, m.now)
		}
	case device.Report, device.Install, device.RingTone, device.UpdateCA, device.XMLService: // Upgrade_Enable is about Upgrade_Rule and the URL (inferred)
		m.request(c, m.now)
	case device.Customize:
		if m.u.customizing() {
			m.request(c, m.now)
		}
	case device.Fetch:
		m.considerExtra()
	case device.Reboot, device.Restart:
		retry := m.u.timers.resync
		m.abandon()
		m.u.timers.resync = retry // the boot ends it, or by switch does not
		m.boot(rebootReason(c.Cause), c.Order == device.Restart, "")
	case device.SetParams:
		m.edit(c.Sets)
	case device.SetDirectory:
		m.u.setDirectory(m.u.directory().With(c.Entries()))
	}
}

func rebootReason(c model.Cause) device.Reason {
	switch c {
	case model.ByWeb:
		return device.ByWebReboot
	case model.ByKeypad:
		return device.ByIVRReboot
	case model.ByNotify:
		return device.ByNotifyReboot
	}
	return device.ByStepReboot
}

// taken returns the changes that the parameters take: a page refuses the others.
func taken(f *model.Factory, sets []device.Set) []device.Set {
	list := make([]device.Set, 0, len(sets))
	for _, s := range sets {
		p, ok := f.Param(s.ID)
		if ok && s.Has {
			s.Value, ok = p.Take(s.Value)
		}
		if ok {
			list = append(list, s)
		}
	}
	return list
}

// edit changes parameters as a person does, and reboots where that is needed.
func (m *Machine) edit(sets []device.Set) {
	u, row := m.u, m.row()
	unit := m.Identity(row, m.dev)
	after, changed := u.params.With(&m.Profiles.Layers, taken(row.Factory, sets))
	life, moves := u.life.Apply(device.Change{Unit: &unit, Before: u.params, After: after, Via: device.ViaEdit})
	speaker{m}.change(after)
	u.setApplied(resync.LastApplied{})
	m.moved(device.ViaEdit, life, moves...)
	if class := row.Reboots(changed); class != model.NoReboot {
		m.boot(device.ByParams, class == model.WarmReboot, "")
		return
	}
	speaker{m}.consider()
	m.watch()
	m.considerExtra()
}
