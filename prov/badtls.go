package prov

import (
	"errors"
	"net"
	"net/netip"

	"spafleet/resync"
)

// answerBadly answers a client's hello as a fault has it. Nil: there is none.
func (c *sealed) answerBadly(raw *sniffed) error {
	core := c.s.Core
	if core.options.Faults == nil {
		return nil
	}
	x := &exchange{request: &resync.Request{Scheme: "https", Source: addrPort(c.RemoteAddr()).Addr()}}
	x.asker.Unit = core.byAddress(x.request.Source)
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
	return errors.New("answered by a fault")
}

// Down stops listening for http, https or, with "", both, until Up. What came
// before is answered. TFTP and cores without sockets have Down of a fault.
func (s *Server) Down(scheme string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.tcp != nil && scheme != "https" {
		s.tcp.Close()
	}
	for i := range s.HTTPS {
		if l := s.HTTPS[i].listener; l != nil && scheme != "http" {
			l.Close()
		}
	}
}

// Up listens again where Down stopped. An error says that somebody else does
// meanwhile.
func (s *Server) Up(scheme string) (err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.open {
		return nil
	}
	again := func(at netip.AddrPort, scheme string) net.Listener {
		l, failed := net.Listen("tcp4", at.String())
		if failed != nil {
			err = errors.Join(err, listenError(scheme, at.String(), failed))
		}
		return l
	}
	if s.tcp != nil && scheme != "https" {
		if l := again(s.httpAddr(), "http"); l != nil {
			s.tcp = l
			s.serveOn(s.http, l)
		}
	}
	for i := range s.HTTPS {
		h := &s.HTTPS[i]
		if h.listener == nil || scheme == "http" {
			continue
		}
		if l := again(addrPort(h.listener.Addr()), "https"); l != nil {
			h.listener = l
			s.serveOn(s.https[i], &sealedListener{l, h, s})
		}
	}
	return err
}
