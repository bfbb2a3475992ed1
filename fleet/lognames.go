package fleet

import (
	"context"
	"net/netip"
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"

	"spafleet/device"
	"spafleet/resync/fetch"
)

// What logNames holds has these bounds.
const (
	mostLogNames    = 1024 // that are remembered; of more, those not wanted for longest are asked for again
	mostNamesAsked  = 16   // at once; a name that is not answered keeps its place for some seconds
	mostNamesWanted = 256  // that are asked for or wait for that
	mostLinesOfName = 256  // that wait for one name: those of a burst
	foundFor        = 5 * time.Minute
	notFoundFor     = 30 * time.Second
)

// logNames are the names of syslog servers. They are asked for aside, each by a
// goroutine of its own; the lines to them wait here. It belongs to the log sender.
type logNames struct {
	f       *Fleet
	known   *simplelru.LRU[string, logName]
	wanted  map[string][]namedLine // lines that wait for a name
	turn    []string               // of wanted: those not asked for yet
	running int                    // of wanted: those asked for
	waiting int                    // lines in wanted
	answers chan nameAnswer        // has room for all that are asked for
	asked   sync.WaitGroup
}

// A logName is what a name server said of a name.
type logName struct {
	addr  netip.Addr // not valid: the name was not found
	until time.Time
}

// A namedLine is a log line to a server that has a name.
type namedLine struct {
	dev  device.Index
	port uint16
	text []byte
}

type nameAnswer struct {
	name string
	addr netip.Addr // not valid: not found
	last time.Duration
}

func newLogNames(f *Fleet) logNames {
	known, _ := simplelru.NewLRU[string, logName](mostLogNames, nil) // it refuses no positive size
	return logNames{f: f, known: known, wanted: map[string][]namedLine{}, answers: make(chan nameAnswer, mostNamesAsked)}
}

// lookup returns what is known of a name; the address is not valid where the name
// was not found.
func (n *logNames) lookup(name string, now time.Time) (addr netip.Addr, known bool) {
	k, ok := n.known.Get(name)
	return k.addr, ok && now.Before(k.until)
}

// wait keeps a line until its server's name is answered. It reports false where
// too many wait.
func (n *logNames) wait(ctx context.Context, name string, line namedLine) bool {
	lines, wanted := n.wanted[name]
	if len(lines) >= mostLinesOfName || !wanted && len(n.wanted) >= mostNamesWanted {
		return false
	}
	n.wanted[name] = append(lines, line)
	n.waiting++
	if !wanted {
		n.turn = append(n.turn, name)
		n.ask(ctx)
	}
	return true
}

// ask asks for the names whose turn it is.
func (n *logNames) ask(ctx context.Context) {
	for n.running < mostNamesAsked && len(n.turn) > 0 {
		name := n.turn[0]
		n.turn = n.turn[1:]
		dev := n.wanted[name][0].dev
		n.running++
		n.asked.Go(func() { n.answers <- n.question(ctx, name, dev) })
	}
}

// question asks for a name from a device's address. What the device keeps and the
// faults that a scenario plans for its provisioning have no part in it.
func (n *logNames) question(ctx context.Context, name string, dev device.Index) nameAnswer {
	addresses := n.f.addresses
	ctx = fetch.For(ctx, fetch.Asker{Device: dev, Faultless: true,
		Source: func(server netip.Addr) netip.Addr { return addresses.source(addresses.Of(dev), server) }})
	addrs, err := n.f.network.Resolve(ctx, name)
	if _, local := fetch.LocalLimit(err); local {
		return nameAnswer{name: name, last: localWait} // it says nothing of the name
	}
	if err != nil || len(addrs) == 0 {
		return nameAnswer{name: name, last: notFoundFor}
	}
	return nameAnswer{name, addrs[0], foundFor}
}

// answered remembers an answer, asks for the next name, and returns the lines that
// have waited for this one.
func (n *logNames) answered(ctx context.Context, a nameAnswer, now time.Time) []namedLine {
	n.known.Add(a.name, logName{a.addr, now.Add(a.last)})
	lines := n.wanted[a.name]
	delete(n.wanted, a.name)
	n.waiting -= len(lines)
	n.running--
	n.ask(ctx)
	return lines
}
