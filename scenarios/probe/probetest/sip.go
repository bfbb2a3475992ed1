package probetest

import (
	"context"
	"time"

	"spafleet/device/sip"
)

// sipPort is where line 1 hears SIP.
const sipPort = 5060

// hearSIP answers what comes to line 1 until the phone ends, and does what a NOTIFY orders.
// Its lines send nothing of their own.
func (p *Phone) hearSIP(c *packetConn) {
	defer context.AfterFunc(p.ctx, func() { c.Close() })()
	var lines sip.Lines
	buf := make([]byte, sip.MostText)
	for {
		n, from, err := c.ReadFromUDPAddrPort(buf)
		if err != nil {
			return
		}
		v := p.View()
		if !v.Answers() {
			continue
		}
		phone := sip.Phone{Unit: &v.Unit, Params: v.Params, Lines: &lines, Seed: max(p.options.Seed, 1), Booted: v.Booted, Now: time.Now().UnixNano()}
		heard := phone.Hear(1, from, buf[:n])
		for _, m := range heard.Send {
			_, _ = c.WriteToUDPAddrPort(m.Text, m.To) // as UDP does: lost where nobody is
		}
		if heard.Command.Order != 0 {
			_ = p.Fleet.Ask(p.ctx, 0, heard.Command) // the phone may be at its end
		}
	}
}
