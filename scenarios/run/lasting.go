package run

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
)

// Ports that no system gives by itself to the sockets of clients: Linux begins at
// 32768, others at 49152.
const (
	firstLasting = 20000
	lasting      = 32768 - firstLasting
)

// lastingPorts finds ports for servers that must be at the same port when they are
// started again: a port that the system chose may be some client's by then. The zero
// value is ready, and of nil the system chooses; it is for one goroutine.
type lastingPorts struct {
	begun bool
	next  int
}

// place returns where a server listens: where it was when its fleet was saved, or where
// the scenario has it, at a port of these if it may take any. "" stays "": no server.
func (p *lastingPorts) place(at, saved string) (string, error) {
	switch {
	case at == "":
		return "", nil
	case saved != "":
		return saved, nil
	}
	to, err := netip.ParseAddrPort(at)
	if err != nil || to.Port() != 0 || p == nil {
		return at, nil //nolint:nilerr // who listens says what is wrong with a name
	}
	port, err := p.of(to.Addr())
	if err != nil {
		return "", fmt.Errorf("a port for the server of a fleet that is saved: %w", err)
	}
	return netip.AddrPortFrom(to.Addr(), uint16(port)).String(), nil
}

// of returns a port of an address that was free for TCP and UDP a moment ago, another
// one each time.
func (p *lastingPorts) of(addr netip.Addr) (int, error) {
	if !p.begun {
		p.begun, p.next = true, os.Getpid()*97 // programs begin at different ones
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
