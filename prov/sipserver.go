package prov

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"sync"
	"time"
)

// A SIPServer puts a [Registrar] behind a UDP socket. Set its fields, then Open.
type SIPServer struct {
	Addr    string       // host:port, IPv4; port 0 takes a free one
	Now     func() int64 // fleet time in nanoseconds since the Unix epoch; nil: the system's clock
	Options RegistrarOptions

	registrar *Registrar
	conn      *net.UDPConn
	stop      context.CancelFunc
	wake      chan struct{} // something may be due earlier than it was
	working   sync.WaitGroup
}

// Open listens and answers until Close.
func (s *SIPServer) Open() error {
	conn, err := listenUDP(s.Addr)
	if err != nil {
		return listenError("sip", s.Addr, err)
	}
	s.conn, s.wake = conn, make(chan struct{}, 1)
	s.registrar = NewRegistrar(addrPort(conn.LocalAddr()), s.Options)
	ctx, stop := context.WithCancel(context.Background())
	s.stop = stop
	s.working.Go(s.read)
	s.working.Go(func() { s.repeat(ctx) })
	return nil
}

// Close stops listening and waits for the end of what is under way. Closing what is not
// open does nothing.
func (s *SIPServer) Close() {
	if s == nil || s.conn == nil {
		return
	}
	s.stop()
	s.conn.Close()
	s.working.Wait()
}

// At returns where the server listens, the zero value if it never was open.
func (s *SIPServer) At() netip.AddrPort {
	if s == nil || s.conn == nil {
		return netip.AddrPort{}
	}
	return s.registrar.at
}

// Notify sends a NOTIFY: see [Registrar.Notify].
func (s *SIPServer) Notify(n Notify) error {
	err := s.registrar.Notify(s.now(), n, s.send)
	select {
	case s.wake <- struct{}{}:
	default:
	}
	return err
}

// Registrar returns who answers behind the socket.
func (s *SIPServer) Registrar() *Registrar { return s.registrar }

func (s *SIPServer) now() int64 {
	if s.Now != nil {
		return s.Now()
	}
	return time.Now().UnixNano()
}

// send sends a datagram. One that cannot be sent is as one that was lost.
func (s *SIPServer) send(to netip.AddrPort, text []byte) {
	_, _ = s.conn.WriteToUDPAddrPort(text, to)
}

func (s *SIPServer) read() {
	text := make([]byte, largestDatagram+1)
	for {
		n, from, err := s.conn.ReadFromUDPAddrPort(text)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err == nil { // else of an earlier datagram, which nobody took
			s.registrar.Receive(s.now(), netip.AddrPortFrom(from.Addr().Unmap(), from.Port()), text[:n], s.send)
		}
	}
}

// repeatEvery is how often a server looks whether something is to be sent again.
const repeatEvery = 100 * time.Millisecond

// repeat sends again what no device has answered, until ctx ends.
func (s *SIPServer) repeat(ctx context.Context) {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		wait := time.Hour
		if _, ok := s.registrar.Next(); ok {
			wait = repeatEvery
		}
		timer.Reset(wait)
		select {
		case <-ctx.Done():
			return
		case <-s.wake:
		case <-timer.C:
			s.registrar.Due(s.now(), s.send)
		}
	}
}
