package modelled

import (
	"context"
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"time"

	"spafleet/certs/trust"
	"spafleet/device"
	"spafleet/device/phase"
	"spafleet/resync"
	"spafleet/resync/fault"
	"spafleet/resync/tftp"
)

// A Network is what a fleet in virtual time reaches its servers through, and the
// servers. It is data, and only read once it is in use.
type Network struct {
	Server resync.Responder // answers whatever reaches one of its ports
	Addr   netip.Addr       // the server's address
	More   []netip.Addr     // further ones, at which there is the same
	TFTP   uint16           // ports; 0: closed
	HTTP   uint16
	HTTPS  []Secure
	Hosts  map[string][]netip.Addr // all names that there are, in lower case
	Certs  *trust.Devices          // what the devices trust and show; nil: https fails as a scheme that nobody speaks
	// RoundTrip is how long a packet and its answer take; 0: 5 ms.
	RoundTrip time.Duration
	// HeaderWait is how long the server waits for the end of a header: a handshake
	// at a port without HTTPS takes so long, or until the device gives up.
	HeaderWait time.Duration
	// Latency is how long the server thinks about a request: for each one a time
	// between Least and Most.
	Least, Most time.Duration
	// Workers is how many requests the server thinks about at once. The others
	// wait in the order in which they came. 0: all of them, and no device feels
	// another one.
	Workers int
	// Faults disturbs the devices' exchanges; nil: nothing does. What the server
	// does wrong is Server's own.
	Faults *fault.Plan
	// Recorded answers everything in the place of servers; nil: nobody does.
	Recorded Recorded
}

// Recorded is what servers answered once. Addresses and ports do not matter.
type Recorded interface {
	// Knows reports whether a name has an address this time.
	Knows(name string) bool
	// Answer returns an answer as [resync.Fetcher] does, and how many nanoseconds it
	// takes beside a round trip.
	Answer(r *resync.Request) (resync.Response, int64, error)
}

// A Secure is a port where HTTPS is spoken. No handshake takes place: its end is
// judged.
type Secure struct {
	Port   uint16
	Server *trust.Server // for clients up to TLS 1.1; nil: Modern is for all
	Modern *trust.Server // for clients of TLS 1.2; nil: Server is for all
	// Responder answers here in the place of Network.Server; may be nil.
	Responder resync.Responder
}

// A Process is an attempt in virtual time, as far as the network needs it.
type Process interface {
	Unit() *device.Unit     // whose attempt it is
	Now() int64             // in nanoseconds since the Unix epoch
	Wait(until int64) error // lets others go on until a moment; an error ends the attempt
	Draw() float64          // the attempt's next chance, from 0 up to 1
}

// Servers is a network in use, by one process at a time.
type Servers struct {
	network *Network
	workers []int64 // until when each is busy
	tftp    tftp.Client
}

// Open returns the network in use, with its workers free.
func (n *Network) Open() *Servers {
	return &Servers{network: n, workers: make([]int64, n.Workers)}
}

// A Client is a device's side of the network, for one transfer at a time. A
// process may use it for the attempts of one device after another.
type Client struct {
	s      *Servers
	p      Process
	now    func() time.Time
	socket datagramSocket
}

var _ resync.Fetcher = (*Client)(nil)

// Client returns a client for a process.
func (s *Servers) Client(p Process) *Client {
	return &Client{s: s, p: p, now: func() time.Time { return time.Unix(0, p.Now()) }}
}

// has reports whether a server is at an address.
func (n *Network) has(addr netip.Addr) bool { return addr == n.Addr || slices.Contains(n.More, addr) }

// roundTrip returns how long this packet and its answer take: the network's
// time, give or take a tenth.
func (c *Client) roundTrip() int64 {
	rtt := c.s.network.RoundTrip
	if rtt == 0 {
		rtt = defaultRoundTrip
	}
	return int64(float64(rtt) * (0.9 + 0.2*c.p.Draw()))
}

// OneWay returns how long a packet takes.
func (n *Network) OneWay() time.Duration {
	if n.RoundTrip == 0 {
		return defaultRoundTrip / 2
	}
	return n.RoundTrip / 2
}

const defaultRoundTrip = 5 * time.Millisecond

// think returns when the server has an answer to a request that it gets now.
func (c *Client) think() int64 {
	w := c.s.network
	at, took := c.p.Now(), int64(w.Least)+int64(c.p.Draw()*float64(w.Most-w.Least))
	workers := c.s.workers
	if len(workers) == 0 {
		return at + took
	}
	free := 0
	for i := range workers {
		if workers[i] < workers[free] {
			free = i
		}
	}
	workers[free] = max(workers[free], at) + took
	return workers[free]
}

// Resolve returns the addresses of a name in Hosts. It takes a round trip.
func (c *Client) Resolve(_ context.Context, name string) ([]netip.Addr, error) {
	begun := c.p.Now()
	late, found := time.Duration(0), true
	unit := c.p.Unit()
	if d := c.s.network.Faults.Exchange(fault.Exchange{Device: uint32(unit.Index), Scheme: "dns", Path: name}); d != nil {
		late, found = d.Lookup(unit.Row.Behaviour.DNS.Wait, unit.Row.Behaviour.DNS.Tries)
	}
	if err := c.p.Wait(begun + c.roundTrip() + int64(late)); err != nil {
		return nil, err
	}
	if !found {
		return nil, &resync.Error{Result: device.NoDNS, Phase: phase.Lookup, Took: device.Phases{DNS: c.p.Now() - begun}}
	}
	if recorded := c.s.network.Recorded; recorded != nil && recorded.Knows(name) {
		return []netip.Addr{recordedAddr}, nil
	}
	addrs := c.s.network.Hosts[strings.TrimSuffix(strings.ToLower(name), ".")]
	if len(addrs) == 0 {
		return nil, &resync.Error{Result: device.NoDNS, Phase: phase.Lookup, Took: device.Phases{DNS: c.p.Now() - begun}}
	}
	return addrs, nil
}

// Fetch transfers one file, from the device's own address. Failures are those of
// real sockets: see [resync.Fetcher].
func (c *Client) Fetch(ctx context.Context, r *resync.Request) (resync.Response, error) {
	r.Source = r.Unit.IP
	if c.s.network.Recorded != nil {
		return c.recorded(r)
	}
	switch {
	case r.Scheme == "http", r.Scheme == "https" && c.s.network.Certs != nil:
		return c.fetchHTTP(r)
	case r.Scheme == "tftp":
		return c.fetchTFTP(ctx, r)
	}
	return resync.Response{}, &resync.Error{Result: device.BadScheme, Phase: phase.Rule, Cause: fmt.Errorf("no client for scheme %q", r.Scheme)}
}

// recordedAddr is that of every name of recorded servers: one for documents.
var recordedAddr = netip.AddrFrom4([4]byte{192, 0, 2, 1})

// recorded waits for what a server answered once.
func (c *Client) recorded(r *resync.Request) (resync.Response, error) {
	resp, wait, err := c.s.network.Recorded.Answer(r)
	if r.Scheme != "tftp" && resp.Status == http.StatusOK {
		resp.Announced = resp.Len()
	}
	if stopped := c.p.Wait(c.p.Now() + c.roundTrip() + wait); stopped != nil {
		return resync.Response{}, stopped
	}
	if err == nil && resp.Len() > r.Max {
		return resync.Response{}, &resync.Error{Result: device.Corrupt, TooBig: true, Phase: phase.Size}
	}
	return resp, err
}
