package prov

import (
	"errors"

	"spafleet/resync"
)

// answerBadly answers a client's hello as a fault has it. Nil: there is none.
func (c *sealed) answerBadly(raw *sniffed) error {
	core := c.s.Core
	if core.options.Faults == nil {
		return nil
	}
	x := &exchange{request: &resync.Request{Scheme: "https", Source: addrPort(c.RemoteAddr()).Addr()}}
	x.asker.Unit = core.options.byAddress(x.request.Source)
	if !core.answersHello(x) {
		return nil
	}
	if _, err := raw.in.Peek(1); err != nil {
		return err
	}
	answer := fatal(x.bad.Alert)
	if x.bad.Alert == 0 {
		answer = make([]byte, 1<<10)
		x.disturbance.Noise(answer)
	}
	// What came is read first: closing would else take back what was sent.
	_, _ = raw.in.Discard(raw.in.Buffered())
	if _, err := c.Conn.Write(answer); err != nil {
		return err
	}
	return &handshakeError{resync.Handshake{Alert: uint8(x.bad.Alert)}, errors.New("answered by a fault")}
}
