package fetch

import (
	"bufio"
	"context"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"
	"github.com/miekg/dns"

	"spafleet/device"
	"spafleet/device/model"
	"spafleet/host"
	"spafleet/resync"
)

// NameServers are the servers that devices ask for names which have none of their own,
// by a lease or by parameters: these are what a lease would tell them.
type NameServers struct {
	Servers []netip.AddrPort // in the order in which they are asked; none: no name is found
	Search  []string         // endings for names with fewer dots than Dots
	Dots    int
	Wait    time.Duration // for an answer of one server, where no device asks
	Tries   int           // of all servers, likewise
	// Hosts are the names of the system's own list, in lower case and without a dot
	// at the end.
	Hosts map[string][]netip.Addr
}

// Where the system keeps what it knows of names.
const (
	resolvConf = "/etc/resolv.conf"
	hostsFile  = "/etc/hosts"
	mostHosts  = 64 << 20 // bytes; lists of blocked names are long
)

// SystemNames returns the name servers of this machine and its list of hosts. As
// elsewhere, a machine that names no server is one itself.
func SystemNames() *NameServers {
	c, err := dns.ClientConfigFromFile(resolvConf)
	if err != nil {
		c = &dns.ClientConfig{Port: "53", Ndots: 1, Timeout: 5, Attempts: 2}
	}
	n := &NameServers{Search: c.Search, Dots: c.Ndots, Wait: time.Duration(c.Timeout) * time.Second, Tries: c.Attempts}
	for _, s := range c.Servers {
		if addr, err := netip.ParseAddr(s); err == nil {
			n.Servers = append(n.Servers, netip.AddrPortFrom(addr, namePort))
		}
	}
	if n.Servers == nil {
		n.Servers = []netip.AddrPort{netip.MustParseAddrPort("127.0.0.1:53")}
	}
	text, _ := host.ReadFile(hostsFile, mostHosts) // without the file there are no such names
	n.Hosts = hosts(string(text))
	return n
}

// hosts reads a list of an address and its names in each line.
func hosts(text string) map[string][]netip.Addr {
	known := map[string][]netip.Addr{}
	for s := bufio.NewScanner(strings.NewReader(text)); s.Scan(); {
		line, _, _ := strings.Cut(s.Text(), "#")
		words := strings.Fields(line)
		if len(words) == 0 {
			continue
		}
		addr, err := netip.ParseAddr(words[0])
		if err != nil {
			continue
		}
		for _, name := range words[1:] {
			name = plainName(name)
			known[name] = append(known[name], addr)
		}
	}
	return known
}

// An Asker is the device that a name is asked for.
type Asker struct {
	Device device.Index
	Now    int64 // fleet time
	Booted int64 // fleet time of its last boot, which forgets all names
	Keeps  bool  // it keeps an address for as long as the name server says
	// Servers are those that the device asks, in its order; an address that is not valid
	// stands for those of the network. None: those of the network.
	Servers  []netip.Addr
	Parallel bool // it asks all of them at once, and the first answer counts
	// How long and how often the device asks; nil: as NameServers say.
	Behaviour *model.Behaviour
	// Source returns the address from which the device asks a name server; not
	// valid, or nil: one of the system's choice.
	Source func(server netip.Addr) netip.Addr
	// Unit is the device, where Sockets.Capture may keep what it asks; nil: it does not.
	Unit *device.Unit
	// Faultless: the faults of the device do not happen to the question, which is
	// none for its provisioning.
	Faultless bool
}

// AskerAs returns the asker that the device of an attempt is, at a moment of fleet
// time. Source may be nil.
func AskerAs(in *resync.Input, now int64, source func(netip.Addr) netip.Addr) Asker {
	b := &in.Unit.Row.Behaviour
	a := Asker{Device: in.Unit.Index, Unit: &in.Unit, Now: now, Booted: in.Booted, Behaviour: b, Source: source}
	a.Keeps = b.KeepsNames && !in.Params.Bool("DNS_Query_TTL_Ignore", false) // a parameter of some models
	a.Servers, a.Parallel = in.Lease.NameServers(in.Unit.Row, in.Params)
	return a
}

// servers returns which servers the device asks, of which network's are.
func (a *Asker) servers(network []netip.AddrPort) (list []netip.AddrPort) {
	if a.Servers == nil {
		return network
	}
	for _, server := range a.Servers {
		if server.IsValid() {
			list = append(list, netip.AddrPortFrom(server, namePort))
		} else {
			list = append(list, network...)
		}
	}
	return list
}

// namePort is where name servers listen.
const namePort = 53

// source returns the address from which a name server is asked.
func (a Asker) source(server netip.Addr) netip.Addr {
	if a.Source == nil {
		return netip.Addr{}
	}
	return a.Source(server)
}

type askerKey struct{}

// For returns a context in which names are resolved for a device: its faults
// happen to the questions, and what it has kept it does not ask again.
func For(ctx context.Context, a Asker) context.Context { return context.WithValue(ctx, askerKey{}, a) }

// AskerOf returns the device for which a context resolves names; false: none.
func AskerOf(ctx context.Context) (a Asker, ok bool) {
	a, ok = ctx.Value(askerKey{}).(Asker)
	return a, ok
}

// A dnsCache is what devices keep of names, in fleet time. Its zero value is ready.
type dnsCache struct {
	mu   sync.Mutex
	kept *simplelru.LRU[dnsKey, keptAddrs] // nil until the first is kept
}

type dnsKey struct {
	dev  device.Index
	name string
}

type keptAddrs struct {
	addrs        []netip.Addr
	since, until int64
}

// mostKept bounds a dnsCache to some tens of megabytes. Of more, the names that were
// wanted longest ago are forgotten, and their devices ask again.
const mostKept = 1 << 18

func (c *dnsCache) recall(a Asker, name string) ([]netip.Addr, bool) {
	if !a.Keeps {
		return nil, false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.kept == nil {
		return nil, false
	}
	k, ok := c.kept.Get(dnsKey{a.Device, plainName(name)})
	return k.addrs, ok && a.Booted <= k.since && a.Now < k.until
}

func (c *dnsCache) keep(a Asker, name string, addrs []netip.Addr, lasts time.Duration) {
	if !a.Keeps || lasts <= 0 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.kept == nil {
		c.kept, _ = simplelru.NewLRU[dnsKey, keptAddrs](mostKept, nil) // it refuses no positive size
	}
	c.kept.Add(dnsKey{a.Device, plainName(name)}, keptAddrs{addrs, a.Now, a.Now + int64(lasts)})
}
