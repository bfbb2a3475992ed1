package unit

import (
	"spafleet/device"
	"spafleet/device/model"
	"spafleet/device/sip"
	"spafleet/device/syslog"
)

// phone returns the device as its SIP sees it.
func (t *turn) phone() *sip.Phone {
	u, unit := t.u, t.identity()
	return &sip.Phone{Unit: &unit, Params: u.params, Lines: &u.lines, Seed: t.Seed, Booted: u.booted, Now: t.now, InUse: u.has(inUse)}
}

// A speaker carries out what SIP asks of the device of a turn.
type speaker struct{ *Machine }

// follow does what follows from a message.
func (m speaker) follow(o sip.Outcome) {
	m.fx.SIP = append(m.fx.SIP, o.Send...)
	for i := range o.Send {
		s := &o.Send[i]
		peer := s.Server // a name is not resolved yet, and stands for its address
		if peer == "" {
			peer = s.To.String()
		}
		m.logSIP(&syslog.Message{Sent: true, Line: int(s.Line), Port: sip.Port(m.u.params, s.Line), Peer: peer, Text: s.Text})
	}
	for _, e := range o.Events {
		e.At = m.now
		m.emit(e)
	}
	if c := o.Command; c.Order != 0 {
		m.forgetNotified(c.Order)
		m.do(c)
	}
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
