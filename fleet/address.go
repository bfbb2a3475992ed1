package fleet

import (
	"context"
	"encoding/binary"
	"net"
	"net/netip"

	"spafleet/device"
	"spafleet/host"
)

// addresses are where the devices live.
type addresses struct {
	prefix netip.Prefix
	base   netip.Addr
	one    bool // the system chooses the source address
}

// of returns a device's own address: base + 1 + index.
func (a *addresses) of(dev device.Index) netip.Addr { return addressAt(a.base, dev) }

// AddressAt returns the address of a device in an IPv4 prefix.
func AddressAt(p netip.Prefix, dev device.Index) netip.Addr { return addressAt(p.Masked().Addr(), dev) }

func addressAt(base netip.Addr, dev device.Index) netip.Addr {
	b := base.As4()
	n := binary.BigEndian.Uint32(b[:]) + 1 + uint32(dev)
	return netip.AddrFrom4([4]byte{byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)})
}

// device returns the device that an address belongs to, if there are so many.
func (a *addresses) device(addr netip.Addr) (device.Index, bool) {
	addr = addr.Unmap()
	if !addr.Is4() || !a.prefix.Contains(addr) {
		return 0, false
	}
	first, own := a.base.As4(), addr.As4()
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

// CanBind reports whether this machine lets devices have addresses of a prefix of
// their own; the zero Prefix is [DefaultAddresses].
func CanBind(p netip.Prefix) bool {
	if !p.IsValid() {
		p = DefaultAddresses()
	}
	return host.CanBind(p.Masked().Addr().Next())
}

// wildcard listens on all addresses, and where the fleet lives on loopback, on
// the loopback interface only where the system can do that. Elsewhere connections
// to other addresses than the devices' are closed unread.
func (a *addresses) wildcard() net.ListenConfig {
	if !a.base.IsLoopback() {
		return net.ListenConfig{}
	}
	return host.LoopbackOnly()
}

// listen opens the fleet's web socket.
func (a *addresses) listen(port uint16) (net.Listener, error) {
	lc := a.wildcard()
	return lc.Listen(context.Background(), "tcp4", netip.AddrPortFrom(netip.IPv4Unspecified(), port).String())
}
