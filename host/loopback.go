package host

import (
	"net"
	"net/netip"
)

// CanBind reports whether programs of this machine may use an address as their
// own. On Linux that is so for each address of 127/8, on most other systems only
// for those that are configured.
func CanBind(addr netip.Addr) bool {
	c, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(netip.AddrPortFrom(addr, 0)))
	if err != nil {
		return false
	}
	c.Close()
	return true
}
