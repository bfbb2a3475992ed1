// Package dhcp is a device's DHCP client as a value: bytes, moments and chance in,
// bytes and leases out. It opens no socket, reads no clock and starts nothing;
// package fleet owns the socket, and resync/unit the device.
package dhcp

import (
	"net/netip"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"
	"github.com/insomniacslk/dhcp/iana"

	"spafleet/device/model"
)

// A Client asks for the address of one device, and keeps it.
type Client struct {
	state  state
	tries  uint8
	addr   [4]byte // offered, leased or had
	server [4]byte
	next   int64
	begun  int64 // of the exchange
	times  struct{ renew, rebind, end int64 }
}

type state uint8

const (
	idle       state = iota
	selecting        // a DISCOVER was sent
	requesting       // a REQUEST for an offer
	returning        // a REQUEST for the address of before
	bound            // has a lease
	renewing         // asks the server that gave it
	rebinding        // asks any
)

// An Asker is who asks, and how.
type Asker struct {
	MAC      model.MAC
	XID      uint32
	Options  []byte     // option 55
	Class    string     // option 60; "": none
	HostName string     // option 12; "": none
	Relay    netip.Addr // the relay agent that passes it on; zero: the answer is to be broadcast
	Tries    int        // DISCOVERs without an answer until there is no lease
	Again    bool       // the first REQUEST is for the address of before
	Draw     func() float64
}

// An Outcome is what came of an input.
type Outcome uint8

const (
	Nothing Outcome = iota
	Leased          // the client has a lease: a new one, or one that goes on
	Failed          // nobody answered; it goes on asking
	Refused         // a server refused the address; it asks for another
	Ended           // the time of the lease is over; it has no address any more
	Taken           // the server took the address back when it was asked for more time
)

// A Flaw is why a server's message counts for nothing.
type Flaw uint8

const (
	Sound     Flaw = iota
	Malformed      // no message of a server, or one whose options cannot be read
	Foreign        // to another device, or of another exchange
	NoServer       // it does not say which server it is from, or names another than the device asked
	NoAddress      // of no host
	NoTime         // a lease of no time
	Unasked        // nothing of this kind was asked for now
	InUse          // the address is that of another device: see [Client.Decline]
	NumFlaws  int  = iota
)

// String says what is wrong, as a report counts it.
func (f Flaw) String() string {
	return [...]string{"nothing", "cannot be read", "for another device or exchange", "of no server that was asked", "without an address of a host", "of no time",
		"not asked for", "an address that another device has"}[f]
}

// A Result is what a client wants sent, and what came of an input.
type Result struct {
	Send    []byte     // a message; nil: none
	To      netip.Addr // the server that it goes to; zero: all of them
	Outcome Outcome
	Lease   *Lease // of Leased
	Flaw    Flaw   // of the message that came
}

// Address returns the address that the device has, zero while it has none.
func (c *Client) Address() netip.Addr {
	if c.state < bound {
		return netip.Addr{}
	}
	return netip.AddrFrom4(c.addr)
}

// Next returns when [Client.Due] is to be called, 0 for never.
func (c *Client) Next() int64 { return c.next }

// Remember returns a client that has had an address, zero for none.
func Remember(addr netip.Addr) (c Client) {
	if addr.Is4() {
		c.addr = addr.As4()
	}
	return c
}

// Had returns the address that the client has, or had last, zero for none.
func (c *Client) Had() netip.Addr {
	if c.addr == [4]byte{} || c.state == selecting || c.state == requesting {
		return netip.Addr{}
	}
	return netip.AddrFrom4(c.addr)
}

// Forget drops the lease, as a cold start does. The address of before is kept in mind.
func (c *Client) Forget() { *c = Client{addr: c.addr} }

// declined is how long a client waits that found its address in use (RFC 2131 §3.1; that
// these units heed it: inferred).
const declined = 10 * time.Second

// Decline gives back a lease whose address another device has, and asks for another after
// a while. No source says that these units tell the server.
func (c *Client) Decline(now int64) {
	*c = Client{begun: now, state: selecting, next: now + int64(declined)}
}

// Start begins to ask.
func (c *Client) Start(a *Asker, now int64) Result {
	c.Forget()
	c.begun = now
	if a.Again && c.addr != [4]byte{} {
		c.state = returning
		return c.request(a, now)
	}
	return c.discover(a, now)
}

// Due is the moment of [Client.Next].
func (c *Client) Due(a *Asker, now int64) Result {
	switch c.state {
	case selecting:
		r := c.discover(a, now)
		if int(c.tries) == a.Tries+1 {
			r.Outcome = Failed
		}
		return r
	case requesting, returning:
		if c.tries >= mostRequests {
			c.tries = 0
			return c.discover(a, now)
		}
		return c.request(a, now)
	case bound, renewing, rebinding:
		return c.keep(a, now)
	}
	c.next = 0
	return Result{}
}

// mostRequests is how often an offer is asked for before the search begins again
// (RFC 2131 leaves it open: inferred).
const mostRequests = 4

// wait returns how long the client waits for an answer: 4 s, twice as long each time,
// 64 s at most, give or take one (RFC 2131 §4.1; that these units heed it: inferred).
func wait(tries uint8, draw float64) int64 {
	base := 4 * time.Second << min(tries, 4)
	return int64(base) + int64((2*draw-1)*float64(time.Second))
}

func (c *Client) again(a *Asker, now int64) {
	c.next = now + wait(c.tries, a.Draw())
	if c.tries < 250 {
		c.tries++
	}
}

func (c *Client) discover(a *Asker, now int64) Result {
	if c.state != selecting {
		c.state, c.tries = selecting, 0
	}
	m := c.message(a, now, dhcpv4.MessageTypeDiscover)
	c.again(a, now)
	return Result{Send: m.ToBytes()}
}

// request asks for the address of an offer, or of before.
func (c *Client) request(a *Asker, now int64) Result {
	m := c.message(a, now, dhcpv4.MessageTypeRequest)
	m.UpdateOption(dhcpv4.OptRequestedIPAddress(c.addr[:]))
	if c.state == requesting {
		m.UpdateOption(dhcpv4.OptServerIdentifier(c.server[:]))
	}
	c.again(a, now)
	return Result{Send: m.ToBytes()}
}

// keep asks for more time when half of it, or most of it, is over; in between it asks
// again after half of what is left, a minute at least (RFC 2131 §4.4.5).
func (c *Client) keep(a *Asker, now int64) Result {
	until := c.times.rebind
	r := Result{To: netip.AddrFrom4(c.server)}
	switch {
	case now >= c.times.end:
		c.Forget()
		return Result{Outcome: Ended}
	case now >= c.times.rebind:
		c.state, until, r.To = rebinding, c.times.end, netip.Addr{}
	default:
		c.state = renewing
	}
	m := c.message(a, now, dhcpv4.MessageTypeRequest)
	m.ClientIPAddr = c.addr[:]
	c.next = min(now+max((until-now)/2, int64(time.Minute)), until)
	r.Send = m.ToBytes()
	return r
}

// message returns what all messages of a device have.
func (c *Client) message(a *Asker, now int64, kind dhcpv4.MessageType) *dhcpv4.DHCPv4 {
	zero := make([]byte, 4)
	m := &dhcpv4.DHCPv4{
		OpCode: dhcpv4.OpcodeBootRequest, HWType: iana.HWTypeEthernet, ClientHWAddr: a.MAC[:],
		TransactionID: dhcpv4.TransactionID{byte(a.XID >> 24), byte(a.XID >> 16), byte(a.XID >> 8), byte(a.XID)},
		NumSeconds:    uint16(min(max(now-c.begun, 0)/int64(time.Second), 0xffff)),
		ClientIPAddr:  zero, YourIPAddr: zero, ServerIPAddr: zero, GatewayIPAddr: zero, Options: dhcpv4.Options{},
	}
	if a.Relay.IsValid() {
		m.GatewayIPAddr, m.HopCount = a.Relay.AsSlice(), 1
	} else {
		m.SetBroadcast()
	}
	m.UpdateOption(dhcpv4.OptMessageType(kind))
	for option, value := range map[uint8]string{12: a.HostName, 55: string(a.Options), 60: a.Class} {
		if value != "" {
			m.Options[option] = []byte(value)
		}
	}
	return m
}
