// Package probetest has what tests of package probe need: an emulated phone, the person
// who sits at it, and a network in memory between them. [InMemory] is where to begin.
//
// In a bubble of testing/synctest, see [Bubble], hours of such a phone's error retries
// pass in milliseconds. The phone is a fleet of one device with its real clients and its
// real web server: what arrives is byte for byte what arrives over sockets. [OnSockets]
// has the same phone on loopback, for comparison.
//
// Nothing here opens a real socket but OnSockets: a goroutine that waits for one would
// stop the bubble's clock.
package probetest

import (
	"context"
	"net"
	"net/netip"
	"os"
	"sync"
	"syscall"
	"time"

	"spafleet/host"
)

// A Memory is a network of hosts that reach each other by TCP and UDP, as on one wire:
// nothing is lost but what a [Host] loses, and packets take no time, unless [Memory.Slow]
// and [Memory.Lossy] say otherwise. All that waits for
// it waits durably, as package testing/synctest calls it. Its zero value is ready; it is
// safe for concurrent use.
type Memory struct {
	mu        sync.Mutex // guards all of the network; nobody blocks while it is held
	changed   *sync.Cond // something listens, or a host is there, that was not
	addresses map[netip.Addr]*address
	delay     func() time.Duration // of a packet; nil: none
	lose      func() bool          // a datagram; nil: none is lost
	flying    int                  // datagrams that are under way
}

// An address is what the hosts that share it have in common.
type address struct {
	ip      netip.Addr
	hosts   []*Host
	streams map[uint16]*listener
	packets map[uint16]*packetConn
	next    uint16 // free port that is tried next
}

// A Host is one machine at an address of a Memory. It is a probe.Network.
type Host struct {
	m     *Memory
	at    *address
	off   bool // its cable is unplugged, or it has no power
	conns map[*conn]bool
}

// Host adds a machine. Several may have one address, as behind NAT: what comes to a port
// goes to the one that listens there.
func (m *Memory) Host(ip netip.Addr) *Host {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.open()
	at := m.addresses[ip]
	if at == nil {
		at = &address{ip: ip, streams: map[uint16]*listener{}, packets: map[uint16]*packetConn{}, next: firstFree}
		m.addresses[ip] = at
	}
	h := &Host{m: m, at: at, conns: map[*conn]bool{}}
	at.hosts = append(at.hosts, h)
	m.changed.Broadcast()
	return h
}

// open makes the zero value ready.
func (m *Memory) open() {
	if m.changed == nil {
		m.changed = sync.NewCond(&m.mu)
		m.addresses = map[netip.Addr]*address{}
	}
}

// Slow has each packet take as long as a function says, which must not block; nil: no
// time. Those of a connection keep their order.
func (m *Memory) Slow(delay func() time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.delay = delay
}

// Lossy has datagrams lost of which a function says so, which must not block; nil: none.
// TCP would send again what is lost, and only be slow.
func (m *Memory) Lossy(lose func() bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.lose = lose
}

// after has something arrive once a packet has taken its time, but not before a moment.
// It returns when that is.
func (m *Memory) after(least time.Time, arrive func()) time.Time {
	if m.delay == nil && least.IsZero() {
		arrive()
		return least
	}
	var takes time.Duration
	if m.delay != nil {
		takes = m.delay()
	}
	now := time.Now()
	at := now.Add(takes)
	if at.Before(least) {
		at = least
	}
	time.AfterFunc(at.Sub(now), func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		arrive()
	})
	return at
}

// round returns how long a packet and its answer take.
func (m *Memory) round() time.Duration {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.delay == nil {
		return 0
	}
	return m.delay() + m.delay()
}

// Addr returns the host's address.
func (h *Host) Addr() netip.Addr { return h.at.ip }

// Unplug takes the host off the network. Its connections stay, and go on when it is
// plugged in again; what they send until then waits, datagrams are lost.
func (h *Host) Unplug() {
	h.m.mu.Lock()
	defer h.m.mu.Unlock()
	h.off = true
}

// Plug puts the host back on the network.
func (h *Host) Plug() {
	h.m.mu.Lock()
	defer h.m.mu.Unlock()
	h.off = false
	for c := range h.conns {
		c.flush()
		c.peer.flush()
	}
	h.m.changed.Broadcast()
}

// Forget has the host lose its connections without a word, as a loss of power does. The
// others hear of it when they send something that arrives.
func (h *Host) Forget() {
	h.m.mu.Lock()
	defer h.m.mu.Unlock()
	for c := range h.conns {
		c.forget()
	}
}

// Ports that are not asked for by number are from firstFree on.
const firstFree = 49152

// free returns a port that is not in use.
func free[S any](a *address, used map[uint16]S) (port uint16, ok bool) {
	for range 1<<16 - firstFree {
		port = a.next
		if a.next++; a.next < firstFree {
			a.next = firstFree
		}
		if _, taken := used[port]; !taken {
			return port, true
		}
	}
	return 0, false
}

// port returns the port that a new socket has; a used one is an error.
func port[S any](a *address, wanted uint16, used map[uint16]S) (uint16, error) {
	got, ok := wanted, true
	if wanted == 0 {
		got, ok = free(a, used)
	} else if _, taken := used[wanted]; taken {
		ok = false
	}
	if !ok {
		return 0, os.NewSyscallError("bind", syscall.EADDRINUSE)
	}
	return got, nil
}

// Listen listens for TCP, at a free port for 0.
func (h *Host) Listen(wanted uint16) (net.Listener, error) { return h.listen(wanted, false) }

// Deaf returns a port that answers no SYN until the function is called.
func (h *Host) Deaf() (netip.AddrPort, func(), error) {
	l, err := h.listen(0, true)
	if err != nil {
		return netip.AddrPort{}, nil, err
	}
	return netip.AddrPortFrom(h.at.ip, l.port), func() { l.Close() }, nil
}

func (h *Host) listen(wanted uint16, deaf bool) (*listener, error) {
	h.m.mu.Lock()
	defer h.m.mu.Unlock()
	got, err := port(h.at, wanted, h.at.streams)
	if err != nil {
		return nil, &net.OpError{Op: "listen", Net: "tcp", Addr: h.tcp(wanted), Err: err}
	}
	l := &listener{host: h, port: got, deaf: deaf, cond: sync.NewCond(&h.m.mu)}
	h.at.streams[got] = l
	h.m.changed.Broadcast()
	return l, nil
}

// ListenPacket opens a socket of UDP, at a free port for 0.
func (h *Host) ListenPacket(wanted uint16) (net.PacketConn, error) { return h.packets(wanted) }

func (h *Host) packets(wanted uint16) (*packetConn, error) {
	h.m.mu.Lock()
	defer h.m.mu.Unlock()
	got, err := port(h.at, wanted, h.at.packets)
	if err != nil {
		return nil, &net.OpError{Op: "listen", Net: "udp", Addr: net.UDPAddrFromAddrPort(netip.AddrPortFrom(h.at.ip, wanted)), Err: err}
	}
	c := &packetConn{host: h, local: netip.AddrPortFrom(h.at.ip, got), cond: sync.NewCond(&h.m.mu)}
	h.at.packets[got] = c
	return c, nil
}

func (h *Host) tcp(port uint16) *net.TCPAddr {
	return net.TCPAddrFromAddrPort(netip.AddrPortFrom(h.at.ip, port))
}

// Dial connects by TCP, as soon as somebody answers. Where nobody does, it waits until
// ctx ends.
func (h *Host) Dial(ctx context.Context, to netip.AddrPort) (net.Conn, error) {
	m := h.m
	_ = host.Sleep(ctx, m.round()) // who looks at ctx comes next
	defer context.AfterFunc(ctx, func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.changed.Broadcast()
	})()
	m.mu.Lock()
	defer m.mu.Unlock()
	for {
		err := ctx.Err()
		if err == nil {
			var c *conn
			if c, err = h.knock(to); c != nil {
				return c, nil
			}
		}
		if err != nil {
			return nil, &net.OpError{Op: "dial", Net: "tcp", Addr: net.TCPAddrFromAddrPort(to), Err: err}
		}
		m.changed.Wait()
	}
}

// knock sends a SYN. Without a connection and without an error nobody has answered.
func (h *Host) knock(to netip.AddrPort) (*conn, error) {
	at := h.m.addresses[to.Addr().Unmap()]
	if h.off || at == nil {
		return nil, nil
	}
	l := at.streams[to.Port()]
	switch {
	case l == nil && at.there():
		return nil, os.NewSyscallError("connect", syscall.ECONNREFUSED)
	case l == nil || l.deaf || l.host.off || len(l.queue) >= mostQueued:
		return nil, nil
	}
	local, ok := free(h.at, h.at.streams)
	if !ok {
		return nil, os.NewSyscallError("connect", syscall.EADDRNOTAVAIL)
	}
	own, other := connect(h, l.host, h.tcp(local), l.host.tcp(to.Port()))
	l.queue = append(l.queue, other)
	l.cond.Broadcast()
	return own, nil
}

// there reports whether a host of the address is on the network.
func (a *address) there() bool {
	for _, h := range a.hosts {
		if !h.off {
			return true
		}
	}
	return false
}
