package fleet_test

import (
	"context"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"spafleet/device"
	"spafleet/device/inventory"
	"spafleet/fleet"
	"spafleet/fleet/state"
	"spafleet/resync/unit"
)

// at returns a group that lives in a prefix.
func at(g fleet.Group, prefix string) fleet.Group {
	g.Addresses = netip.MustParsePrefix(prefix)
	return g
}

func TestGroupsLiveInTheirPrefixes(t *testing.T) {
	a := fleet.NewAddresses(netip.Prefix{}, nil, []fleet.Group{
		at(ata(t, 3), "127.65.0.0/30"), at(ata(t, 0), "127.66.0.0/16"), at(ata(t, 2), "127.66.0.9/16"), at(ata(t, 2), "127.65.0.0/30"), at(ata(t, 2), "127.67.0.5/32"), at(ata(t, 2), "127.68.0.4/31"),
	})
	want := strings.Fields("127.65.0.1 127.65.0.2 127.65.0.1 127.66.0.1 127.66.0.2 127.65.0.2 127.65.0.1 127.67.0.5 127.67.0.5 127.68.0.4 127.68.0.5")
	for dev, want := range want {
		if got := a.Of(device.Index(dev)); got.String() != want {
			t.Errorf("device %d is at %s, want %s", dev, got, want)
		}
	}
	shared := a.Shared()
	if len(shared) != 2 || shared[0] != (fleet.Shared{Prefix: netip.MustParsePrefix("127.65.0.0/30"), Devices: 5, Addresses: 2}) || shared[1].Addresses != 1 {
		t.Errorf("shared: %+v", shared)
	}
	if lowest, highest := a.Range(11); lowest.String() != "127.65.0.1" || highest.String() != "127.68.0.5" {
		t.Errorf("from %s to %s", lowest, highest)
	}
	if prefix, alone := a.Prefix(); alone {
		t.Errorf("all live in %s", prefix)
	}
}

// A device is found at its address, unless it shares it: then none is.
func TestADeviceIsFoundWhereItLivesAlone(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		var groups []fleet.Group
		for range rapid.IntRange(1, 5).Draw(rt, "groups") {
			n := rapid.IntRange(0, 12).Draw(rt, "count")
			prefix := rapid.SampledFrom([]string{"127.70.0.0/29", "127.71.0.0/28", "127.72.0.8/31", "127.73.0.3/32"}).Draw(rt, "prefix")
			groups = append(groups, at(ata(t, n, "Resync_On_Reset=No"), prefix))
			if prefix == "127.71.0.0/28" && rapid.Bool().Draw(rt, "nat") {
				groups[len(groups)-1].NAT = unit.NAT{{Devices: 1, Addresses: rapid.IntRange(1, 9).Draw(rt, "alone")}, {Devices: 3, Addresses: rapid.IntRange(1, 4).Draw(rt, "shared")}}
			}
		}
		groups = append(groups, at(ata(t, 1, "Resync_On_Reset=No"), "127.71.0.0/28"))
		a := fleet.NewAddresses(netip.Prefix{}, nil, groups)
		total := 0
		for _, g := range groups {
			total += g.Count
		}
		lives := map[netip.Addr]int{}
		for dev := range device.Index(total) {
			lives[a.Of(dev)]++
		}
		for dev := range device.Index(total) {
			addr := a.Of(dev)
			found, ok := a.Device(addr)
			whole := !shares(groups, addr) // of a NAT that is not filled, one may be alone at an address of several
			if alone := lives[addr] == 1; ok && (!alone || found != dev) || whole && ok != alone {
				rt.Fatalf("at %s, where %d live, is %d (%t); device %d lives there", addr, lives[addr], found, ok, dev)
			}
		}
		for _, nobody := range []string{"127.70.0.0", "127.71.0.15", "127.72.0.7", "127.73.0.4", "10.0.0.1", "fe80::1"} {
			if dev, ok := a.Device(netip.MustParseAddr(nobody)); ok {
				rt.Fatalf("device %d is at %s", dev, nobody)
			}
		}
	})
}

// shares reports whether the devices of a prefix share its addresses by a NAT.
func shares(groups []fleet.Group, addr netip.Addr) bool {
	return slices.ContainsFunc(groups, func(g fleet.Group) bool { return g.Addresses.Contains(addr) && g.NAT != nil })
}

// As many addresses as a NAT says have as many devices, whatever their groups; of a larger
// fleet, in the same proportion. The devices of each group are mixed with others.
func TestNATSaysWhoSharesAnAddress(t *testing.T) {
	for _, times := range []int{1, 3} {
		one, two := at(ata(t, 30*times), "127.65.0.0/16"), at(ata(t, 20*times), "127.65.0.0/16")
		one.NAT = unit.NAT{{Devices: 1, Addresses: 30}, {Devices: 3, Addresses: 4}, {Devices: 4, Addresses: 2}}
		a := fleet.NewAddresses(netip.Prefix{}, nil, []fleet.Group{one, two})
		lives := map[netip.Addr][]int{}
		for dev := range 50 * times {
			lives[a.Of(device.Index(dev))] = append(lives[a.Of(device.Index(dev))], dev)
		}
		behind, mixed := map[int]int{}, 0
		for addr, devices := range lives {
			behind[len(devices)]++
			if slices.Min(devices) < 30*times && slices.Max(devices) >= 30*times {
				mixed++
			}
			if found, ok := a.Device(addr); ok != (len(devices) == 1) || ok && int(found) != devices[0] {
				t.Errorf("at %s is %d (%t), want %v", addr, found, ok, devices)
			}
		}
		if want := map[int]int{1: 30 * times, 3: 4 * times, 4: 2 * times}; !maps.Equal(behind, want) || mixed < 3*times {
			t.Errorf("%d times: %v, want %v; %d addresses have devices of both groups", times, behind, want, mixed)
		}
		if s := a.Shared(); len(s) != 1 || s[0].Addresses != 36*times {
			t.Errorf("shared: %+v", s)
		}
	}
}

func TestAddressesInCommonAreRefused(t *testing.T) {
	for want, groups := range map[string][]fleet.Group{
		"127.65.0.0/16 and 127.65.3.0/24 of groups have addresses in common": {at(ata(t, 1), "127.65.0.0/16"), at(ata(t, 1), "127.65.3.0/24")},
		"127.64.0.0/10 and 127.65.3.0/24 of groups have addresses in common": {ata(t, 1), at(ata(t, 1), "127.65.3.0/24")},
		"addresses fd00::/64: only IPv4 prefixes":                            {at(ata(t, 1), "fd00::/64")},
	} {
		if _, err := fleet.New(fleet.Config{Network: newNetwork(), Groups: groups}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q in it", err, want)
		}
	}
}

// A fleet goes on with no other addresses, MAC addresses or serial numbers than it had.
func TestAStateIsThatOfItsRangesAndPrefixes(t *testing.T) {
	config := func(macs, serials, prefix string) fleet.Config {
		g := ata(t, 3, "Resync_On_Reset=No")
		ranged := inventory.RangedGroup{Group: inventory.Group{Name: g.Name, Row: g.Row, Count: g.Count}}
		var err error
		if macs != "" {
			if ranged.MACs, err = inventory.ParseMACRange(macs); err != nil {
				t.Fatal(err)
			}
		}
		if serials != "" {
			if ranged.Serials, err = inventory.ParseSerialRange(serials); err != nil {
				t.Fatal(err)
			}
		}
		if prefix != "" {
			g.Addresses = netip.MustParsePrefix(prefix)
		}
		c := fleet.Config{Network: newNetwork(), Groups: []fleet.Group{g}}
		if c.List, err = inventory.Ranged(c.Seed, []inventory.RangedGroup{ranged}); err != nil {
			t.Fatal(err)
		}
		return c
	}
	file := t.TempDir() + "/fleet.state"
	saved := config("000e08a00000-000e08a000ff", "FM500F100000", "127.65.0.0/16")
	saved.Save.File = file
	f, err := fleet.New(saved)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer stop()
	if err := f.Run(ctx); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ macs, serials, prefix, want string }{
		{"000e08a00000-000e08a000ff", "FM500F100000", "127.65.0.0/16", ""},
		{"000e08a00001-000e08a000ff", "FM500F100000", "127.65.0.0/16", "or a range, has changed"},
		{"000e08a00000-000e08a000ff", "FM500F200000", "127.65.0.0/16", "or a range, has changed"},
		{"", "", "127.65.0.0/16", "the devices follow from the seed here"},
		{"000e08a00000-000e08a000ff", "FM500F100000", "", "the address prefix is 127.64.0.0/10 here and was 127.65.0.0/16"},
	} {
		c := config(tt.macs, tt.serials, tt.prefix)
		if c.Resume, err = state.Open(file); err != nil {
			t.Fatal(err)
		}
		defer c.Resume.Close()
		if _, err := fleet.New(c); (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%+v: %v", tt, err)
		}
	}
}
