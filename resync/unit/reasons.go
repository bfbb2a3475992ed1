package unit

import (
	"fmt"
	"strings"

	"spafleet/device"
	"spafleet/device/model"
)

// A reasoner says what the device of a turn waits for.
type reasoner struct{ *turn }

// waiting appends what the device waits for, if this has changed: the end of
// something, or its next timer.
func (m reasoner) waiting(events []device.Event) []device.Event {
	u := m.u
	idle := u.has(powered) && u.attempt == None && !u.has(queued)
	timer := idle && (m.fx.Next != 0 || u.due == 0 && len(m.fx.Events) > 0)
	if timer {
		events = append(events, m.nextTimer())
	}
	if list := u.pending(); len(list) > 0 && (timer || m.fx.waits) {
		events = append(events, m.reason(device.Waits, list[len(list)-1].Cause, m.busy()))
	}
	return events
}

// nextTimer says when the device comes back and why then.
func (m reasoner) nextTimer() device.Event {
	at, which, ok := m.u.nextTimer()
	if !ok {
		e := m.reason(device.Timer, 0, m.never())
		e.Took = -1
		return e
	}
	cause, text := m.timerReason(which)
	e := m.reason(device.Timer, cause, text)
	e.Took = at - m.now
	return e
}

func (m reasoner) reason(kind device.Kind, cause model.Cause, text string) device.Event {
	return device.Event{At: m.now, Dev: m.dev, N: m.u.n, Kind: kind, Cause: cause, State: m.u.life.State, Text: clipped(text, mostOfText)}
}

// busy says why a command cannot be carried out now.
func (m reasoner) busy() string {
	switch u := m.u; {
	case u.has(inUse):
		return "the end of a call"
	case u.attempt == None && !u.has(queued) && u.timers.forced != 0:
		return m.setting("the countdown after a call", "Forced_Resync_Delay")
	}
	return "the end of what the device is doing"
}

// never says why a device does nothing more by itself.
func (m reasoner) never() string {
	switch {
	case !m.u.params.Bool("Provision_Enable", true):
		return "Provision_Enable is off, so it waits for a person or the power"
	case m.u.has(erring):
		return m.setting("it does not try again by itself", "Resync_Error_Retry_Delay")
	}
	return m.setting("it does not come back by itself", "Resync_Periodic")
}

// timerReason says what a timer starts, and why at that time.
func (m reasoner) timerReason(which timer) (model.Cause, string) {
	u := m.u
	switch {
	case which == leaseTimer:
		return 0, "it asks for more time for its lease"
	case u.has(booting) && u.opt.leased() != nil && u.opt.leased().asking:
		return 0, "it has no address yet, and asks for a lease"
	case u.has(booting):
		return 0, "the boot is over, and the firmware starts"
	case which == sipTimer:
		return 0, "a line registers, or asks its SIP server again"
	case which == triggerTimer:
		return model.ByTrigger, m.setting("a trigger can first hold", "Resync_Trigger_1", "Resync_Trigger_2")
	case which == upgradeTimer:
		return model.ByUpgrade, m.setting(fmt.Sprintf("retry %d of the upgrade", u.upgrades().history.Retries), "Upgrade_Error_Retry_Delay")
	case which == forcedTimer && u.has(inUse):
		return 0, m.setting("what waits for the end of a call starts in spite of it", "Forced_Resync_Delay")
	case which == forcedTimer:
		return 0, m.setting("the countdown after a call is over", "Forced_Resync_Delay")
	case u.delayed() != nil:
		return u.delayed().Cause, m.setting("a resync that was ordered, after a random delay", "Resync_Random_Delay")
	}
	return u.cause, m.resyncReason()
}

func (m reasoner) resyncReason() string {
	switch m.u.cause {
	case model.ByPowerOn:
		return m.setting("the first resync after the boot, after a random delay", "Resync_Random_Delay")
	case model.ByPeriodic:
		return m.setting("the periodic resync", "Resync_Periodic")
	case model.ByRetry:
		return m.setting(fmt.Sprintf("retry %d", m.u.run), "Resync_Error_Retry_Delay")
	case model.ByDaily:
		return m.setting("the daily resync", "Resync_At__HHmm_", "Resync_At_Random_Delay")
	case model.ByUpgrade:
		return "the resync after an upgrade attempt"
	case model.ByRC:
		return "remote customization, which comes first"
	}
	return m.u.cause.String()
}

// setting adds what parameters are set to, as far as the model has them.
func (m reasoner) setting(text string, names ...string) string {
	var b strings.Builder
	b.WriteString(text)
	for i, name := range names {
		if value, ok := m.u.params.Lookup(name); ok {
			if i == 0 {
				b.WriteByte(':')
			} else {
				b.WriteByte(',')
			}
			fmt.Fprintf(&b, " %s is %q", name, value)
		}
	}
	return b.String()
}
