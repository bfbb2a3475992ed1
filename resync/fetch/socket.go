package fetch

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"time"

	"spafleet/resync/fault"
)

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
