package probetest

import (
	"context"
	"net"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"
)

// A Network is the probe's side: what package probe calls so.
type Network interface {
	Listen(port uint16) (net.Listener, error)
	ListenPacket(port uint16) (net.PacketConn, error)
	Dial(ctx context.Context, to netip.AddrPort) (net.Conn, error)
	Deaf() (netip.AddrPort, func(), error)
}

// A Place is the probe's side of a network with a phone on it.
type Place struct {
	Network
	Probe  netip.Addr
	Phone  *Phone
	Person *Person
	Memory *Memory // nil: sockets
}

// Where InMemory has them.
var (
	probeAt = netip.AddrFrom4([4]byte{192, 168, 1, 10})
	phoneAt = netip.AddrFrom4([4]byte{192, 168, 1, 77})
)

// InMemory starts a phone at 192.168.1.77. The probe is at 192.168.1.10.
func InMemory(t testing.TB, o Options) *Place {
	t.Helper()
	m := &Memory{}
	phone := m.Host(phoneAt).Phone(t, o)
	return &Place{Network: m.Host(probeAt), Probe: probeAt, Phone: phone, Person: &Person{Phone: phone, PC: probeAt}, Memory: m}
}

// Bubble runs a test in a bubble of testing/synctest, on the first of January 2020: a
// bubble begins in 2000, when no certificate was valid yet.
func Bubble(t *testing.T, test func(*testing.T)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Until(time.Date(2020, time.January, 1, 0, 0, 0, 0, time.UTC)))
		test(t)
	})
}

// Web returns where the phone's web server is, for Dial.
func (p *Place) Web() netip.AddrPort { return netip.AddrPortFrom(p.Phone.View().Unit.IP, webPort) }

// Behind starts another phone that shares the address of the first, as behind NAT. What
// comes to the address's port 80 is for the first. Its Seed is 2 where Options have none.
func (p *Place) Behind(t testing.TB, o Options) *Phone {
	t.Helper()
	if o.Seed == 0 {
		o.Seed = 2
	}
	return p.Memory.Host(p.Phone.Host.Addr()).Phone(t, o)
}
