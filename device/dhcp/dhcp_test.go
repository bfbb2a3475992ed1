package dhcp_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"spafleet/device/dhcp"
	"spafleet/device/model"
)

var mac = model.MAC{0x02, 0x0e, 0x08, 1, 2, 3}

func asker() *dhcp.Asker {
	return &dhcp.Asker{MAC: mac, XID: 0x01020304, Options: []byte{1, 3, 66}, Class: "LINKSYS SPA-942", HostName: "SipuraSPA", Tries: 3, Draw: func() float64 { return 0.5 }}
}

// An answer is what a server says, and when.
type answer struct {
	after time.Duration
	kind  dhcpv4.MessageType
	addr  string
	more  map[uint8][]byte
}

func u32(n uint32) []byte { return binary.BigEndian.AppendUint32(nil, n) }

func reply(a *dhcp.Asker, r answer) []byte {
	m := &dhcpv4.DHCPv4{OpCode: dhcpv4.OpcodeBootReply, HWType: 1, ClientHWAddr: a.MAC[:], Options: dhcpv4.Options{},
		TransactionID: dhcpv4.TransactionID(u32(a.XID)), YourIPAddr: netip.MustParseAddr(r.addr).AsSlice()}
	m.UpdateOption(dhcpv4.OptMessageType(r.kind))
	m.Options[54], m.Options[51] = []byte{192, 0, 2, 1}, u32(3600)
	for option, value := range r.more {
		m.Options[option] = value
	}
	return m.ToBytes()
}

// told writes down what came of an input.
func told(b *strings.Builder, at int64, r dhcp.Result) {
	if r.Outcome != dhcp.Nothing {
		fmt.Fprintf(b, "%v %s", time.Duration(at), []string{"", "leased", "failed", "refused", "ended"}[r.Outcome])
		if r.Lease != nil {
			fmt.Fprintf(b, " %s of %s", r.Lease.Address, r.Lease.Server)
		}
		b.WriteByte('\n')
	}
	if r.Send == nil {
		return
	}
	m, err := dhcpv4.FromBytes(r.Send)
	if err != nil {
		fmt.Fprintln(b, err)
		return
	}
	fmt.Fprintf(b, "%v %s", time.Duration(at), m.MessageType())
	if r.To.IsValid() {
		fmt.Fprintf(b, " to %s", r.To)
	}
	if ip := m.RequestedIPAddress(); ip != nil {
		fmt.Fprintf(b, " for %s", ip)
	}
	if ip := m.ServerIdentifier(); ip != nil {
		fmt.Fprintf(b, " of %s", ip)
	}
	if !m.ClientIPAddr.IsUnspecified() {
		fmt.Fprintf(b, " has %s", m.ClientIPAddr)
	}
	b.WriteByte('\n')
}

// play lets a client run for a time; the server gives its answers one after the other,
// each so long after the message that it is to.
func play(a *dhcp.Asker, c *dhcp.Client, begin int64, lasts time.Duration, answers []answer) string {
	var b strings.Builder
	now := begin
	r := c.Start(a, now)
	told(&b, now, r)
	end := begin + int64(lasts)
	for {
		if r.Send != nil && len(answers) > 0 {
			next := answers[0]
			answers = answers[1:]
			if at := now + int64(next.after); next.kind != 0 && (c.Next() == 0 || at < c.Next()) {
				now = at
				r = c.Receive(a, now, reply(a, next))
				told(&b, now, r)
				continue
			}
		}
		if c.Next() == 0 || c.Next() > end {
			return b.String()
		}
		now = c.Next()
		r = c.Due(a, now)
		told(&b, now, r)
	}
}

const (
	offer = dhcpv4.MessageTypeOffer
	ack   = dhcpv4.MessageTypeAck
	nak   = dhcpv4.MessageTypeNak
	ms    = time.Millisecond
)

func TestTimelines(t *testing.T) {
	got := func(addr string) []answer { return []answer{{ms, offer, addr, nil}, {ms, ack, addr, nil}} }
	tests := []struct {
		name    string
		lasts   time.Duration
		answers []answer
		want    string
	}{
		{"a lease", time.Second, got("192.0.2.7"), `
0s DISCOVER
1ms REQUEST for 192.0.2.7 of 192.0.2.1
2ms leased 192.0.2.7 of 192.0.2.1
`},
		{"nobody answers", 130 * time.Second, nil, `
0s DISCOVER
4s DISCOVER
12s DISCOVER
28s failed
28s DISCOVER
1m0s DISCOVER
2m4s DISCOVER
`},
		{"an offer that nobody keeps to", 60 * time.Second, []answer{{ms, offer, "192.0.2.7", nil}}, `
0s DISCOVER
1ms REQUEST for 192.0.2.7 of 192.0.2.1
4.001s REQUEST for 192.0.2.7 of 192.0.2.1
12.001s REQUEST for 192.0.2.7 of 192.0.2.1
28.001s REQUEST for 192.0.2.7 of 192.0.2.1
`},
		{"refused", 5 * time.Second, []answer{{ms, offer, "192.0.2.7", nil}, {ms, nak, "0.0.0.0", nil}}, `
0s DISCOVER
1ms REQUEST for 192.0.2.7 of 192.0.2.1
2ms refused
4.002s DISCOVER
`},
		{"goes on at half time", 1900 * time.Second, append(got("192.0.2.7"), answer{ms, ack, "192.0.2.7", nil}), `
0s DISCOVER
1ms REQUEST for 192.0.2.7 of 192.0.2.1
2ms leased 192.0.2.7 of 192.0.2.1
30m0.002s REQUEST to 192.0.2.1 has 192.0.2.7
30m0.003s leased 192.0.2.7 of 192.0.2.1
`},
		{"another address on renewal", 1900 * time.Second, append(got("192.0.2.7"), answer{ms, ack, "192.0.2.9", nil}), `
0s DISCOVER
1ms REQUEST for 192.0.2.7 of 192.0.2.1
2ms leased 192.0.2.7 of 192.0.2.1
30m0.002s REQUEST to 192.0.2.1 has 192.0.2.7
30m0.003s leased 192.0.2.9 of 192.0.2.1
`},
		{"refused on renewal", 1804 * time.Second, append(got("192.0.2.7"), answer{ms, nak, "0.0.0.0", nil}), `
0s DISCOVER
1ms REQUEST for 192.0.2.7 of 192.0.2.1
2ms leased 192.0.2.7 of 192.0.2.1
30m0.002s REQUEST to 192.0.2.1 has 192.0.2.7
30m0.003s ended
`},
		{"the server is gone", 3601 * time.Second, got("192.0.2.7"), `
0s DISCOVER
1ms REQUEST for 192.0.2.7 of 192.0.2.1
2ms leased 192.0.2.7 of 192.0.2.1
30m0.002s REQUEST to 192.0.2.1 has 192.0.2.7
41m15.002s REQUEST to 192.0.2.1 has 192.0.2.7
46m52.502s REQUEST to 192.0.2.1 has 192.0.2.7
49m41.252s REQUEST to 192.0.2.1 has 192.0.2.7
51m5.627s REQUEST to 192.0.2.1 has 192.0.2.7
52m5.627s REQUEST to 192.0.2.1 has 192.0.2.7
52m30.002s REQUEST has 192.0.2.7
56m15.002s REQUEST has 192.0.2.7
58m7.502s REQUEST has 192.0.2.7
59m7.502s REQUEST has 192.0.2.7
1h0m0.002s ended
`},
		{"for ever", 1e6 * time.Hour, []answer{{ms, offer, "192.0.2.7", nil}, {ms, ack, "192.0.2.7", map[uint8][]byte{51: u32(0xffffffff)}}}, `
0s DISCOVER
1ms REQUEST for 192.0.2.7 of 192.0.2.1
2ms leased 192.0.2.7 of 192.0.2.1
`},
		{"times of the server's", 110 * time.Second, []answer{{ms, offer, "192.0.2.7", nil}, {ms, ack, "192.0.2.7", map[uint8][]byte{58: u32(20), 59: u32(40)}}}, `
0s DISCOVER
1ms REQUEST for 192.0.2.7 of 192.0.2.1
2ms leased 192.0.2.7 of 192.0.2.1
20.002s REQUEST to 192.0.2.1 has 192.0.2.7
40.002s REQUEST has 192.0.2.7
`},
		{"a lease of no time", 6 * time.Second, []answer{{ms, offer, "192.0.2.7", nil}, {ms, ack, "192.0.2.7", map[uint8][]byte{51: u32(1), 58: u32(0)}}}, `
0s DISCOVER
1ms REQUEST for 192.0.2.7 of 192.0.2.1
2ms leased 192.0.2.7 of 192.0.2.1
5.002s REQUEST to 192.0.2.1 has 192.0.2.7
`},
		{"no address of a host", 5 * time.Second, []answer{{ms, offer, "255.255.255.255", nil}}, "\n0s DISCOVER\n4s DISCOVER\n"},
	}
	for _, tt := range tests {
		var c dhcp.Client
		if got := "\n" + play(asker(), &c, 0, tt.lasts, tt.answers); got != tt.want {
			t.Errorf("%s:%s\nwant%s", tt.name, got, tt.want)
		}
	}
}

// A cold start forgets the lease; by switch it asks for the same address first.
func TestColdStarts(t *testing.T) {
	for again, want := range map[bool]string{false: "10s DISCOVER\n", true: "10s REQUEST for 192.0.2.7\n10.001s leased 192.0.2.7 of 192.0.2.1\n"} {
		var c dhcp.Client
		a := asker()
		play(a, &c, 0, time.Second, []answer{{ms, offer, "192.0.2.7", nil}, {ms, ack, "192.0.2.7", nil}})
		c.Forget()
		if a.Again = again; c.Address().IsValid() {
			t.Error("it has an address after a cold start")
		}
		if got := play(a, &c, int64(10*time.Second), time.Second, []answer{{ms, ack, "192.0.2.7", nil}}); got != want {
			t.Errorf("again %t:\n%s", again, got)
		}
	}
}

// device-surface.md §5: what a client says of its device.
func TestMessagesSayWhoAsks(t *testing.T) {
	var c dhcp.Client
	a := asker()
	m, err := dhcpv4.FromBytes(c.Start(a, 0).Send)
	if err != nil || !bytes.Equal(m.ClientHWAddr, mac[:]) || !m.IsBroadcast() || m.HopCount != 0 || !bytes.Equal(m.Options[55], []byte{1, 3, 66}) ||
		string(m.Options[60]) != a.Class || string(m.Options[12]) != a.HostName {
		t.Errorf("%v %v", err, m.Summary())
	}
	a.Relay, a.Class = netip.MustParseAddr("127.65.0.1"), ""
	m, err = dhcpv4.FromBytes(c.Start(a, 0).Send)
	if err != nil || m.GatewayIPAddr.String() != "127.65.0.1" || m.HopCount != 1 || m.IsBroadcast() || m.Options[60] != nil {
		t.Errorf("%v %v", err, m.Summary())
	}
}

// What is not a server's answer to this device changes nothing, and what a server says is bounded.
func TestAnswersOfOthers(t *testing.T) {
	a := asker()
	good := reply(a, answer{0, offer, "192.0.2.7", nil})
	other, wrong := *a, *a
	other.MAC[5]++
	wrong.XID++
	change := func(at int, b byte) []byte {
		text := bytes.Clone(good)
		text[at] = b
		return text
	}
	for name, text := range map[string][]byte{
		"nothing": nil, "short": good[:200], "a request": change(0, 1), "no cookie": change(236, 0), "no end": good[:len(good)-40][:245],
		"a length that lies": append(bytes.Clone(good[:240]), 53, 200, 2), "another device": reply(&other, answer{0, offer, "192.0.2.7", nil}),
		"another exchange": reply(&wrong, answer{0, offer, "192.0.2.7", nil}), "an acknowledgement": reply(a, answer{0, ack, "192.0.2.7", nil}),
		"no server": reply(a, answer{0, offer, "192.0.2.7", map[uint8][]byte{54: {1}}}), "too long": append(bytes.Clone(good), make([]byte, 1500)...),
	} {
		var c dhcp.Client
		c.Start(a, 0)
		next := c.Next()
		if r := c.Receive(a, 1, text); r.Send != nil || r.Outcome != dhcp.Nothing || c.Next() != next {
			t.Errorf("%s: %+v", name, r)
		}
	}
	var c dhcp.Client
	c.Start(a, 0)
	c.Receive(a, 1, good)
	r := c.Receive(a, 2, reply(a, answer{0, ack, "192.0.2.7", map[uint8][]byte{66: bytes.Repeat([]byte("x"), 600), 99: []byte("not asked for")}}))
	if r.Outcome != dhcp.Leased || len(r.Lease.Options[66]) != dhcp.MostOfOption || r.Lease.Options[99] != nil {
		t.Errorf("%+v", r)
	}
}

// FuzzReply feeds what may come from a network to a client in each of its states.
func FuzzReply(f *testing.F) {
	a := asker()
	f.Add(byte(0), reply(a, answer{0, offer, "192.0.2.7", nil}))
	f.Add(byte(1), reply(a, answer{0, ack, "192.0.2.7", map[uint8][]byte{66: []byte("http://$MA/\x00"), 6: bytes.Repeat([]byte{1}, 1000)}}))
	f.Add(byte(2), reply(a, answer{0, nak, "0.0.0.0", nil}))
	f.Fuzz(func(t *testing.T, steps byte, text []byte) {
		var c dhcp.Client
		c.Start(a, 0)
		for _, r := range [][]byte{reply(a, answer{0, offer, "192.0.2.7", nil}), reply(a, answer{0, ack, "192.0.2.7", nil})}[:steps%3] {
			c.Receive(a, 1, r)
		}
		r := c.Receive(a, 2, text)
		if c.Next() != 0 && c.Next() < int64(time.Second) {
			t.Errorf("due at %d", c.Next())
		}
		if r.Lease != nil {
			for option, value := range r.Lease.Options {
				if len(value) > dhcp.MostOfOption {
					t.Errorf("option %d has %d bytes", option, len(value))
				}
			}
		}
		if r.Send != nil {
			if _, err := dhcpv4.FromBytes(r.Send); err != nil {
				t.Error(err)
			}
		}
	})
}
