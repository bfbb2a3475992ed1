package fetch

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"

	"spafleet/host"
)

// A Guard says which addresses devices may contact, whatever their profiles, rules,
// redirects and name servers say. A nil Guard and the zero value admit addresses
// of loopback and of private networks. No Guard admits a broadcast or multicast
// address. Its fields are set before the first use; it is safe for concurrent use
// and must not be copied after that.
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
	// LinkLocal are the only addresses of the link (169.254/16, fe80::/10) that may
	// be contacted: clouds keep a machine's credentials at one.
	LinkLocal []netip.Addr
	// OnlyLoopback admits no address off this machine, Public or not. A name server
	// off this machine is not asked.
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
	Stranger  Reason = iota // not among Guard.Hosts
	Public                  // a public address that nobody allowed
	Crowd                   // too many devices for an address off this machine
	LinkLocal               // a link-local address that is not among Guard.LinkLocal
	Broadcast               // a broadcast or multicast address
)

var reasonTexts = [...]string{
	"it is not among the target's hosts",
	"it is public",
	"more than 1,000 devices would contact it",
	"it is link-local",
	"it is a broadcast or multicast address",
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
	case reachesMany(addr):
		return Broadcast, false
	case g != nil && g.Hosts != nil && !names(g.Hosts, host, addr):
		return Stranger, false
	case IsLoopback(addr):
		return 0, true
	case addr.IsLinkLocalUnicast() && !g.hasLink(addr):
		return LinkLocal, false
	case g != nil && g.OnlyLoopback:
		return Crowd, false
	case IsPrivate(addr), g != nil && names(g.Public, host, addr):
		return 0, true
	}
	return Public, false
}

// Answers reports whether a datagram of addr may be answered. Hosts has no say: others may
// ask something too. But no answer goes to a public address that nobody allowed, because
// the sender of a datagram can put any address there.
func (g *Guard) Answers(addr netip.Addr) bool {
	reason, ok := g.Judge("", addr)
	return ok || reason == Stranger && (IsLoopback(addr) || IsPrivate(addr))
}

// AdmitName returns nil if a name may be looked up.
func (g *Guard) AdmitName(name string) error {
	if g == nil || g.Hosts == nil || names(g.Hosts, name, netip.Addr{}) {
		return nil
	}
	return g.refuse(name, netip.Addr{}, Stranger)
}

// JudgeNameServer returns whether devices may ask a name server for a name, and if
// not, why. The scenario's hosts have no say in it. A link-local one may be asked:
// only the machine's configuration and the user name name servers.
func (g *Guard) JudgeNameServer(name string, server netip.Addr) (reason Reason, ok bool) {
	server = server.Unmap()
	switch {
	case reachesMany(server):
		return Broadcast, false
	case IsLoopback(server):
		return 0, true
	case g != nil && g.OnlyLoopback:
		return Crowd, false
	case IsPrivate(server), g != nil && names(g.Public, name, server):
		return 0, true
	}
	return Public, false
}

func (g *Guard) admitNameServer(name string, server netip.Addr) error {
	reason, ok := g.JudgeNameServer(name, server)
	if ok {
		return nil
	}
	return g.refuse(server.Unmap().String(), server, reason)
}

func (g *Guard) hasLink(addr netip.Addr) bool {
	return g != nil && slices.Contains(g.LinkLocal, addr.WithZone(""))
}

// reachesMany reports whether packets to addr reach more than one host.
func reachesMany(addr netip.Addr) bool {
	return addr.IsMulticast() || addr == everybody || slices.Contains(broadcasts(), addr)
}

// broadcasts returns the broadcast addresses of this machine's networks, as they
// are at the first call.
var broadcasts = sync.OnceValue(host.Broadcasts)

// everybody is the broadcast address of every network.
var everybody = netip.AddrFrom4([4]byte{255, 255, 255, 255})

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
