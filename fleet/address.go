package fleet

import (
	"context"
	"encoding/binary"
	"net"
	"net/netip"

	"spafleet/device"
	"spafleet/host"
)

// address returns a device's own address: base + 1 + index.
func (f *Fleet) address(dev device.Index) netip.Addr { return addressAt(f.base, dev) }

// AddressAt returns the address of a device in an IPv4 prefix.
func AddressAt(p netip.Prefix, dev device.Index) netip.Addr { return addressAt(p.Masked().Addr(), dev) }

func addressAt(base netip.Addr, dev device.Index) netip.Addr {
	b := base.As4()
	n := binary.BigEndian.Uint32(b[:]) + 1 + uint32(dev)
	return netip.AddrFrom4([4]byte{byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)})
}

// deviceAt returns the device of this process that has an address.
func (f *Fleet) deviceAt(addr netip.Addr) (device.Index, bool) {
	addr = addr.Unmap()
	if !addr.Is4() || !f.prefix.Contains(addr) {
		return 0, false
	}
	b, a := f.base.As4(), addr.As4()
	n := binary.BigEndian.Uint32(a[:]) - binary.BigEndian.Uint32(b[:])
	if n == 0 || int64(n) > int64(f.total) || !f.shard.Has(device.Index(n-1)) {
		return 0, false
	}
	return device.Index(n - 1), true
}

// source returns the address that a device binds to reach a server: its own,
// unless the machine cannot bind it or one of the two is on loopback and the
// other is not.
func (f *Fleet) source(own, server netip.Addr) netip.Addr {
	if f.oneAddress || own.IsLoopback() != server.IsLoopback() {
		return netip.Addr{}
	}
	return own
}

// CanBind reports whether this machine lets devices have addresses of a prefix of
// their own; the zero Prefix is [DefaultAddresses].
func CanBind(p netip.Prefix) bool {
	if !p.IsValid() {
		p = DefaultAddresses
	}
	return host.CanBind(p.Masked().Addr().Next())
}

// wildcard listens on all addresses, and where the fleet lives on loopback, on
// the loopback interface only where the system can do that. Elsewhere connections
// to other addresses than the devices' are closed unread.
func (f *Fleet) wildcard() net.ListenConfig {
	if !f.base.IsLoopback() {
		return net.ListenConfig{}
	}
	return host.LoopbackOnly()
}

// listen opens the fleet's web socket.
func (f *Fleet) listen(port uint16) (net.Listener, error) {
	lc := f.wildcard()
	return lc.Listen(context.Background(), "tcp4", netip.AddrPortFrom(netip.IPv4Unspecified(), port).String())
}
