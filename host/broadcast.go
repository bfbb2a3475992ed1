package host

import (
	"encoding/binary"
	"net"
	"net/netip"
)

// Broadcasts returns the broadcast addresses of the IPv4 networks that this machine
// is in, such as 192.168.1.255; none where the system does not tell.
func Broadcasts() (list []netip.Addr) {
	interfaces, _ := net.Interfaces() // without them there are none
	for _, i := range interfaces {
		if i.Flags&net.FlagBroadcast == 0 {
			continue
		}
		addrs, _ := i.Addrs() // the interface may be gone
		for _, a := range addrs {
			if p, err := netip.ParsePrefix(a.String()); err == nil && p.Addr().Is4() && p.Bits() < 31 {
				list = append(list, lastOf(p))
			}
		}
	}
	return list
}

// lastOf returns the last address of an IPv4 prefix.
func lastOf(p netip.Prefix) netip.Addr {
	b := p.Addr().As4()
	var last [4]byte
	binary.BigEndian.PutUint32(last[:], binary.BigEndian.Uint32(b[:])|(1<<(32-p.Bits())-1))
	return netip.AddrFrom4(last)
}
