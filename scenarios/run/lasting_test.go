package run

import (
	"net"
	"net/netip"
	"testing"
)

// A port in use is not offered, nor is one twice.
func TestLastingPortsAreFreeAndDiffer(t *testing.T) {
	loopback := netip.MustParseAddr("127.0.0.1")
	var ports lastingPorts
	seen := map[int]bool{}
	for i := range 50 {
		port, err := ports.of(loopback)
		if err != nil || port < 20000 || port > 32767 || seen[port] {
			t.Fatalf("port %d: %d, %v, seen %t", i, port, err, seen[port])
		}
		seen[port] = true
		busy, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(netip.AddrPortFrom(loopback, uint16(port))))
		if err != nil {
			t.Fatal(err)
		}
		defer busy.Close()
	}
}
