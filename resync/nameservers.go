package resync

import (
	"net/netip"

	"spafleet/device"
	"spafleet/device/model"
)

// mostNameServers is how many name servers a device asks at most: its own two, and as many of a
// lease (inferred). It bounds the sockets of one question.
const mostNameServers = 4

// NameServers returns the name servers that a device asks, in its order, and whether it
// asks all of them at once (DNS_Query_Mode: documented). An address that is not valid
// stands for what the network's resolver is: a lease that names none.
func (l *Lease) NameServers(r *model.Row, p device.Params) (servers []netip.Addr, parallel bool) {
	leased := l.DNS[:min(len(l.DNS), mostNameServers-2)]
	if len(leased) == 0 {
		leased = []netip.Addr{{}}
	}
	var own []netip.Addr
	for _, name := range [...]string{"Primary_DNS", "Secondary_DNS"} {
		text, _ := p.Lookup(name)
		if addr, err := netip.ParseAddr(text); err == nil && addr.Is4() && !addr.IsUnspecified() {
			own = append(own, addr)
		}
	}
	order, _ := p.Lookup("DNS_Server_Order")
	switch {
	case order == "DHCP,Manual":
		servers = append(servers, leased...)
		servers = append(servers, own...)
	case order == "Manual" && len(own) > 0 && !r.Behaviour.DNS.ManualFirst:
		servers = own
	default:
		servers = append(own, leased...)
	}
	mode, has := p.Lookup("DNS_Query_Mode")
	return servers, mode == "Parallel" || !has && r.Behaviour.DNS.Parallel
}
