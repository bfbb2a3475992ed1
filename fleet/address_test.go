package fleet_test

import (
	"context"
	"encoding/binary"
	"net/netip"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"pgregory.net/rapid"

	"spafleet/device"
	"spafleet/fleet"
	"spafleet/resync"
)

func TestAddressIsBasePlusOnePlusIndex(t *testing.T) {
	tests := []struct {
		prefix string
		dev    device.Index
		want   string
	}{
		{"", 0, "127.64.0.1"}, {"", 255, "127.64.1.0"}, {"", 999, "127.64.3.232"},
		{"10.1.2.3/16", 0, "10.1.0.1"}, {"198.18.0.0/15", 999, "198.18.3.232"},
	}
	for _, tt := range tests {
		var prefix netip.Prefix
		if tt.prefix != "" {
			prefix = netip.MustParsePrefix(tt.prefix)
		}
		f, err := fleet.New(fleet.Config{Network: newNetwork(), Addresses: prefix, Groups: []fleet.Group{ata(t, 1000)}})
		if err != nil {
			t.Fatal(err)
		}
		if v, ok := f.View(tt.dev); !ok || v.Unit.IP.String() != tt.want {
			t.Errorf("%q, device %d: %s, want %s", tt.prefix, tt.dev, v.Unit.IP, tt.want)
		}
	}
}

func TestDeviceIsFoundByItsAddress(t *testing.T) {
	s := start(t, newNetwork(), fleet.Config{Groups: []fleet.Group{ata(t, 700, "Resync_On_Reset=No")}})
	s.await("power", func() bool { return s.count(device.PowerOn) == 700 })
	rapid.Check(t, func(t *rapid.T) {
		dev := device.Index(rapid.IntRange(0, 699).Draw(t, "device"))
		v, _ := s.f.View(dev)
		mapped := netip.AddrFrom16(v.Unit.IP.As16())
		for _, addr := range []netip.Addr{v.Unit.IP, mapped} {
			if found, ok := s.f.At(addr); !ok || found.Unit != v.Unit {
				t.Fatalf("%s is %+v, want device %d", addr, found.Unit, dev)
			}
		}
	})
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.Uint32().Draw(t, "address")
		var b [4]byte
		binary.BigEndian.PutUint32(b[:], n)
		addr := netip.AddrFrom4(b)
		base := uint32(127)<<24 | 64<<16
		ours := n > base && n <= base+700
		if v, ok := s.f.At(addr); ok != ours || ok && v.Unit.IP != addr {
			t.Fatalf("%s: found %v, want %v", addr, ok, ours)
		}
	})
	if _, ok := s.f.At(netip.MustParseAddr("fe80::1")); ok {
		t.Error("a device at an IPv6 address")
	}
}

func TestNewRefusesWhatCannotBe(t *testing.T) {
	good := ata(t, 3)
	tests := []struct {
		name   string
		config fleet.Config
		want   string
	}{
		{"no devices", fleet.Config{Network: newNetwork()}, "no devices"},
		{"no model", fleet.Config{Network: newNetwork(), Groups: []fleet.Group{{Name: "g", Count: 1}}}, `group "g"`},
		{"negative count", fleet.Config{Network: newNetwork(), Groups: []fleet.Group{{Name: "g", Row: good.Row, Count: -1}}}, `group "g"`},
		{"IPv6", fleet.Config{Network: newNetwork(), Groups: []fleet.Group{good}, Addresses: netip.MustParsePrefix("fd00::/64")}, "IPv4"},
		{"prefix too small", fleet.Config{Network: newNetwork(), Groups: []fleet.Group{good}, Addresses: netip.MustParsePrefix("10.0.0.0/30")}, "room for 2"},
		{"one address", fleet.Config{Network: newNetwork(), Groups: []fleet.Group{good}, Addresses: netip.MustParsePrefix("10.0.0.1/32")}, "room for 0"},
	}
	for _, tt := range tests {
		if f, err := fleet.New(tt.config); err == nil || !strings.Contains(err.Error(), tt.want) || f != nil {
			t.Errorf("%s: error %v, want %q in it", tt.name, err, tt.want)
		}
	}
	if _, err := fleet.New(fleet.Config{Network: newNetwork(), Groups: []fleet.Group{ata(t, 2)}, Addresses: netip.MustParsePrefix("10.0.0.0/30")}); err != nil {
		t.Errorf("a prefix that is just large enough: %v", err)
	}
}

// sourceNetwork notes from where it is asked, and at first lacks descriptors.
type sourceNetwork struct {
	*network
	mu      sync.Mutex
	sources map[string]netip.Addr // by path
	lacking int                   // how often to fail for this machine
}

func (n *sourceNetwork) lack() error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.lacking--; n.lacking >= 0 {
		return syscall.EMFILE
	}
	return nil
}

func (n *sourceNetwork) Resolve(context.Context, string) ([]netip.Addr, error) {
	return []netip.Addr{netip.MustParseAddr("127.0.0.1")}, n.lack()
}

func (n *sourceNetwork) Fetch(ctx context.Context, r *resync.Request) (resync.Response, error) {
	if err := n.lack(); err != nil {
		return resync.Response{}, err
	}
	n.mu.Lock()
	n.sources[r.Path] = r.Source
	n.mu.Unlock()
	return n.network.Fetch(ctx, r)
}

func TestSourceAddressIsTheDevicesOwnWhereItCanBe(t *testing.T) {
	tests := []struct {
		name, prefix, rule, want string
		one                      bool
	}{
		{"loopback to loopback", "127.64.0.0/10", "http://127.0.0.1/a", "127.64.0.1", false},
		{"loopback to elsewhere", "127.64.0.0/10", "http://192.0.2.5/a", "invalid IP", false},
		{"elsewhere to loopback", "10.0.0.0/8", "http://127.0.0.1/a", "invalid IP", false},
		{"elsewhere to elsewhere", "10.0.0.0/8", "http://192.0.2.5/a", "10.0.0.1", false},
		{"one address", "127.64.0.0/10", "http://127.0.0.1/a", "invalid IP", true},
	}
	for _, tt := range tests {
		n := &sourceNetwork{network: newNetwork(), sources: map[string]netip.Addr{}}
		n.put("/a", profileOf())
		s := startOn(t, n, fleet.Config{Groups: []fleet.Group{ata(t, 1, "Profile_Rule="+tt.rule)}, Source: fleet.Source{One: tt.one}, Addresses: netip.MustParsePrefix(tt.prefix)})
		s.await("a resync", func() bool { return s.view(0).Resyncs.OK == 1 })
		n.mu.Lock()
		if got := n.sources["/a"]; got.String() != tt.want {
			t.Errorf("%s: from %s, want %s", tt.name, got, tt.want)
		}
		n.mu.Unlock()
		s.stop()
	}
}

// What this machine lacks is no failure of the device, in a lookup and in a
// transfer.
func TestLackOfDescriptorsIsNoFailure(t *testing.T) {
	t.Parallel()
	n := &sourceNetwork{network: newNetwork(), sources: map[string]netip.Addr{}, lacking: 3}
	n.put("/a", profileOf())
	s := startOn(t, n, fleet.Config{Groups: []fleet.Group{ata(t, 1, "Profile_Rule=http://prov.example/a")}})
	s.awaitStory(0, "power_on customized:preset boot:power start:power_on ok")
	if got := s.f.Limits()["descriptors"]; got != 3 {
		t.Errorf("limits %v, want descriptors 3 times", s.f.Limits())
	}
	late := s.of(0, device.Late) // as it starts, and with the descriptor
	if len(late) != 2 || late[1].Took < int64(300*time.Millisecond) || late[1].At < s.of(0, device.ResyncStarted)[0].At {
		t.Errorf("late %+v, want a start and 300 ms without a descriptor", late)
	}
}

// Each attempt tells how late it starts; those that cannot start tell it when
// somebody asks.
func TestAttemptsTellHowLateTheyAre(t *testing.T) {
	t.Parallel()
	n := newNetwork()
	n.put("/a", profileOf())
	release := n.block("/a")
	s := start(t, n, fleet.Config{Groups: []fleet.Group{ata(t, 2)}, Outstanding: 1, Loops: 1})
	s.await("one attempt", func() bool { return n.inFlight() == 1 })
	if early := s.count(device.Late); early != 1 {
		t.Errorf("%d are late, want the one that started", early)
	}
	s.f.Overdue(t.Context())
	if asked := s.count(device.Late); asked != 2 {
		t.Errorf("%d are late, want the one that waits too", asked)
	}
	release()
	s.await("two resyncs", func() bool { return s.count(device.ResyncOK) == 2 })
	var late, started [2]device.Event
	for dev := range device.Index(2) {
		list := s.of(dev, device.Late)
		late[dev], started[dev] = list[len(list)-1], s.of(dev, device.ResyncStarted)[0]
		if l := late[dev]; l.At != started[dev].At || l.N != started[dev].N {
			t.Errorf("device %d starts with %+v, and is late with %+v", dev, started[dev], l)
		}
	}
	if took := late[1].Took + late[0].Took; took < started[1].At-started[0].At && took < started[0].At-started[1].At {
		t.Errorf("the second start is %s after the first, and late by %s", time.Duration(started[1].At-started[0].At), time.Duration(took))
	}
}
