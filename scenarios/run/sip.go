package run

import (
	"cmp"
	"fmt"
	"net/netip"
	"strings"

	"spafleet/device"
	"spafleet/device/sip"
	"spafleet/fleet"
	"spafleet/prov"
	"spafleet/scenarios"
)

// A registrar is that of the built-in server: over a socket, or in virtual time. The zero
// registrar is none.
type registrar struct {
	server   *prov.SIPServer // nil in virtual time
	modelled *prov.Registrar // nil over sockets
	at       netip.AddrPort
}

// unheard says which requests of the registrar nobody has answered.
func (g *registrar) unheard() (notes []string) {
	r := g.modelled
	if g.server != nil {
		r = g.server.Registrar()
	}
	if r == nil {
		return nil
	}
	for _, s := range []struct{ action, method, many string }{{"notify", "NOTIFY", "NOTIFYs"}, {"options", "OPTIONS", "OPTIONS"}} {
		switch n := r.Unanswered(s.method); n {
		case 0:
		case 1:
			notes = append(notes, s.action+": 1 "+s.method+" had no answer")
		default:
			notes = append(notes, fmt.Sprintf("%s: %d %s had no answer", s.action, n, s.many))
		}
	}
	return notes
}

// sipOptions are what the registrar of a scenario needs.
func (s *server) sipOptions() prov.RegistrarOptions {
	o := prov.RegistrarOptions{Who: s.texts.who, Faults: &s.wrongs, Speed: s.plan.Scenario.Clock.Pace()}
	if s.plan.Kinds[device.ServerLog.String()] {
		o.Log = s.texts.log
	}
	if text := s.plan.Scenario.Server.SIP.Password; text != "" {
		o.Password = func(_ string, from netip.Addr) (string, bool) {
			u, ok := s.texts.who(from)
			if !ok {
				return "", false
			}
			return s.text(text, u), true
		}
	}
	return o
}

// openSIP opens the registrar over a socket, if the scenario has one.
func (s *server) openSIP() error {
	sc := s.plan.Scenario.Server
	if sc.SIP == nil {
		return nil
	}
	at, err := s.lasting.place(listenAt(sc.SIP.Port), s.saved.SIP)
	if err != nil {
		return err
	}
	s.sip.server = &prov.SIPServer{Addr: at, Now: s.clock, Options: s.sipOptions()}
	if err := s.sip.server.Open(); err != nil {
		s.sip.server = nil
		return fmt.Errorf("scenario %s: %w", s.plan.Scenario.Name, err)
	}
	s.sip.at = s.sip.server.At()
	return nil
}

// modelSIP makes the registrar of virtual time, if the scenario has one.
func (s *server) modelSIP(addr netip.Addr) {
	sc := s.plan.Scenario.Server
	if sc.SIP == nil {
		return
	}
	s.sip.at = netip.AddrPortFrom(addr, portOf(sc.SIP.Port, 5060))
	s.sip.modelled = prov.NewRegistrar(s.sip.at, s.sipOptions())
}

// sipOf returns what the devices' lines do.
func sipOf(r *run) fleet.SIP {
	s, c := r.plan.Scenario, r.options.SIP
	served := s.Server != nil && s.Server.SIP != nil
	c.Register = c.Register || served || s.Target != nil && s.Target.SIP
	c.Faults = &r.faults.network
	if g := r.server.sip.modelled; g != nil {
		c.Registrar, c.At = g, r.server.sip.at
	}
	return c
}

// notify has the registrar send a NOTIFY to a line of a device, or OPTIONS. With auth: good it
// knows the line's account, as the server of that line does.
func notify(t *timeline, s *scenarios.Step, v *device.View) {
	line := uint8(max(s.Notify.Line, 1))
	user, login, password := sip.Account(v.Params, line)
	n := prov.Notify{To: fleet.SIPPort(t.fleet, v, line), User: user, Event: cmp.Or(t.server.text(s.Notify.Event, &v.Unit), "resync")}
	switch {
	case s.Action == "options":
		n.Method, n.Event, n.User = "OPTIONS", "", cmp.Or(t.server.text(s.Notify.User, &v.Unit), user)
	case s.Notify.Auth == "none":
	case s.Notify.Auth == "bad":
		n.AuthUser, n.Password = login, "not "+password
	default:
		n.AuthUser, n.Password = login, password
	}
	var err error
	if g := &t.server.sip; g.modelled != nil {
		err = g.modelled.Notify(t.fleet.Now(), n, func(to netip.AddrPort, text []byte) { fleet.Deliver(t.fleet, to, text) })
	} else {
		err = g.server.Notify(n)
	}
	if err != nil {
		t.people[s.Action+": %s got no "+strings.ToUpper(s.Action)+": "+err.Error()]++
	}
}
