package fetch

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"time"

	"spafleet/resync"
	"spafleet/resync/fault"
)

// connect opens the connection of an HTTP transfer.
func (s *Sockets) connect(ctx context.Context, r *resync.Request) (net.Conn, error) {
	wait := r.Unit.Row.Behaviour.HTTPConnect
	if t := s.disturbance(r); t != nil {
		return s.connectBadly(ctx, r, t, wait)
	}
	return s.dial(ctx, r, wait)
}

func (s *Sockets) dial(ctx context.Context, r *resync.Request, wait time.Duration) (net.Conn, error) {
	dial := s.Dial
	if dial == nil {
		dial = dialTCP
	}
	return dial(ctx, r.Source, r.Server, wait)
}

func dialNet(ctx context.Context, source netip.Addr, server netip.AddrPort, wait time.Duration) (net.Conn, error) {
	d := net.Dialer{Timeout: wait, KeepAlive: -1} // keep-alive costs three calls and helps no short connection
	var local netip.AddrPort
	if source.IsValid() {
		local = netip.AddrPortFrom(source, 0)
		d.ControlContext = bindWithoutPort
	}
	conn, err := d.DialTCP(undated{ctx}, "tcp", local, server)
	if err != nil {
		return nil, err
	}
	return conn, nil
}

// undated hides a context's deadline, but not its end. Package net puts the
// deadline on its sockets too, and they can time out an instant before the
// context ends: that would look like the server's fault.
type undated struct{ context.Context }

func (undated) Deadline() (time.Time, bool) { return time.Time{}, false }

// datagrams is what a TFTP transfer needs of its socket.
type datagrams = fault.Datagrams

func (s *Sockets) listenPacket(ctx context.Context, source netip.Addr) (datagrams, error) {
	if s.ListenPacket == nil {
		return listenUDP(source)
	}
	conn, err := s.ListenPacket(ctx, source)
	if err != nil {
		return nil, err
	}
	if d, ok := conn.(datagrams); ok {
		return d, nil
	}
	return packetConn{conn}, nil
}

func listenUDP(source netip.Addr) (datagrams, error) {
	if !source.IsValid() {
		source = netip.IPv4Unspecified()
	}
	conn, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(netip.AddrPortFrom(source, 0)))
	if err != nil {
		return nil, err
	}
	return conn, nil
}

// A packetConn gives a plain packet socket the calls of *net.UDPConn.
type packetConn struct{ net.PacketConn }

func (c packetConn) ReadFromUDPAddrPort(p []byte) (int, netip.AddrPort, error) {
	n, from, err := c.ReadFrom(p)
	if err != nil {
		return n, netip.AddrPort{}, err
	}
	udp, ok := from.(*net.UDPAddr)
	if !ok {
		return n, netip.AddrPort{}, fmt.Errorf("read packet: address %v is a %T", from, from)
	}
	return n, udp.AddrPort(), nil
}

func (c packetConn) WriteToUDPAddrPort(p []byte, to netip.AddrPort) (int, error) {
	return c.WriteTo(p, net.UDPAddrFromAddrPort(to))
}
