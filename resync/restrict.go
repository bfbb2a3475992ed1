package resync

import (
	"net/netip"
	"slices"
	"strings"

	"spafleet/device"
)

// mostDomains is how many domains count (documented).
const mostDomains = 5

// mayAsk reports whether Restricted_Access_Domains lets the device ask a host:
// one of the domains, or a host in it. Empty restricts nothing. That a domain
// stands for its hosts too is inferred, and a switch.
func (a *attempt) mayAsk(host string) bool {
	text, _ := a.p.Lookup("Restricted_Access_Domains")
	if text == "" {
		return true
	}
	domains := strings.FieldsFunc(strings.ToLower(text), func(r rune) bool { return r == ',' || r <= ' ' })
	domains = domains[:min(len(domains), mostDomains)]
	host = plainName(host)
	_, notAddress := netip.ParseAddr(host)
	hostsToo := notAddress != nil && !a.in.Unit.Row.Behaviour.ExactDomains
	return len(domains) == 0 || slices.ContainsFunc(domains, func(domain string) bool {
		domain = strings.TrimPrefix(plainName(domain), ".")
		return host == domain || hostsToo && strings.HasSuffix(host, "."+domain)
	})
}

func plainName(name string) string { return strings.TrimSuffix(strings.ToLower(name), ".") }

// refuseHost is a server that the device must not ask: nothing is sent.
func (a *attempt) refuseHost(t *target) *failure {
	a.file = &device.File{Rule: t.letter, What: a.what, Scheme: t.scheme, Host: t.host, Path: t.path}
	a.file.Result = device.Restricted
	a.tell(device.Event{Kind: device.FetchFailed, File: a.file, Err: errRestricted, Result: device.Restricted})
	return &failure{errRestricted, device.Restricted}
}
