package forecast

import (
	"fmt"
	"strconv"
	"strings"

	"spafleet/device/sip"
	"spafleet/scenarios"
)

// Registrations is what registrars will get, if each line gets an account.
type Registrations struct {
	Lines     int     `json:"lines"`
	PerSecond float64 `json:"per_second"` // REGISTERs: one in the time of Register_Expires of each line; a challenge doubles them
}

// registrationsOf returns what the lines of the devices may send, nil where none
// registers.
func registrationsOf(p *plan, shares []groupShare, o *scenarios.Machine) *Registrations {
	s := p.Scenario
	if !o.SIP.Register && (s.Server == nil || s.Server.SIP == nil) && (s.Target == nil || !s.Target.SIP) {
		return nil
	}
	r := &Registrations{}
	for d := range p.sampled(shares) {
		for line := 1; line <= int(sip.LineCount(d.Row)); line++ {
			if !d.params.Bool(fmt.Sprintf("Line_Enable_%d_", line), true) {
				continue
			}
			r.Lines += d.count
			text, _ := d.params.Lookup(fmt.Sprintf("Register_Expires_%d_", line))
			if n, err := strconv.Atoi(strings.TrimSpace(text)); err == nil && n > 0 {
				r.PerSecond += float64(d.count) / float64(n)
			}
		}
	}
	r.PerSecond *= s.Clock.Pace()
	return r
}
