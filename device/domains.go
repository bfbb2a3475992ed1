package device

import (
	"net/netip"
	"slices"
	"strings"
)

// mostDomains is how many domains count (documented).
const mostDomains = 5

// MayAsk reports whether Restricted_Access_Domains lets a device ask a host: it is one of the
// domains, or a host in one, unless only hosts count. Empty restricts nothing. That a
// domain stands for its hosts too is inferred, and a switch.
func (p Params) MayAsk(host string, exact bool) bool {
	text, _ := p.Lookup("Restricted_Access_Domains")
	if text == "" {
		return true
	}
	domains := strings.FieldsFunc(strings.ToLower(text), func(r rune) bool { return r == ',' || r <= ' ' })
	domains = domains[:min(len(domains), mostDomains)]
	host = plainName(host)
	_, notAddress := netip.ParseAddr(host)
	hostsToo := notAddress != nil && !exact
	return len(domains) == 0 || slices.ContainsFunc(domains, func(domain string) bool {
		domain = strings.TrimPrefix(plainName(domain), ".")
		return host == domain || hostsToo && strings.HasSuffix(host, "."+domain)
	})
}

func plainName(name string) string { return strings.TrimSuffix(strings.ToLower(name), ".") }
