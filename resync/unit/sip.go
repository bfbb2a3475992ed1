package unit

import (
	"net/netip"

	"spafleet/device"
	"spafleet/device/model"
	"spafleet/device/sip"
	"spafleet/device/syslog"
	"spafleet/resync"
)

// A talker is the device of a turn as its SIP sees it. There is one for all turns, because
// there may be thousands of messages in a second.
type talker struct {
	phone sip.Phone
	unit  device.Unit
}

// phone returns the device as its SIP sees it, until the next time.
func (t *turn) phone() *sip.Phone {
	u, s := t.u, &t.talker
	s.unit = t.identity()
	s.phone = sip.Phone{Unit: &s.unit, Params: u.params, Lines: &u.lines, Seed: t.Seed, Booted: u.booted, Now: t.now, InUse: u.has(inUse), Registers: t.Shared.SIP, Base: t.SIPPort}
	return &s.phone
}

// lost returns since when lines 1 and 2 have no registration, 0 for one that has.
func (u *Unit) lost() [2]int64 {
	return [2]int64{u.lines.Lost(1, u.booted), u.lines.Lost(2, u.booted)}
}

// A speaker does what SIP asks of the device of a turn.
type speaker struct{ *Machine }

// hear takes a datagram.
func (m speaker) hear(line uint8, from netip.AddrPort, text []byte) {
	p := m.phone()
	if m.u.has(booting) {
		m.follow(p.LastWord(line, from, text))
		return
	}
	if resync.Logs(m.u.params) {
		m.logSIP(&syslog.Message{Line: int(line), Port: sip.Port(m.u.params, line), Peer: from.String(), Text: text})
	}
	m.follow(p.Hear(line, from, text))
}

// consider lets lines register that are to. A device that has remote customization before it
// contacts nobody else.
func (m speaker) consider() {
	if m.Shared.SIP && !m.u.customizing() {
		m.follow(m.phone().Consider())
	}
}

// hook tells that the phone is in use, or not any more.
func (m speaker) hook() {
	if m.Shared.SIP && m.u.Answers() {
		m.follow(m.phone().Hook())
	}
}

// leave ends registrations before a boot.
func (m speaker) leave() {
	if m.Shared.SIP && m.u.Answers() {
		m.follow(m.phone().Leave())
	}
}

// change gives the device other parameters. Registrations that these would not make end.
func (m speaker) change(p device.Params) {
	if m.Shared.SIP && m.u.Answers() && m.u.lines != (sip.Lines{}) {
		m.follow(m.phone().LeaveChanged(p))
	}
	m.u.params = p
}

// follow does what follows from a message or a moment.
func (m speaker) follow(o sip.Outcome) {
	m.fx.SIP = append(m.fx.SIP, o.Send...)
	for i := range o.Send {
		if !resync.Logs(m.u.params) {
			break
		}
		s := &o.Send[i]
		peer := s.Server // a name is not resolved yet, and stands for its address
		if peer == "" {
			peer = s.To.String()
		}
		m.logSIP(&syslog.Message{Sent: true, Line: int(s.Line), Port: sip.Port(m.u.params, s.Line), Peer: peer, Text: s.Text})
	}
	state := false
	for _, e := range o.Events {
		state = state || e.Kind == device.Registered || e.Kind == device.Unregistered
		e.At = m.now
		m.emit(e)
	}
	for _, l := range o.Logs {
		m.log(l.Priority, l.Text)
	}
	if c := o.Command; c.Order != 0 {
		m.forgetNotified(c.Order)
		m.do(c)
	}
	if state && m.u.Answers() { // of which a trigger may speak
		m.watch()
	}
	m.schedule()
}

// forgetNotified lets the newest resync that a NOTIFY asked for take the place of one that
// waits: however many come, one is pending.
func (t *turn) forgetNotified(o device.Order) {
	if o != device.Resync {
		return
	}
	for i, c := range t.u.pending() {
		if c.Order == device.Resync && c.Cause == model.ByNotify {
			t.u.recall(i)
			return
		}
	}
}
