package run

import (
	"fmt"
	"net"
	"net/netip"
	"strconv"

	"spafleet/prov"
	"spafleet/scenarios"
)

// replicas returns the addresses of the embedded server's name.
func replicas(s *scenarios.Server) (list []netip.Addr) {
	for i := range max(s.Replicas, 1) {
		list = append(list, netip.AddrFrom4([4]byte{127, 0, 0, byte(1 + i)}))
	}
	return list
}

// openReplicas opens the ports of the server at its further addresses.
func (s *server) openReplicas() error {
	of := s.plan.Scenario.Server
	for _, addr := range replicas(of)[1:] {
		one := &prov.Server{Core: s.core, Now: s.clock}
		at := func(port uint16) string {
			if port == 0 {
				return ""
			}
			return net.JoinHostPort(addr.String(), strconv.Itoa(int(port)))
		}
		one.TFTPAddr, one.HTTPAddr = at(s.sockets.TFTP().Port()), at(s.sockets.HTTP().Port())
		for i, first := range s.sockets.HTTPSAt() {
			l, err := of.HTTPS[i].Listener(s.certs.PKI, of.Host(), addr.String(), s.today)
			if err != nil {
				return fmt.Errorf("scenario %s: https: %w", s.plan.Scenario.Name, err)
			}
			l.Addr = at(first.Port())
			one.HTTPS = append(one.HTTPS, l)
		}
		if err := one.Open(); err != nil {
			return fmt.Errorf("scenario %s: server.replicas: %w", s.plan.Scenario.Name, err)
		}
		s.more = append(s.more, one)
	}
	return nil
}

// listening returns the servers with sockets: one of them by its number, or for 0 all.
func (s *server) listening(number int) []*prov.Server {
	all := append([]*prov.Server{s.sockets}, s.more...)
	if number > 0 {
		return all[number-1 : number]
	}
	return all
}

// each calls a function for each server with sockets.
func (s *server) each(do func(*prov.Server)) {
	for _, one := range s.listening(0) {
		do(one)
	}
}
