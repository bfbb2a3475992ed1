package fleet

import (
	"context"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"

	"spafleet/device"
	"spafleet/resync/fetch"
	"spafleet/resync/unit"
)

// What names hold has these bounds.
const (
	mostNames       = 1024 // that are remembered; of more, those not wanted for longest are asked for again
	mostNamesAsked  = 16   // at once; a name that is not answered keeps its place for some seconds
	mostNamesWanted = 256  // that are asked for or wait for that
	foundFor        = 5 * time.Minute
	notFoundFor     = 30 * time.Second
)

// names are those of servers that datagrams go to. They are asked for aside, each by a
// goroutine of its own; what is to be sent there waits here meanwhile. They belong to one
// goroutine.
type names[W any] struct {
	f       *Fleet
	most    int // that wait for one name: those of a burst
	known   *simplelru.LRU[question, knownName]
	wanted  map[question]*wantedName[W]
	turn    []question      // of wanted: those not asked for yet
	running int             // of wanted: those asked for
	waiting int             // for the names in wanted
	answers chan nameAnswer // has room for all that are asked for
	asked   sync.WaitGroup
}

// A question is a name, and who is asked for it.
type question struct {
	name string
	resolver
}

// A resolver is the name servers that a device asks, in its order; the zero resolver is the
// network's. Devices that ask the same have one answer.
type resolver struct {
	servers  [mostNameServers]netip.Addr // one that is not valid is the network's
	count    int
	parallel bool
}

// mostNameServers is how many name servers a device asks at most, as resync has it.
const mostNameServers = 4

// resolverOf returns who is asked by a device for the names among some servers, each host or
// host:port; nil where there are none. It runs in the loop, which owns the unit.
func resolverOf(s *unit.Shared, u *unit.Unit, servers ...string) *resolver {
	named := func(server string) bool {
		host, _, _ := strings.Cut(server, ":")
		_, err := netip.ParseAddr(host)
		return host != "" && err != nil
	}
	if !slices.ContainsFunc(servers, named) {
		return nil
	}
	list, parallel := s.NameServers(u)
	r := &resolver{parallel: parallel}
	r.count = copy(r.servers[:], list)
	return r
}

// A wantedName is a name that something waits for, and the device that asks for it.
type wantedName[W any] struct {
	dev     device.Index
	waiting []W
}

// A knownName is what a name server said of a name.
type knownName struct {
	addr  netip.Addr // not valid: the name was not found
	until time.Time
}

type nameAnswer struct {
	question
	addr netip.Addr // not valid: not found
	last time.Duration
}

func newNames[W any](f *Fleet, most int) names[W] {
	known, _ := simplelru.NewLRU[question, knownName](mostNames, nil) // it refuses no positive size
	return names[W]{f: f, most: most, known: known, wanted: map[question]*wantedName[W]{}, answers: make(chan nameAnswer, mostNamesAsked)}
}

// lookup returns what is known of a name; the address is not valid where the name
// was not found.
func (n *names[W]) lookup(q question, now time.Time) (addr netip.Addr, known bool) {
	k, ok := n.known.Get(q)
	return k.addr, ok && now.Before(k.until)
}

// find returns the address of a host, which may be an address itself. While its name is
// asked for, what is to be sent there waits; false: too much does. By nil the network's
// name servers are asked.
func (n *names[W]) find(ctx context.Context, host string, by *resolver, dev device.Index, what W) (addr netip.Addr, known, waits bool) {
	addr, err := netip.ParseAddr(host)
	if err == nil {
		return addr, true, false
	}
	q := question{name: host}
	if by != nil {
		q.resolver = *by
	}
	if addr, known = n.lookup(q, time.Now()); known {
		return addr, true, false
	}
	return addr, false, n.wait(ctx, q, dev, what)
}

// wait keeps what a device sends until the name of its server is answered. It reports
// false where too much waits.
func (n *names[W]) wait(ctx context.Context, q question, dev device.Index, what W) bool {
	w := n.wanted[q]
	if w == nil {
		if len(n.wanted) >= mostNamesWanted {
			return false
		}
		w = &wantedName[W]{dev: dev}
		n.wanted[q], n.turn = w, append(n.turn, q)
	}
	if len(w.waiting) >= n.most {
		return false
	}
	w.waiting = append(w.waiting, what)
	n.waiting++
	n.ask(ctx)
	return true
}

// ask asks for the names whose turn it is.
func (n *names[W]) ask(ctx context.Context) {
	for n.running < mostNamesAsked && len(n.turn) > 0 {
		q := n.turn[0]
		n.turn = n.turn[1:]
		dev := n.wanted[q].dev
		n.running++
		n.asked.Go(func() { n.answers <- answerTo(ctx, n.f, q, dev) })
	}
}

// answerTo asks for a name from a device's address. What the device keeps and the
// faults that a scenario plans for its provisioning have no part in it.
func answerTo(ctx context.Context, f *Fleet, q question, dev device.Index) nameAnswer {
	addresses := f.addresses
	var servers []netip.Addr // nil: the network's
	if q.count > 0 {
		servers = q.servers[:q.count]
	}
	ctx = fetch.For(ctx, fetch.Asker{Device: dev, Faultless: true, Servers: servers, Parallel: q.parallel,
		Source: func(server netip.Addr) netip.Addr { return addresses.source(addresses.Of(dev), server) }})
	addrs, err := f.network.Resolve(ctx, q.name)
	if _, local := fetch.LocalLimit(err); local {
		return nameAnswer{question: q, last: localWait} // it says nothing of the name
	}
	if err != nil || len(addrs) == 0 {
		return nameAnswer{question: q, last: notFoundFor}
	}
	return nameAnswer{q, addrs[0], foundFor}
}

// answered remembers an answer, asks for the next name, and returns what has waited for
// this one.
func (n *names[W]) answered(ctx context.Context, a nameAnswer, now time.Time) []W {
	n.known.Add(a.question, knownName{a.addr, now.Add(a.last)})
	var waiting []W
	if w := n.wanted[a.question]; w != nil {
		waiting = w.waiting
		delete(n.wanted, a.question)
	}
	n.waiting -= len(waiting)
	n.running--
	n.ask(ctx)
	return waiting
}
