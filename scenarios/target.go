package scenarios

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"strings"

	"spafleet/certs"
	"spafleet/device"
	"spafleet/resync"
	"spafleet/resync/fetch"
)

// A Host is one that a fleet may contact: an address, a name, or a name whose
// addresses the story gives.
type Host struct {
	Name      string
	Addresses []netip.Addr
}

// parseHost reads NAME, ADDRESS or NAME=ADDRESS,….
func parseHost(text string) (Host, error) {
	name, list, given := strings.Cut(strings.TrimSpace(text), "=")
	if addr, err := netip.ParseAddr(name); err == nil && !given {
		return Host{Addresses: []netip.Addr{addr}}, nil
	}
	h := Host{Name: strings.ToLower(name)}
	if name == "" || strings.ContainsAny(name, " /:") {
		return h, fmt.Errorf("%q is not a host: NAME, ADDRESS or NAME=ADDRESS,…", text)
	}
	if !given {
		return h, nil
	}
	for a := range strings.SplitSeq(list, ",") {
		addr, err := netip.ParseAddr(strings.TrimSpace(a))
		if err != nil {
			return h, fmt.Errorf("%q is not an address", a)
		}
		h.Addresses = append(h.Addresses, addr)
	}
	return h, nil
}

// hostAddresses returns the names that are answered without DNS.
func hostAddresses(hosts []Host) map[string][]netip.Addr {
	m := map[string][]netip.Addr{}
	for _, h := range hosts {
		if h.Name != "" && len(h.Addresses) > 0 {
			m[h.Name] = h.Addresses
		}
	}
	return m
}

// allowed returns every name and address of the hosts, as text.
func allowed(hosts []Host) map[string]bool {
	m := map[string]bool{}
	for _, h := range hosts {
		if h.Name != "" {
			m[h.Name] = true
		}
		for _, a := range h.Addresses {
			m[a.String()] = true
		}
	}
	return m
}

// open reads the authorities that a target names.
func (t *Target) open(d *certs.Devices) (err error) {
	if t.Certs != "" && d.PKI == nil {
		if d.PKI, err = certs.Open(t.Certs); err != nil {
			return fmt.Errorf("certs: %w", err)
		}
	}
	if t.Trust == "" {
		return nil
	}
	text, err := os.ReadFile(t.Trust)
	if err != nil {
		return fmt.Errorf("trust: %w", err)
	}
	list, err := certs.ReadAuthorities(text)
	if err != nil {
		return fmt.Errorf("trust: %s: %w", t.Trust, err)
	}
	d.Extra = append(slices.Clone(d.Extra), list...)
	return nil
}

// A fence keeps a fleet to the hosts that a story names, whatever its profiles
// say.
type fence struct {
	*fetch.Sockets
	allowed map[string]bool
}

// Resolve looks up only names that the story has.
func (f *fence) Resolve(ctx context.Context, name string) ([]netip.Addr, error) {
	if !f.allowed[strings.ToLower(name)] {
		return nil, &resync.Error{Result: device.NoDNS, Cause: fmt.Errorf("%s is not among the target's hosts", name)}
	}
	return f.Sockets.Resolve(ctx, name)
}

// Fetch contacts only hosts that the story has, by name or address.
func (f *fence) Fetch(ctx context.Context, r *resync.Request) (resync.Response, error) {
	if !f.allowed[strings.ToLower(r.Host)] && !f.allowed[r.Server.Addr().String()] {
		return resync.Response{}, &resync.Error{Result: device.NoConnect, Cause: fmt.Errorf("%s is not among the target's hosts", r.Host)}
	}
	return f.Sockets.Fetch(ctx, r)
}
