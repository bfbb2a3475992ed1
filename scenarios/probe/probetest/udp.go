package probetest

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"sync"
	"syscall"
	"time"
)

// The bounds of packet sockets.
const (
	mostDatagrams = 512   // that wait to be read; more are lost
	mostDatagram  = 65507 // bytes
	mostFlying    = 8192  // of a network that are under way
)

// A packetConn is a socket of UDP. It has the calls of *net.UDPConn that package fetch
// uses.
type packetConn struct {
	host    *Host
	local   netip.AddrPort
	remote  netip.AddrPort // of a socket that is connected; else not valid
	cond    *sync.Cond
	queue   []datagram
	refused bool // what a connected socket has sent found no socket
	closed  bool
	read    deadline
}

type datagram struct {
	from netip.AddrPort
	data []byte
}

// ReadFromUDPAddrPort reads a datagram, of which what finds no room in p is lost.
func (c *packetConn) ReadFromUDPAddrPort(p []byte) (int, netip.AddrPort, error) {
	c.host.m.mu.Lock()
	defer c.host.m.mu.Unlock()
	for {
		switch {
		case c.closed:
			return 0, netip.AddrPort{}, c.failed("read", net.ErrClosed)
		case c.read.over:
			return 0, netip.AddrPort{}, c.failed("read", os.ErrDeadlineExceeded)
		case c.refused:
			c.refused = false
			return 0, netip.AddrPort{}, c.failed("read", os.NewSyscallError("recvfrom", syscall.ECONNREFUSED))
		case len(c.queue) > 0:
			d := c.queue[0]
			c.queue = c.queue[1:]
			return copy(p, d.data), d.from, nil
		}
		c.cond.Wait()
	}
}

// WriteToUDPAddrPort sends a datagram, which is lost where nobody is.
func (c *packetConn) WriteToUDPAddrPort(p []byte, to netip.AddrPort) (int, error) {
	c.host.m.mu.Lock()
	defer c.host.m.mu.Unlock()
	switch {
	case c.closed:
		return 0, c.failed("write", net.ErrClosed)
	case len(p) > mostDatagram:
		return 0, c.failed("write", os.NewSyscallError("sendto", syscall.EMSGSIZE))
	}
	m := c.host.m
	if c.host.off || m.flying >= mostFlying || m.lose != nil && m.lose() {
		return len(p), nil
	}
	data := append([]byte(nil), p...)
	m.flying++
	m.after(time.Time{}, func() {
		m.flying--
		c.arrive(data, to)
	})
	return len(p), nil
}

// arrive puts a datagram that c has sent into the queue of the socket that it is for.
func (c *packetConn) arrive(data []byte, to netip.AddrPort) {
	at := c.host.m.addresses[to.Addr().Unmap()]
	if at == nil {
		return
	}
	other := at.packets[to.Port()]
	switch {
	case other == nil:
		c.refused = c.remote.IsValid() && at.there()
		c.cond.Broadcast()
	case other.host.off, len(other.queue) >= mostDatagrams, other.remote.IsValid() && other.remote != c.local:
	default:
		other.queue = append(other.queue, datagram{c.local, data})
		other.cond.Broadcast()
	}
}

// ReadFrom returns a *net.UDPAddr.
func (c *packetConn) ReadFrom(p []byte) (int, net.Addr, error) {
	n, from, err := c.ReadFromUDPAddrPort(p)
	if err != nil {
		return n, nil, err
	}
	return n, net.UDPAddrFromAddrPort(from), nil
}

// WriteTo takes a *net.UDPAddr.
func (c *packetConn) WriteTo(p []byte, to net.Addr) (int, error) {
	udp, ok := to.(*net.UDPAddr)
	if !ok {
		return 0, c.failed("write", fmt.Errorf("%v is no address of UDP", to))
	}
	return c.WriteToUDPAddrPort(p, udp.AddrPort())
}

// Read reads a datagram of a connected socket.
func (c *packetConn) Read(p []byte) (int, error) {
	n, _, err := c.ReadFromUDPAddrPort(p)
	return n, err
}

// Write sends one to where the socket is connected.
func (c *packetConn) Write(p []byte) (int, error) { return c.WriteToUDPAddrPort(p, c.remote) }

func (c *packetConn) failed(op string, err error) error {
	return &net.OpError{Op: op, Net: "udp", Source: c.LocalAddr(), Err: err}
}

// Close frees the port.
func (c *packetConn) Close() error {
	c.host.m.mu.Lock()
	defer c.host.m.mu.Unlock()
	if c.closed {
		return c.failed("close", net.ErrClosed)
	}
	c.closed, c.queue = true, nil
	c.read.to(time.Time{}, c.cond)
	delete(c.host.at.packets, c.local.Port())
	c.cond.Broadcast()
	return nil
}

// LocalAddr returns a *net.UDPAddr.
func (c *packetConn) LocalAddr() net.Addr { return net.UDPAddrFromAddrPort(c.local) }

// RemoteAddr returns where the socket is connected.
func (c *packetConn) RemoteAddr() net.Addr { return net.UDPAddrFromAddrPort(c.remote) }

// SetDeadline sets that of reading: sending does not wait.
func (c *packetConn) SetDeadline(at time.Time) error { return c.SetReadDeadline(at) }

// SetReadDeadline sets that of reading.
func (c *packetConn) SetReadDeadline(at time.Time) error {
	c.host.m.mu.Lock()
	defer c.host.m.mu.Unlock()
	if c.closed {
		return c.failed("set", net.ErrClosed)
	}
	c.read.to(at, c.cond)
	return nil
}

// SetWriteDeadline does nothing: sending does not wait.
func (c *packetConn) SetWriteDeadline(time.Time) error { return nil }

// dialAny connects by udp or tcp, as net.Dialer does with an address.
func (h *Host) dialAny(ctx context.Context, network, address string) (net.Conn, error) {
	to, err := netip.ParseAddrPort(address)
	if err != nil {
		return nil, err
	}
	if network != "udp" {
		return h.Dial(ctx, to)
	}
	c, err := h.packets(0)
	if err != nil {
		return nil, err
	}
	c.remote = to
	return c, nil
}
