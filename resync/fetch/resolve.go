package fetch

import (
	"context"
	"fmt"
	"net/netip"

	"spafleet/device"
	"spafleet/device/phase"
	"spafleet/resync"
)

// Resolve returns the IPv4 addresses of a name: those of Hosts, of the name
// servers' own list, or else the A records (provisioning asks for no others:
// documented), in the order of the answer. A device that keeps names, see [Asker],
// is answered from what it kept.
//
// Without any address the error is a *[resync.Error] with result NoDNS; when ctx
// ends it is the context's; otherwise see [LocalLimit].
func (s *Sockets) Resolve(ctx context.Context, name string) ([]netip.Addr, error) {
	begun := s.now()
	if err := s.Guard.AdmitName(name); err != nil {
		return nil, &resync.Error{Result: device.NoDNS, Phase: phase.Lookup, Cause: err}
	}
	addrs, err := s.lookup(ctx, name)
	end := s.now()
	if err != nil && ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if _, ok := LocalLimit(err); ok {
		return nil, fmt.Errorf("resolve %s: %w", name, err)
	}
	addrs = onlyIPv4(addrs)
	if err == nil && len(addrs) == 0 {
		err = fmt.Errorf("resolve %s: no IPv4 address", name)
	}
	if err != nil {
		return nil, &resync.Error{Result: device.NoDNS, Phase: phase.Lookup, Took: device.Phases{DNS: int64(end.Sub(begun))}, Cause: err}
	}
	return addrs, nil
}

// onlyIPv4 returns the IPv4 addresses in a slice of their own.
func onlyIPv4(addrs []netip.Addr) []netip.Addr {
	var four []netip.Addr
	for _, a := range addrs {
		if a = a.Unmap(); a.Is4() {
			four = append(four, a)
		}
	}
	return four
}
