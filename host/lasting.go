package host

import (
	"errors"
	"math/rand/v2"
	"net"
	"net/netip"
)

// Ports that no system gives by itself to the sockets of clients: Linux begins at
// 32768, others at 49152.
const (
	firstLasting = 20000
	lasting      = 32768 - firstLasting
)

// LastingPorts finds ports for servers that must be at the same port when they are
// started again: a port that the system chose may be some client's by then. The zero
// value is ready; it is for one goroutine.
type LastingPorts struct {
	begun bool
	next  int
}

// Of returns a port of an address that was free for TCP and UDP a moment ago, another
// one each time.
func (p *LastingPorts) Of(addr netip.Addr) (int, error) {
	if !p.begun {
		p.begun, p.next = true, rand.IntN(lasting)
	}
	for range lasting {
		port := firstLasting + p.next%lasting
		p.next++
		if free(netip.AddrPortFrom(addr, uint16(port))) {
			return port, nil
		}
	}
	return 0, errors.New("each port from 20000 to 32767 is in use")
}

func free(at netip.AddrPort) bool {
	udp, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(at))
	if err != nil {
		return false
	}
	udp.Close()
	tcp, err := net.ListenTCP("tcp4", net.TCPAddrFromAddrPort(at))
	if err != nil {
		return false
	}
	tcp.Close()
	return true
}
