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
		fmt.Fprintf(b, "%v %s", time.Duration(at), []string{"", "leased", "failed", "refused", "ended", "taken"}[r.Outcome])
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
30m0.003s taken
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
		{"a lease of little time", 3600 * time.Millisecond, []answer{{ms, offer, "192.0.2.7", nil}, {ms, ack, "192.0.2.7", map[uint8][]byte{51: u32(1), 58: u32(0)}}}, `
0s DISCOVER
1ms REQUEST for 192.0.2.7 of 192.0.2.1
2ms leased 192.0.2.7 of 192.0.2.1
1.502s REQUEST to 192.0.2.1 has 192.0.2.7
2.627s REQUEST has 192.0.2.7
3.002s ended
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

// What is no answer of a server to this device, or of no use to it, changes nothing, and the
// client says why.
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
	says := func(kind dhcpv4.MessageType, addr string, option uint8, value ...byte) []byte {
		return reply(a, answer{0, kind, addr, map[uint8][]byte{option: value}})
	}
	for _, tt := range []struct {
		name     string
		text     []byte
		selected dhcp.Flaw // what is wrong with it for a client that waits for an offer
		asked    dhcp.Flaw // for one that has asked for an offer
	}{
		{"nothing", nil, dhcp.Malformed, dhcp.Malformed},
		{"short", good[:200], dhcp.Malformed, dhcp.Malformed},
		{"too long", append(bytes.Clone(good), make([]byte, 1500)...), dhcp.Malformed, dhcp.Malformed},
		{"a request", change(0, 1), dhcp.Malformed, dhcp.Malformed},
		{"no cookie", change(236, 0), dhcp.Malformed, dhcp.Malformed},
		{"no end", good[:len(good)-40][:245], dhcp.Malformed, dhcp.Malformed},
		{"a length that lies", append(bytes.Clone(good[:240]), 53, 200, 2), dhcp.Malformed, dhcp.Malformed},
		{"an overload whose lengths lie", overloaded(a, 3, "\x42\xff", "\x43\x7f"), dhcp.Malformed, dhcp.Malformed},
		{"another device", reply(&other, answer{0, offer, "192.0.2.7", nil}), dhcp.Foreign, dhcp.Foreign},
		{"another exchange", reply(&wrong, answer{0, offer, "192.0.2.7", nil}), dhcp.Foreign, dhcp.Foreign},
		{"an acknowledgement", reply(a, answer{0, ack, "192.0.2.7", nil}), dhcp.Unasked, dhcp.Sound},
		{"an offer", good, dhcp.Sound, dhcp.Unasked},
		{"a refusal", says(nak, "0.0.0.0", 56, 'n', 'o'), dhcp.Unasked, dhcp.Sound},
		{"a DISCOVER that a server echoes", says(dhcpv4.MessageTypeDiscover, "192.0.2.7", 99), dhcp.Unasked, dhcp.Unasked},
		{"no kind", says(offer, "192.0.2.7", 53), dhcp.Unasked, dhcp.Unasked},
		{"half a server", says(offer, "192.0.2.7", 54, 1), dhcp.NoServer, dhcp.Unasked},
		{"server 0.0.0.0", says(offer, "192.0.2.7", 54, 0, 0, 0, 0), dhcp.NoServer, dhcp.Unasked},
		{"a lease of server 0.0.0.0", says(ack, "192.0.2.7", 54, 0, 0, 0, 0), dhcp.Unasked, dhcp.NoServer},
		{"a lease of another server", says(ack, "192.0.2.7", 54, 192, 0, 2, 2), dhcp.Unasked, dhcp.NoServer},
		{"a refusal of another server", says(nak, "0.0.0.0", 54, 192, 0, 2, 2), dhcp.Unasked, dhcp.NoServer},
		{"no address", reply(a, answer{0, offer, "0.0.0.0", nil}), dhcp.NoAddress, dhcp.Unasked},
		{"the address of a group", reply(a, answer{0, offer, "239.0.0.1", nil}), dhcp.NoAddress, dhcp.Unasked},
		{"an address of no network", reply(a, answer{0, ack, "0.0.0.7", nil}), dhcp.Unasked, dhcp.NoAddress},
		{"the address of all", reply(a, answer{0, ack, "255.255.255.255", nil}), dhcp.Unasked, dhcp.NoAddress},
		{"no time", says(offer, "192.0.2.7", 51), dhcp.NoTime, dhcp.Unasked},
		{"zero time", says(offer, "192.0.2.7", 51, 0, 0, 0, 0), dhcp.NoTime, dhcp.Unasked},
		{"a lease of zero time", says(ack, "192.0.2.7", 51, 0, 0, 0, 0), dhcp.Unasked, dhcp.NoTime},
		{"a time of three bytes", says(ack, "192.0.2.7", 51, 1, 1, 1), dhcp.Unasked, dhcp.NoTime},
	} {
		for asked, want := range map[bool]dhcp.Flaw{false: tt.selected, true: tt.asked} {
			var c dhcp.Client
			c.Start(a, 0)
			if asked {
				c.Receive(a, 1, good)
			}
			next := c.Next()
			r := c.Receive(a, 2, tt.text)
			if r.Flaw != want || want != dhcp.Sound && (r.Send != nil || r.Outcome != dhcp.Nothing || r.Lease != nil || c.Next() != next) {
				t.Errorf("%s, asked for it %t: %s, want %s; %+v", tt.name, asked, r.Flaw, want, r)
			}
		}
	}
}

// overloaded is an offer with options in the fields file and sname, as option 52 says.
func overloaded(a *dhcp.Asker, which byte, file, server string) []byte {
	text := reply(a, answer{0, offer, "192.0.2.7", map[uint8][]byte{52: {which}}})
	copy(text[44:108], server)
	copy(text[108:236], file)
	return text
}

// What a server says is bounded; the fields of the names hold options where it says so, else
// names.
func TestLeasesAreBounded(t *testing.T) {
	a := asker()
	lease := func(text []byte) *dhcp.Lease {
		t.Helper()
		var c dhcp.Client
		c.Start(a, 0)
		c.Receive(a, 1, reply(a, answer{0, offer, "192.0.2.7", nil}))
		text = bytes.Clone(text)
		text[bytes.Index(text, []byte{53, 1, byte(offer)})+2] = byte(ack)
		r := c.Receive(a, 2, text)
		if r.Outcome != dhcp.Leased {
			t.Fatalf("%+v", r)
		}
		return r.Lease
	}
	l := lease(reply(a, answer{0, offer, "192.0.2.7", map[uint8][]byte{66: bytes.Repeat([]byte("x"), 600), 99: []byte("not asked for")}}))
	if len(l.Options[66]) != dhcp.MostOfOption || l.Options[99] != nil {
		t.Errorf("%+v", l)
	}
	const file, server = "\x43\x05a.cfg\xff", "\x42\x05b.cfg\xff"
	for which, want := range map[byte]string{0: file[:7] + "\xff ", 1: "a.cfg ", 2: file[:7] + "\xff b.cfg", 3: "a.cfg b.cfg", 4: file[:7] + "\xff "} {
		l := lease(overloaded(a, which, file, server))
		if got := string(l.Options[67]) + " " + string(l.Options[66]); got != want {
			t.Errorf("option 52 is %d: %q, want %q", which, got, want)
		}
	}
}

// A device that finds its address in use asks for another after a while.
func TestDeclines(t *testing.T) {
	var c dhcp.Client
	a := asker()
	play(a, &c, 0, time.Second, []answer{{ms, offer, "192.0.2.7", nil}, {ms, ack, "192.0.2.7", nil}})
	c.Decline(int64(time.Second))
	if c.Address().IsValid() || c.Next() != int64(11*time.Second) {
		t.Errorf("it has %s and is due at %v", c.Address(), time.Duration(c.Next()))
	}
	if m, err := dhcpv4.FromBytes(c.Due(a, c.Next()).Send); err != nil || m.MessageType() != dhcpv4.MessageTypeDiscover {
		t.Errorf("%v %v", err, m)
	}
}

// FuzzReply feeds what may come from a network to a client in each of its states.
func FuzzReply(f *testing.F) {
	a := asker()
	f.Add(byte(0), reply(a, answer{0, offer, "192.0.2.7", nil}))
	f.Add(byte(1), reply(a, answer{0, ack, "192.0.2.7", map[uint8][]byte{66: []byte("http://$MA/\x00"), 6: bytes.Repeat([]byte{1}, 1000)}}))
	f.Add(byte(2), reply(a, answer{0, nak, "0.0.0.0", nil}))
	f.Add(byte(0), overloaded(a, 3, "\x43\x05a.cfg\xff", "\x42\x05b.cfg\xff"))
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
