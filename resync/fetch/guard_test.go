package fetch_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"spafleet/device"
	"spafleet/resync/fetch"
)

// Which addresses are public is asked of the ranges' edges.
func TestGuardAdmitsLoopbackAndPrivateAddressesAlone(t *testing.T) {
	inside := strings.Fields(`127.0.0.1 127.255.255.255 0.0.0.0 10.0.0.0 10.255.255.255 172.16.0.0 172.31.255.255
		192.168.0.0 192.168.255.255 ::1 fd00::1 ::ffff:10.0.0.1`)
	outside := strings.Fields(`1.1.1.1 9.255.255.255 11.0.0.0 126.255.255.255 128.0.0.0 172.15.255.255 172.32.0.0
		192.167.255.255 192.169.0.0 100.64.0.1 192.0.2.1 198.18.0.1 240.0.0.1 2001:db8::1 ::ffff:8.8.8.8`)
	for _, g := range []*fetch.Guard{nil, {}} {
		for _, text := range inside {
			if err := g.Admit(text, netip.MustParseAddr(text)); err != nil {
				t.Errorf("%s: %v", text, err)
			}
		}
		for _, text := range outside {
			err := g.Admit(text, netip.MustParseAddr(text))
			var refused *fetch.RefusedError
			if !errors.As(err, &refused) || refused.Reason != fetch.Public {
				t.Errorf("%s: %v, want it refused as public", text, err)
			}
		}
	}
}

// No word of anybody admits an address of many; one of the link needs to be named
// itself, not by a name that comes to it.
func TestGuardRefusesTheLinkAndAllAtOnce(t *testing.T) {
	linked := &fetch.Guard{LinkLocal: []netip.Addr{netip.MustParseAddr("169.254.7.7"), netip.MustParseAddr("fe80::7")}, Public: []string{"prov.example"}}
	for _, tt := range []struct {
		guard      *fetch.Guard
		host, addr string
		want       string // "": admitted
	}{
		{nil, "169.254.169.254", "169.254.169.254", "link-local"},
		{&fetch.Guard{}, "meta.example", "169.254.169.254", "link-local"},
		{&fetch.Guard{}, "fe80::1", "fe80::1", "link-local"},
		{&fetch.Guard{Public: []string{"meta.example", "169.254.169.254"}}, "meta.example", "169.254.169.254", "link-local"},
		{&fetch.Guard{Hosts: []string{"meta.example"}}, "meta.example", "169.254.169.254", "link-local"},
		{linked, "169.254.7.7", "169.254.7.7", ""},
		{linked, "x", "::ffff:169.254.7.7", ""},
		{linked, "fe80::7%eth0", "fe80::7%eth0", ""},
		{linked, "prov.example", "169.254.7.8", "link-local"},
		{nil, "x", "224.0.1.75", "multicast"},
		{linked, "x", "ff02::1", "multicast"},
		{linked, "prov.example", "255.255.255.255", "broadcast"},
		{&fetch.Guard{Hosts: []string{"239.1.1.1"}, Public: []string{"239.1.1.1"}}, "239.1.1.1", "239.1.1.1", "multicast"},
	} {
		err := tt.guard.Admit(tt.host, netip.MustParseAddr(tt.addr))
		if (tt.want == "") != (err == nil) || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s at %s: %v, want %q", tt.host, tt.addr, err, tt.want)
		}
	}
}

func TestGuardAdmitsWhatIsNamed(t *testing.T) {
	g := &fetch.Guard{Public: []string{"Prov.Example.com", "198.51.100.7"}}
	crowd := &fetch.Guard{Public: g.Public, OnlyLoopback: true}
	fenced := &fetch.Guard{Public: g.Public, Hosts: []string{"prov.example.com", "10.1.1.1", "203.0.113.1"}}
	tests := []struct {
		guard      *fetch.Guard
		host, addr string
		want       string // "": admitted
	}{
		{g, "prov.example.com", "203.0.113.9", ""},
		{g, "PROV.example.com.", "203.0.113.9", ""},
		{g, "203.0.113.9", "203.0.113.9", "public"}, // the address of an allowed name, by itself
		{g, "evil.prov.example.com", "203.0.113.9", "public"},
		{g, "other.example.com", "203.0.113.9", "public"},
		{g, "198.51.100.7", "198.51.100.7", ""},
		{g, "anything", "::ffff:198.51.100.7", ""},
		{g, "198.51.100.8", "198.51.100.8", "public"},
		{crowd, "prov.example.com", "203.0.113.9", "1,000"},
		{crowd, "x", "10.0.0.1", "1,000"},
		{crowd, "x", "127.3.2.1", ""},
		{fenced, "prov.example.com", "203.0.113.9", ""},
		{fenced, "10.1.1.1", "10.1.1.1", ""},
		{fenced, "10.1.1.2", "10.1.1.2", "target's hosts"},
		{fenced, "127.0.0.1", "127.0.0.1", "target's hosts"},
		{fenced, "203.0.113.1", "203.0.113.1", "public"}, // a scenario cannot allow itself a public host
	}
	for _, tt := range tests {
		err := tt.guard.Admit(tt.host, netip.MustParseAddr(tt.addr))
		if (tt.want == "") != (err == nil) || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s at %s: %v, want %q", tt.host, tt.addr, err, tt.want)
		}
	}
	if got := fenced.AdmitName("Prov.example.com"); got != nil {
		t.Error(got)
	}
	if fenced.AdmitName("elsewhere.example.com") == nil || g.AdmitName("elsewhere.example.com") != nil {
		t.Error("only a guard with hosts refuses names")
	}
}

func TestRefusalsAreCountedOncePerHost(t *testing.T) {
	g := &fetch.Guard{}
	for i := range 1000 {
		_ = g.Admit("198.51.100.1", netip.MustParseAddr("198.51.100.1"))
		_ = g.Admit(fmt.Sprint("a", i), netip.MustParseAddr("198.51.100.2"))
	}
	list, more := g.Refusals()
	if len(list) != 100 || list[0].Host != "198.51.100.1" || list[0].Count != 1000 || more != 1000-99 {
		t.Errorf("%d refusals and %d more, the first %+v", len(list), more, list[0])
	}
}

// A dialed notes where sockets would have gone, and opens none.
type dialed struct {
	mu    sync.Mutex
	calls []string
}

var errInjected = errors.New("injected: no packet leaves a test")

func (d *dialed) add(what string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.calls = append(d.calls, what)
}

func (d *dialed) sockets(g *fetch.Guard) *fetch.Sockets {
	return &fetch.Sockets{
		Guard: g,
		Hosts: map[string][]netip.Addr{"allowed.example": {netip.MustParseAddr("203.0.113.5")}, "rebound.example": {netip.MustParseAddr("203.0.113.6")}},
		Dial: func(_ context.Context, _ netip.Addr, to netip.AddrPort, _ time.Duration) (net.Conn, error) {
			d.add("tcp " + to.String())
			return nil, errInjected
		},
		ListenPacket: func(context.Context, netip.Addr) (net.PacketConn, error) {
			d.add("udp")
			return nil, errInjected
		},
		DialNameServer: func(_ context.Context, _ netip.Addr, network, address string) (net.Conn, error) {
			d.add("name server")
			return nil, errInjected
		},
	}
}

// The guard holds for every scheme at the address that a name came to, and
// before a socket is opened.
func TestRefusedContactOpensNoSocket(t *testing.T) {
	tests := []struct {
		scheme, host, addr string
		want               []string
	}{
		{"http", "203.0.113.1", "203.0.113.1", nil},
		{"https", "203.0.113.1", "203.0.113.1", nil},
		{"tftp", "203.0.113.1", "203.0.113.1", nil},
		{"http", "rebound.example", "203.0.113.6", nil},
		{"tftp", "rebound.example", "203.0.113.6", nil},
		{"http", "allowed.example", "203.0.113.5", []string{"tcp 203.0.113.5:80"}},
		{"tftp", "allowed.example", "203.0.113.5", []string{"udp"}},
		{"http", "rebound.example", "10.9.9.9", []string{"tcp 10.9.9.9:80"}},
	}
	for _, tt := range tests {
		for _, pin := range []bool{false, true} {
			var d dialed
			s := d.sockets(&fetch.Guard{Public: []string{"allowed.example"}})
			if pin && len(tt.want) > 0 {
				continue // pin/tftp opens its own socket
			}
			s.PinTFTP = pin
			r := request(t, tt.scheme, netip.AddrPortFrom(netip.MustParseAddr(tt.addr), 80))
			r.Host = tt.host
			_, err := s.Fetch(t.Context(), r)
			e := failed(t, err)
			if e.Result != device.NoConnect || !slices.Equal(d.calls, tt.want) {
				t.Errorf("%s %s at %s: %v, sockets %q; want connect and %q", tt.scheme, tt.host, tt.addr, e, d.calls, tt.want)
			}
			var refused *fetch.RefusedError
			if errors.As(err, &refused) != (tt.want == nil) {
				t.Errorf("%s %s at %s: %v", tt.scheme, tt.host, tt.addr, err)
			}
		}
	}
}
