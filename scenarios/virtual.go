package scenarios

import (
	"cmp"
	"crypto/tls"
	"net/netip"

	"spafleet/certs"
	"spafleet/certs/ssl"
	"spafleet/device"
	"spafleet/prov"
	"spafleet/resync/modelled"
)

// serveInProcess makes the server of a story in virtual time: the same core,
// behind ports that no socket has.
func (p *play) serveInProcess(core *prov.Core) error {
	s := p.story.Server
	addr := netip.AddrFrom4([4]byte{127, 0, 0, 1})
	w := &modelled.Network{
		Server: core, Addr: addr, TFTP: portOf(s.TFTP, 69), HTTP: portOf(s.HTTP, 80), Hosts: map[string][]netip.Addr{s.name(): {addr}},
		Certs: p.certs, Least: s.Latency.Least, Most: s.Latency.Most, Workers: s.Workers, Faults: &p.faults,
	}
	var secure []netip.AddrPort
	for i := range s.HTTPS {
		h := &s.HTTPS[i]
		l, err := h.secure(p)
		if err != nil {
			return err
		}
		l.Port = uint16(cmp.Or(h.Port, 443+i))
		if h.Client == "match" {
			l.Responder = core.Matching(p.certified)
		}
		w.HTTPS = append(w.HTTPS, l)
		secure = append(secure, netip.AddrPortFrom(addr, l.Port))
	}
	p.modelled = w
	p.values = p.addresses(netip.AddrPortFrom(addr, w.TFTP), netip.AddrPortFrom(addr, w.HTTP), secure)
	return nil
}

// portOf returns the port of host:port, or the usual one.
func portOf(addr string, usual uint16) uint16 {
	if at, err := netip.ParseAddrPort(addr); err == nil && at.Port() != 0 {
		return at.Port()
	}
	return usual
}

// certified returns the MAC address in a device's certificate.
func (p *play) certified(u *device.Unit) string {
	if p.certs.Holder.Kind(u) != certs.OwnCertificate {
		return ""
	}
	return u.MAC.String()
}

// secure describes a listener for a judge.
func (h *HTTPS) secure(p *play) (modelled.Secure, error) {
	l, err := h.Listener(p.certs.PKI, p.story.Server.name(), "127.0.0.1", p.today)
	if err != nil {
		return modelled.Secure{}, err
	}
	s := modelled.Secure{}
	if l.SSL != nil {
		s.Server = certs.ServerOf(l.SSL)
	}
	if l.TLS != nil {
		verify, _, err := h.clients(p.certs.PKI, p.today)
		if err != nil {
			return s, err
		}
		s.Modern = modernServer(l.TLS, verify)
	}
	return s, nil
}

// modernServer describes the side of a listener that speaks TLS 1.2.
func modernServer(c *tls.Config, verify certs.Verify) *certs.Server {
	s := &certs.Server{Min: certs.TLS12, Max: certs.TLS12, Chain: c.Certificates[0].Certificate}
	for _, suite := range c.CipherSuites {
		s.Suites = append(s.Suites, ssl.Suite(suite))
	}
	if c.ClientAuth != tls.NoClientCert {
		s.Ask, s.Verify = ssl.AskFirst, verify
	}
	return s
}
