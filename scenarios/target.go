package scenarios

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"spafleet/certs"
	"spafleet/certs/trust"
)

// A Host is one that a fleet may contact: an address, a name, or a name whose
// addresses the scenario gives.
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

// Known returns the names that are answered without DNS.
func (t *Target) Known() map[string][]netip.Addr {
	m := map[string][]netip.Addr{}
	for _, h := range t.Hosts {
		if h.Name != "" && len(h.Addresses) > 0 {
			m[h.Name] = h.Addresses
		}
	}
	return m
}

// Texts returns every name and address of the hosts, as text.
func (t *Target) Texts() []string {
	list := []string{}
	for _, h := range t.Hosts {
		if h.Name != "" {
			list = append(list, h.Name)
		}
		for _, a := range h.Addresses {
			list = append(list, a.String())
		}
	}
	return list
}

// Open reads the authorities that a target names.
func (t *Target) Open(d *trust.Devices) (err error) {
	if t.Certs != "" && d.PKI == nil {
		if d.PKI, err = certs.Open(t.Certs); err != nil {
			return fmt.Errorf("certs: %w", err)
		}
	}
	if t.Trust == "" {
		return nil
	}
	list, err := trust.OpenAuthorities(t.Trust)
	if err != nil {
		return fmt.Errorf("trust: %w", err)
	}
	d.Extra = append(slices.Clone(d.Extra), list...)
	return nil
}
