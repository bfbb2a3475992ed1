package probetest

import (
	"context"
	"net"
	"net/netip"
	"testing"

	"spafleet/fleet"
	"spafleet/host/deaf"
	"spafleet/resync/fetch"
)

// OnSockets starts the phone of InMemory at 127.64.0.1. The probe is at 127.0.0.1, and
// Dial finds the phone's web server for port 80 though it has another port.
func OnSockets(t testing.TB, o Options) *Place {
	t.Helper()
	guard := &fetch.Guard{OnlyLoopback: true}
	phone := &Phone{options: o}
	at := netip.AddrFrom4([4]byte{127, 64, 0, 1})
	sockets := &fetch.Sockets{Hosts: o.Hosts, Certs: o.Certs, Guard: guard, NameServers: &fetch.NameServers{}}
	phone.start(t, fleet.Config{Network: sockets, Guard: guard, Web: fleet.Web{Listen: true, WAN: o.WAN}}, at)
	probe := netip.AddrFrom4([4]byte{127, 0, 0, 1})
	return &Place{Network: &loopback{probe, phone.Fleet}, Probe: probe, Phone: phone, Person: &Person{Phone: phone, PC: probe}}
}

// loopback is a Network on this machine.
type loopback struct {
	at    netip.Addr
	phone *fleet.Fleet
}

func (l *loopback) Listen(port uint16) (net.Listener, error) {
	return net.ListenTCP("tcp4", net.TCPAddrFromAddrPort(netip.AddrPortFrom(l.at, port)))
}

func (l *loopback) ListenPacket(port uint16) (net.PacketConn, error) {
	return net.ListenUDP("udp4", net.UDPAddrFromAddrPort(netip.AddrPortFrom(l.at, port)))
}

func (l *loopback) Dial(ctx context.Context, to netip.AddrPort) (net.Conn, error) {
	if to.Port() == webPort {
		to = netip.AddrPortFrom(to.Addr(), l.phone.WebPort())
	}
	d := net.Dialer{LocalAddr: net.TCPAddrFromAddrPort(netip.AddrPortFrom(l.at, 0))}
	return d.DialContext(ctx, "tcp4", to.String())
}

func (l *loopback) Deaf() (netip.AddrPort, func(), error) { return deaf.Port(l.at) }
