package fleet

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"spafleet/device"
	"spafleet/device/model"
	"spafleet/fsm"
	"spafleet/resync"
)

// command carries out what somebody asked of a device. Orders that end what the
// device is doing act at once, the others wait for its end.
func (l *loop) command(dev device.Index, u *unit, c device.Command, now int64) {
	switch c.Order {
	case device.SwitchOn:
		if !u.has(powered) {
			l.powerOn(dev, u, now)
			l.startUp(dev, u, now)
		}
		return
	case device.SwitchOff:
		if u.has(powered) {
			l.abandon(dev, u)
			u.set(powered, false)
			l.emit(dev, u, device.Event{At: now, Kind: device.PowerOff})
		}
		return
	}
	if !u.has(powered) || u.has(booting) { // nobody hears it
		return
	}
	l.report(dev, u, c, now)
	switch c.Order {
	case device.FactoryReset:
		l.abandon(dev, u)
		l.factoryReset(dev, u, now)
		l.boot(dev, u, device.ByReset, now)
	case device.Reboot, device.Restart:
		if u.has(inUse) { // they wait for the line (documented), not for an attempt
			l.wait(dev, u, c, now)
			return
		}
		l.carryOut(dev, u, c, now)
	case device.HookOff:
		l.offHook(dev, u)
	case device.HookOn:
		l.onHook(dev, u, now)
	case device.Resync:
		if l.row(u).Behaviour.ExplicitDelay {
			l.delay(dev, u, c, now)
			return
		}
		l.order(dev, u, c, now)
	default:
		l.order(dev, u, c, now)
	}
}

// order carries a command out as soon as the device can.
func (l *loop) order(dev device.Index, u *unit, c device.Command, now int64) {
	l.wait(dev, u, c, now)
	l.runPending(dev, u, now)
}

// delay lets an ordered resync wait a part of Resync_Random_Delay. A later order
// takes its place.
func (l *loop) delay(dev device.Index, u *unit, c device.Command, now int64) {
	s := resync.ScheduleOf(l.row(u), u.params)
	l.delayed[dev] = c
	l.set(dev, u, resyncTimer, now+int64(l.draw(dev, u, forOrder)*float64(s.RandomDelay)))
}

func (l *loop) offHook(dev device.Index, u *unit) {
	u.set(inUse, true)
	if l.row(u).Behaviour.ForcedCountdown {
		l.set(dev, u, forcedTimer, 0)
	}
}

// onHook ends a call. What waited for it begins, by switch only after
// Forced_Resync_Delay.
func (l *loop) onHook(dev device.Index, u *unit, now int64) {
	if !u.has(inUse) {
		return
	}
	u.set(inUse, false)
	at := int64(0)
	if l.row(u).Behaviour.ForcedCountdown {
		at = now + int64(forcedDelay(u.params))
	}
	l.set(dev, u, forcedTimer, at)
	l.runPending(dev, u, now)
}

// report tells that a person asked.
func (l *loop) report(dev device.Index, u *unit, c device.Command, now int64) {
	kind := map[model.Cause]device.Kind{model.ByWeb: device.Web, model.ByKeypad: device.IVR}[c.Cause]
	if kind != 0 {
		l.emit(dev, u, device.Event{At: now, Kind: kind, Cause: c.Cause, Text: strings.TrimSpace(c.Order.String() + " " + c.Argument)})
	}
}

func (l *loop) powerOn(dev device.Index, u *unit, now int64) {
	u.set(powered, true)
	l.emit(dev, u, device.Event{At: now, Kind: device.PowerOn})
	if !u.has(preset) {
		l.applyPresets(dev, u, now)
	}
}

// startUp lets a device's firmware start after power has returned. Until then it
// answers nobody and hears nothing.
func (l *loop) startUp(dev device.Index, u *unit, now int64) {
	wait := l.row(u).Behaviour.BootTime
	if wait == 0 {
		l.boot(dev, u, device.ByPower, now)
		return
	}
	u.set(booting, true)
	l.set(dev, u, resyncTimer, now+int64(wait))
}

// applyPresets counts a tester's presets, or the defaults of a customized unit,
// as the first change of a device's life.
func (l *loop) applyPresets(dev device.Index, u *unit, now int64) {
	u.set(preset, true)
	u.params = l.f.presets[u.group]
	if b := l.f.births[u.group]; b.alike && u.row == u.group && !u.has(isCustom) {
		l.moved(dev, u, now, device.ViaPreset, b.life, b.moves...)
		return
	}
	row := l.row(u)
	unit := l.f.identity(row, dev)
	via := device.ViaPreset
	if u.has(isCustom) {
		u.params, via = l.custom[dev].defaults, device.ViaRC
	}
	life, moves := u.life.Apply(device.Change{Unit: &unit, Before: device.Reset(row.Factory), After: u.params, Via: via})
	l.moved(dev, u, now, via, life, moves...)
}

// A birth is what becomes of the devices of a group by their presets.
type birth struct {
	alike bool // for all of them, so that it need not be found out for each
	life  device.Life
	moves []fsm.Event
}

// birthOf finds out what presets make of a group's devices. A rule says the same
// for all of them: macros put other texts into it, but each has one. Only what is
// said of certificates differs between devices in more than its letters.
func birthOf(g *Group, u *device.Unit, presets device.Params) birth {
	for _, s := range g.Presets {
		if strings.Contains(s.Value, "CCERT") {
			return birth{}
		}
	}
	life, moves := device.Life{}.Apply(device.Change{Unit: u, Before: device.Reset(g.Row.Factory), After: presets, Via: device.ViaPreset})
	return birth{true, life, moves}
}

func (l *loop) factoryReset(dev device.Index, u *unit, now int64) {
	u.setApplied(noReceipt)
	l.trust(dev, nil)
	l.moved(dev, u, now, 0, u.life.FactoryReset(), fsm.FactoryReset)
	l.applyPresets(dev, u, now)
}

// mayStart reports whether a device can carry out an order now. With an idle
// line, the forced timer is the countdown after a call: resyncs wait for it.
func (l *loop) mayStart(u *unit, o device.Order) bool {
	counting := o == device.Resync && u.agenda[forcedTimer] != 0
	return u.act == idle && !u.has(inUse) && !u.has(queued) && !counting
}

// mostPending bounds what a device keeps in mind while it is busy. A resync by
// its own rules is always kept: the timer that asked for it is gone.
const mostPending = 8

// wait keeps a command until the device can carry it out. The same one twice is
// kept once. While a line is in use, a resync waits for Forced_Resync_Delay at
// most.
func (l *loop) wait(dev device.Index, u *unit, c device.Command, now int64) {
	list := l.pending[dev]
	same := func(k device.Command) bool { return k.Order == c.Order && k.Argument == c.Argument && len(k.Sets) == 0 }
	known := len(c.Sets) == 0 && slices.ContainsFunc(list, same)
	own := c.Order == device.Resync && c.Argument == ""
	if !known && (len(list) < mostPending || own) {
		l.pending[dev] = append(list, c)
	}
	if c.Order == device.Resync && u.has(inUse) && u.agenda[forcedTimer] == 0 && !l.row(u).Behaviour.ForcedCountdown {
		l.set(dev, u, forcedTimer, now+int64(forcedDelay(u.params)))
	}
}

// forcedDelay reads Forced_Resync_Delay, in seconds, 14400 where the firmware
// has no such parameter.
func forcedDelay(p device.Params) time.Duration {
	text, ok := p.Lookup("Forced_Resync_Delay")
	n, err := strconv.ParseUint(strings.TrimSpace(text), 10, 32)
	if !ok || err != nil {
		n = 14400
	}
	return time.Duration(n) * time.Second
}

// runPending carries out what waited, as far as the device lets it.
func (l *loop) runPending(dev device.Index, u *unit, now int64) {
	for {
		i := slices.IndexFunc(l.pending[dev], func(c device.Command) bool { return l.mayStart(u, c.Order) })
		if i < 0 {
			return
		}
		l.carryOut(dev, u, l.recall(dev, i), now)
	}
}

// forcePending starts the resync that waited for a line longest; after a call,
// all that waited.
func (l *loop) forcePending(dev device.Index, u *unit, now int64) {
	if !u.has(inUse) {
		l.runPending(dev, u, now)
		return
	}
	if u.act != idle || u.has(queued) {
		return
	}
	i := slices.IndexFunc(l.pending[dev], func(c device.Command) bool { return c.Order == device.Resync })
	if i >= 0 {
		l.carryOut(dev, u, l.recall(dev, i), now)
	}
}

// recall takes a command out of what waits.
func (l *loop) recall(dev device.Index, i int) device.Command {
	list := l.pending[dev]
	c := list[i]
	if list = slices.Delete(list, i, i+1); len(list) == 0 {
		delete(l.pending, dev)
	} else {
		l.pending[dev] = list
	}
	return c
}

func (l *loop) carryOut(dev device.Index, u *unit, c device.Command, now int64) {
	switch c.Order {
	case device.Resync:
		if u.params.Bool("Provision_Enable", true) {
			l.enqueue(dev, u, c, now)
		}
	case device.Upgrade:
		if u.params.Bool("Upgrade_Enable", true) {
			l.enqueue(dev, u, c, now)
		}
	case device.Report:
		l.enqueue(dev, u, c, now)
	case device.Customize:
		if u.customizing() {
			l.enqueue(dev, u, c, now)
		}
	case device.Reboot, device.Restart:
		l.abandon(dev, u)
		l.boot(dev, u, rebootReason(c.Cause), now)
	case device.SetParams:
		l.edit(dev, u, c.Sets, now)
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
func (l *loop) edit(dev device.Index, u *unit, sets []device.Set, now int64) {
	row := l.row(u)
	unit := l.f.identity(row, dev)
	after, changed := u.params.With(&l.f.shelf.Layers, taken(row.Factory, sets))
	life, moves := u.life.Apply(device.Change{Unit: &unit, Before: u.params, After: after, Via: device.ViaEdit})
	u.params = after
	u.setApplied(noReceipt)
	l.moved(dev, u, now, device.ViaEdit, life, moves...)
	if row.Reboots(changed) != model.NoReboot {
		l.boot(dev, u, device.ByParams, now)
		return
	}
	l.watch(dev, u, now)
}
