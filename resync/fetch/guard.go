package fetch

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
)

// A Guard says which addresses devices may contact, whatever their profiles, rules,
// redirects and name servers say. A nil Guard and the zero value admit addresses
// of loopback and of private networks. Its fields are set before the first use;
// it is safe for concurrent use and must not be copied after that.
//
// It is asked when there is an address, right before a socket is opened: a name
// that gets another address later is judged by that one.
type Guard struct {
	// Public are names and addresses that may be contacted though they are
	// public.
	Public []string
	// Hosts are the only names and addresses that may be contacted; nil: any.
	// It takes away and never admits a public one.
	Hosts []string
	// OnlyLoopback admits no address off this machine, Public or not.
	OnlyLoopback bool

	mu      sync.Mutex
	refused map[refusedKey]int
	more    int
}

// A Refusal is contacts that were not made.
type Refusal struct {
	Host   string // as the device had it
	Addr   netip.Addr
	Reason Reason
	Count  int
}

// A Reason is why a contact was refused.
type Reason uint8

const (
	Stranger Reason = iota // not among Guard.Hosts
	Public                 // a public address that nobody allowed
	Crowd                  // too many devices for an address off this machine
)

var reasonTexts = [...]string{
	"it is not among the target's hosts",
	"it is public",
	"more than 1,000 devices would contact it",
}

// String says the reason in words that follow "refused:".
func (r Reason) String() string { return reasonTexts[r] }

type refusedKey struct {
	host   string
	addr   netip.Addr
	reason Reason
}

// A RefusedError is a contact that a Guard did not admit.
type RefusedError struct {
	Host   string
	Addr   netip.Addr // not valid where a name was refused before it was looked up
	Reason Reason
}

func (e *RefusedError) Error() string {
	place := e.Host
	if e.Addr.IsValid() && e.Addr.String() != e.Host {
		place += " (" + e.Addr.String() + ")"
	}
	return fmt.Sprintf("contact with %s refused: %s", place, e.Reason)
}

// Admit returns nil if addr may be contacted, which the device calls host. Else
// the error is a *RefusedError, and is counted.
func (g *Guard) Admit(host string, addr netip.Addr) error {
	reason, ok := g.Judge(host, addr)
	if ok {
		return nil
	}
	return g.refuse(host, addr, reason)
}

// Judge says what Admit would, and counts nothing.
func (g *Guard) Judge(host string, addr netip.Addr) (reason Reason, ok bool) {
	addr = addr.Unmap()
	switch {
	case g != nil && g.Hosts != nil && !names(g.Hosts, host, addr):
		return Stranger, false
	case IsLoopback(addr):
		return 0, true
	case g != nil && g.OnlyLoopback:
		return Crowd, false
	case IsPrivate(addr), g != nil && names(g.Public, host, addr):
		return 0, true
	}
	return Public, false
}

// AdmitName returns nil if a name may be looked up.
func (g *Guard) AdmitName(name string) error {
	if g == nil || g.Hosts == nil || names(g.Hosts, name, netip.Addr{}) {
		return nil
	}
	return g.refuse(name, netip.Addr{}, Stranger)
}

// admitNameServer returns nil if a name server may be asked for a name. The
// scenario's hosts have no say in it, only whether it is public.
func (g *Guard) admitNameServer(name string, server netip.Addr) error {
	server = server.Unmap()
	if IsLoopback(server) || IsPrivate(server) || g != nil && names(g.Public, name, server) {
		return nil
	}
	return g.refuse(server.String(), server, Public)
}

// IsLoopback reports whether packets to addr stay on this machine. That is so
// for the unspecified address too, which systems take for their own.
func IsLoopback(addr netip.Addr) bool { return addr.IsLoopback() || addr.IsUnspecified() }

// IsPrivate reports whether an address is of a private network, or of the link.
func IsPrivate(addr netip.Addr) bool { return addr.IsPrivate() || addr.IsLinkLocalUnicast() }

// names reports whether a list has a host by its name or its address.
func names(list []string, host string, addr netip.Addr) bool {
	host = plainName(host)
	return slices.ContainsFunc(list, func(entry string) bool {
		if a, err := netip.ParseAddr(entry); err == nil {
			return a.Unmap() == addr
		}
		return host != "" && plainName(entry) == host
	})
}

func plainName(name string) string { return strings.TrimSuffix(strings.ToLower(name), ".") }

// mostRefusals bounds how many different contacts are told apart: a profile may
// name a host for each device.
const mostRefusals = 100

func (g *Guard) refuse(host string, addr netip.Addr, reason Reason) error {
	if g != nil {
		g.mu.Lock()
		defer g.mu.Unlock()
		if g.refused == nil {
			g.refused = map[refusedKey]int{}
		}
		key := refusedKey{host, addr.Unmap(), reason}
		if _, known := g.refused[key]; known || len(g.refused) < mostRefusals {
			g.refused[key]++
		} else {
			g.more++
		}
	}
	return &RefusedError{Host: host, Addr: addr.Unmap(), Reason: reason}
}

// Refusals returns the contacts that were refused, the most frequent first, and
// how many more there were to hosts beyond these.
func (g *Guard) Refusals() (list []Refusal, more int) {
	if g == nil {
		return nil, 0
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	for k, n := range g.refused {
		list = append(list, Refusal{k.host, k.addr, k.reason, n})
	}
	slices.SortFunc(list, func(a, b Refusal) int {
		return cmp.Or(b.Count-a.Count, cmp.Compare(a.Host, b.Host), a.Addr.Compare(b.Addr))
	})
	return list, g.more
}
