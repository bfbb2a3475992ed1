package fetch

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strings"

	"spafleet/device"
	"spafleet/resync"
)

// Resolve returns the IPv4 addresses of a name: those of Hosts, or else the A
// records (provisioning asks for no others: documented). They are in the order
// of the answer, except that the system's resolver puts addresses that it has no
// route to last, and loopback addresses apart from others.
//
// Without any address the error is a *[resync.Error] with result NoDNS; when ctx
// ends it is the context's, though package net may keep a socket of the lookup
// for some seconds more; otherwise see [LocalLimit].
func (s *Sockets) Resolve(ctx context.Context, name string) ([]netip.Addr, error) {
	begun := s.now()
	if err := s.Guard.AdmitName(name); err != nil {
		return nil, &resync.Error{Result: device.NoDNS, Cause: err}
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
		return nil, &resync.Error{Result: device.NoDNS, Took: device.Phases{DNS: int64(end.Sub(begun))}, Cause: err}
	}
	return addrs, nil
}

// find asks for a name, undisturbed.
func (s *Sockets) find(ctx context.Context, name string) ([]netip.Addr, error) {
	if addrs, ok := s.Hosts[strings.TrimSuffix(strings.ToLower(name), ".")]; ok {
		return addrs, nil
	}
	resolver := s.Resolver
	if resolver == nil {
		s.guardedOnce.Do(func() { s.guarded = &net.Resolver{PreferGo: true, Dial: s.dialNameServer} })
		resolver = s.guarded
	}
	return resolver.LookupNetIP(undated{context.WithValue(ctx, askedName{}, name)}, "ip4", name)
}

// askedName is the key of the context value that tells dialNameServer which name
// it is about.
type askedName struct{}

// dialNameServer connects to a name server of the system. A public one gets no
// question of a fleet but for a name that is allowed: a profile with a name for
// each device would flood it.
func (s *Sockets) dialNameServer(ctx context.Context, network, address string) (net.Conn, error) {
	server, err := netip.ParseAddrPort(address)
	if err != nil {
		return nil, fmt.Errorf("name server %s: %w", address, err)
	}
	name, _ := ctx.Value(askedName{}).(string)
	if err := s.Guard.admitNameServer(name, server.Addr()); err != nil {
		return nil, err
	}
	dial := s.DialNameServer
	if dial == nil {
		dial = (&net.Dialer{}).DialContext
	}
	return dial(ctx, network, address)
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
