package fleet

import (
	"context"
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"sort"
	"strings"

	"spafleet/device"
	"spafleet/device/inventory"
	"spafleet/host"
)

// Addresses are where the devices of a fleet live: each at an address of its own, or
// several behind one, as behind NAT, where their groups say so or their prefix has no room.
type Addresses struct {
	list   *inventory.List // whose addresses go first; may be nil
	prefix netip.Prefix    // of the whole fleet, without bits behind it
	pools  []pool          // of the groups; nil: all live in prefix
	homes  []home          // as the groups, where there are pools
	one    bool            // the system chooses the source address
	leases *leaseTable     // what a DHCP server says; nil: none is asked
	dhcp   DHCP
}

// A home says where the devices of a group live.
type home struct {
	first, count int // among the devices of the fleet, group by group
	pool         int
	before       int // how many devices of the pool are in groups before it
}

// NewAddresses returns where the devices of a fleet live: at the addresses of the
// list, which may be nil; else in the prefixes of their groups, one device after the
// other; else in the prefix of the fleet, at its base + 1 + the device's index. The
// zero Prefix is [DefaultAddresses].
func NewAddresses(prefix netip.Prefix, list *inventory.List, groups []Group) *Addresses {
	if !prefix.IsValid() {
		prefix = DefaultAddresses()
	}
	a := &Addresses{list: list, prefix: prefix.Masked()}
	if list.HasAddresses() || !slices.ContainsFunc(groups, func(g Group) bool { return g.Addresses.IsValid() }) {
		return a
	}
	first := 0
	for i := range groups {
		own := groups[i].Addresses.Masked()
		if !own.IsValid() {
			own = a.prefix
		}
		at := slices.IndexFunc(a.pools, func(p pool) bool { return p.prefix == own })
		if at < 0 {
			at, a.pools = len(a.pools), append(a.pools, pool{prefix: own})
		}
		a.homes = append(a.homes, home{first, groups[i].Count, at, a.pools[at].devices})
		a.pools[at].devices += groups[i].Count
		if nat := groups[i].NAT; nat.Devices() > 0 {
			a.pools[at].shareBy(nat)
		}
		first += groups[i].Count
	}
	return a
}

// room returns how many addresses of a prefix devices can have; of IPv6 they have none.
func room(p netip.Prefix) int {
	if !p.Addr().Is4() {
		return 1
	}
	n := 1 << (32 - p.Bits())
	if n > 2 {
		n -= 2 // the first and the last
	}
	return n
}

// nth returns the n-th address of a prefix that a device can have, from 0.
func nth(p netip.Prefix, n int) netip.Addr {
	if !p.Addr().Is4() {
		return p.Masked().Addr().Next()
	}
	b := p.Masked().Addr().As4()
	v := binary.BigEndian.Uint32(b[:]) + uint32(n)
	if p.Bits() < 31 {
		v++
	}
	binary.BigEndian.PutUint32(b[:], v)
	return netip.AddrFrom4(b)
}

// placeOf is the inverse of nth; it is negative for the address of the prefix itself.
func placeOf(p netip.Prefix, addr netip.Addr) int {
	first, own := nth(p, 0).As4(), addr.As4()
	return int(binary.BigEndian.Uint32(own[:])) - int(binary.BigEndian.Uint32(first[:]))
}

// Of returns the address of a device.
func (a *Addresses) Of(dev device.Index) netip.Addr {
	if addr, ok := a.leases.address(dev); ok {
		return addr
	}
	switch {
	case a.list.HasAddresses():
		return a.list.Address(dev)
	case a.pools == nil:
		return nth(a.prefix, int(dev))
	}
	h, place := a.home(dev)
	p := &a.pools[h.pool]
	return nth(p.prefix, p.place(h.before+place))
}

// home returns where the group of a device lives, and how many of its devices come
// before it.
func (a *Addresses) home(dev device.Index) (h *home, place int) {
	if a.list != nil {
		return &a.homes[a.list.Group(dev)], a.list.Place(dev)
	}
	after := sort.Search(len(a.homes), func(i int) bool { return a.homes[i].first > int(dev) })
	h = &a.homes[after-1]
	return h, int(dev) - h.first
}

// Device returns the device that an address belongs to, if there are so many. Of
// several that share it none is told apart.
func (a *Addresses) Device(addr netip.Addr) (device.Index, bool) {
	addr = addr.Unmap()
	if a.leases != nil && addr.Is4() {
		return a.leases.device(addr)
	}
	switch {
	case a.list.HasAddresses():
		return a.list.Device(addr)
	case !addr.Is4() || !a.prefix.Addr().Is4():
		return 0, false
	case a.pools == nil:
		place := placeOf(a.prefix, addr)
		return device.Index(place), place >= 0 && a.prefix.Contains(addr)
	}
	at := slices.IndexFunc(a.pools, func(p pool) bool { return p.prefix.Contains(addr) })
	if at < 0 {
		return 0, false
	}
	place, ok := a.pools[at].alone(placeOf(a.pools[at].prefix, addr))
	if !ok {
		return 0, false
	}
	for _, h := range a.homes {
		if h.pool == at && h.before <= place && place < h.before+h.count {
			return a.list.At(h.first + place - h.before), true
		}
	}
	return 0, false
}

// Room returns how many addresses the prefix of the whole fleet has.
func (a *Addresses) Room() int { return room(a.prefix) }

// A Shared is addresses behind each of which several devices live.
type Shared struct {
	Prefix    netip.Prefix
	Devices   int
	Addresses int
}

// Shared returns the prefixes that have fewer addresses than devices.
func (a *Addresses) Shared() (list []Shared) {
	for _, p := range a.pools {
		if n := p.used(); n < p.devices {
			list = append(list, Shared{p.prefix, p.devices, n})
		}
	}
	return list
}

// Range returns the lowest and the highest address that a device of a fleet of so
// many has.
func (a *Addresses) Range(devices int) (lowest, highest netip.Addr) {
	if a.list.HasAddresses() {
		return a.list.AddressRange()
	}
	pools := a.pools
	if pools == nil {
		pools = []pool{{prefix: a.prefix, devices: devices}}
	}
	for _, p := range pools {
		first, last := nth(p.prefix, 0), nth(p.prefix, max(p.used(), 1)-1)
		if !lowest.IsValid() || first.Less(lowest) {
			lowest = first
		}
		if !highest.IsValid() || highest.Less(last) {
			highest = last
		}
	}
	return lowest, highest
}

// Prefix returns the prefix that all devices live in, false where a list or the groups
// say otherwise.
func (a *Addresses) Prefix() (netip.Prefix, bool) {
	return a.prefix, a.pools == nil && !a.list.HasAddresses()
}

// String returns the prefixes of the groups, or that of the fleet.
func (a *Addresses) String() string {
	if a.pools == nil {
		return a.prefix.String()
	}
	var b strings.Builder
	for i, h := range a.homes {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(a.pools[h.pool].prefix.String())
		if nat := a.pools[h.pool].nat; nat != nil {
			fmt.Fprintf(&b, " nat %s", nat)
		}
	}
	return b.String()
}

// source returns the address that a device binds to reach a server: its own,
// unless the machine cannot bind it or one of the two is on loopback and the
// other is not.
func (a *Addresses) source(own, server netip.Addr) netip.Addr {
	if a.one || own.IsLoopback() != server.IsLoopback() {
		return netip.Addr{}
	}
	return own
}

// CanBind reports whether this machine lets the devices have their own addresses.
func (a *Addresses) CanBind() bool {
	switch {
	case a.list.HasAddresses():
		return canBindAll(a.list)
	case a.pools == nil:
		return host.CanBind(nth(a.prefix, 0))
	}
	return !slices.ContainsFunc(a.pools, func(p pool) bool { return !host.CanBind(nth(p.prefix, 0)) })
}

// canBindAll tries the addresses of a list, of those of loopback one: if that can be
// bound, all can.
func canBindAll(list *inventory.List) bool {
	loopback := false
	for dev := range device.Index(list.Len()) {
		addr := list.Address(dev)
		if addr.IsLoopback() && loopback {
			continue
		}
		loopback = loopback || addr.IsLoopback()
		if !host.CanBind(addr) {
			return false
		}
	}
	return true
}

// loopback reports whether all devices are at loopback addresses, 127.0.0.0/8.
func (a *Addresses) loopback() bool {
	lowest, highest := a.Range(0)
	return a.dhcp.Interface == "" && lowest.IsLoopback() && highest.IsLoopback()
}

// wildcard listens on all addresses, and where the fleet lives on loopback, on
// the loopback interface only where the system can do that. Elsewhere connections
// to other addresses than the devices' are closed unread.
func (a *Addresses) wildcard() net.ListenConfig {
	if !a.loopback() {
		return net.ListenConfig{}
	}
	return host.LoopbackOnly()
}

// listen opens the fleet's web socket.
func (a *Addresses) listen(port uint16) (net.Listener, error) {
	lc := a.wildcard()
	return lc.Listen(context.Background(), "tcp4", netip.AddrPortFrom(netip.IPv4Unspecified(), port).String())
}
