package fetch

import (
	"context"
	"errors"
	"maps"
	"net"
	"net/netip"
	"slices"
	"testing"
	"time"

	"spafleet/device"
)

// A name server gets a question only where it is private or the name is allowed.
func TestNameServerIsAContactToo(t *testing.T) {
	injected := errors.New("injected")
	tests := []struct {
		name, server string
		crowd        bool // more than 1,000 devices
		asked        bool
	}{
		{"prov.example.com", "127.0.0.53:53", true, true},
		{"prov.example.com", "10.0.0.1:53", false, true},
		{"prov.example.com", "10.0.0.1:53", true, false},
		{"prov.example.com", "[fd00::1]:53", false, true},
		{"prov.example.com", "[fd00::1]:53", true, false},
		{"prov.example.com", "169.254.169.253:53", false, true}, // where clouds have theirs
		{"prov.example.com", "169.254.169.253:53", true, false},
		{"prov.example.com", "224.0.0.251:5353", false, false},
		{"prov.example.com", "203.0.113.53:53", false, false},
		{"device17.prov.example.com", "203.0.113.53:53", false, false},
		{"Allowed.example.com.", "203.0.113.53:53", false, true},
		{"Allowed.example.com.", "203.0.113.53:53", true, false},
		{"prov.example.com", "198.51.100.53:53", false, true},
	}
	for _, tt := range tests {
		var asked []string
		s := &Sockets{
			Guard:       &Guard{Public: []string{"allowed.example.com", "198.51.100.53"}, OnlyLoopback: tt.crowd},
			NameServers: &NameServers{Servers: []netip.AddrPort{netip.MustParseAddrPort(tt.server)}, Wait: time.Second, Tries: 1},
			DialNameServer: func(_ context.Context, _ netip.Addr, network, address string) (net.Conn, error) {
				asked = append(asked, network+" "+address)
				return nil, injected
			},
		}
		_, err := s.Resolve(t.Context(), tt.name)
		var want []string
		if tt.asked {
			want = []string{"udp " + tt.server}
		}
		var refused *RefusedError
		if !slices.Equal(asked, want) || errors.As(err, &refused) == tt.asked || errors.Is(err, injected) != tt.asked {
			t.Errorf("%q at %s: asked %q (%v), want %t", tt.name, tt.server, asked, err, tt.asked)
		}
	}
}

func TestHostsOfASystem(t *testing.T) {
	got := hosts("127.0.0.1\tlocalhost Loop.Back.\n# 10.0.0.1 gone\n\n10.0.0.2 prov # prov2\n::1 localhost\nnonsense prov\n10.0.0.3\n")
	want := map[string][]netip.Addr{
		"localhost": {netip.MustParseAddr("127.0.0.1"), netip.MustParseAddr("::1")},
		"loop.back": {netip.MustParseAddr("127.0.0.1")},
		"prov":      {netip.MustParseAddr("10.0.0.2")},
	}
	if !maps.EqualFunc(got, want, slices.Equal) {
		t.Errorf("hosts = %v, want %v", got, want)
	}
}

func TestSystemHasANameServer(t *testing.T) {
	n := SystemNames()
	if len(n.Servers) == 0 || n.Wait <= 0 || n.Tries <= 0 {
		t.Errorf("SystemNames = %+v", n)
	}
}

// What devices keep of names is bounded, and what is known last is known.
func TestNamesAreKeptWithinBounds(t *testing.T) {
	var m dnsCache
	addrs := []netip.Addr{netip.MustParseAddr("127.0.0.1")}
	for dev := range device.Index(mostKept + 10) {
		m.keep(Asker{Device: dev, Keeps: true}, "prov.test", addrs, time.Hour)
	}
	if m.kept.Len() > mostKept {
		t.Errorf("%d names are kept, at most %d may be", m.kept.Len(), mostKept)
	}
	if _, ok := m.recall(Asker{Device: mostKept + 9, Keeps: true}, "prov.test"); !ok {
		t.Error("the last name is not known")
	}
}
