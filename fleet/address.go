package fleet

import (
	"context"
	"encoding/binary"
	"net"
	"net/netip"

	"spafleet/device"
	"spafleet/device/inventory"
	"spafleet/host"
)

// addresses are where the devices live.
type addresses struct {
	prefix netip.Prefix    // without bits behind it
	list   *inventory.List // whose addresses go first; may be nil
	one    bool            // the system chooses the source address
}

// of returns a device's own address.
func (a *addresses) of(dev device.Index) netip.Addr { return AddressAt(a.prefix, a.list, dev) }

// AddressAt returns the address of a device: that of a list, or in an IPv4 prefix its
// base + 1 + the device's index. The list may be nil.
func AddressAt(p netip.Prefix, list *inventory.List, dev device.Index) netip.Addr {
	if list.HasAddresses() {
		return list.Address(dev)
	}
	b := p.Masked().Addr().As4()
	n := binary.BigEndian.Uint32(b[:]) + 1 + uint32(dev)
	return netip.AddrFrom4([4]byte{byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)})
}

// device returns the device that an address belongs to, if there are so many.
func (a *addresses) device(addr netip.Addr) (device.Index, bool) {
	addr = addr.Unmap()
	if a.list.HasAddresses() {
		return a.list.Device(addr)
	}
	if !addr.Is4() || !a.prefix.Contains(addr) {
		return 0, false
	}
	first, own := a.prefix.Addr().As4(), addr.As4()
	n := binary.BigEndian.Uint32(own[:]) - binary.BigEndian.Uint32(first[:])
	return device.Index(n - 1), n != 0
}

// source returns the address that a device binds to reach a server: its own,
// unless the machine cannot bind it or one of the two is on loopback and the
// other is not.
func (a *addresses) source(own, server netip.Addr) netip.Addr {
	if a.one || own.IsLoopback() != server.IsLoopback() {
		return netip.Addr{}
	}
	return own
}

// CanBind reports whether this machine lets devices have addresses of their own: those
// of a list, which may be nil, or of a prefix; the zero Prefix is [DefaultAddresses].
func CanBind(p netip.Prefix, list *inventory.List) bool {
	if list.HasAddresses() {
		return canBindAll(list)
	}
	if !p.IsValid() {
		p = DefaultAddresses()
	}
	return host.CanBind(p.Masked().Addr().Next())
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
func (a *addresses) loopback() bool {
	if !a.list.HasAddresses() {
		return a.prefix.Addr().IsLoopback()
	}
	lowest, highest := a.list.AddressRange()
	return lowest.IsLoopback() && highest.IsLoopback()
}

// wildcard listens on all addresses, and where the fleet lives on loopback, on
// the loopback interface only where the system can do that. Elsewhere connections
// to other addresses than the devices' are closed unread.
func (a *addresses) wildcard() net.ListenConfig {
	if !a.loopback() {
		return net.ListenConfig{}
	}
	return host.LoopbackOnly()
}

// listen opens the fleet's web socket.
func (a *addresses) listen(port uint16) (net.Listener, error) {
	lc := a.wildcard()
	return lc.Listen(context.Background(), "tcp4", netip.AddrPortFrom(netip.IPv4Unspecified(), port).String())
}
