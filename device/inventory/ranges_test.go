package inventory_test

import (
	"errors"
	"net/netip"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"spafleet/device"
	"spafleet/device/inventory"
	"spafleet/device/model"
	"spafleet/host/golden"
)

func TestRangesAreRead(t *testing.T) {
	for _, tt := range []struct {
		text, first, last string
		room              int
	}{
		{"000e08a00000-000e08a000ff", "000e08a00000", "000e08a000ff", 256},
		{"00:0e:08:a0:00:fe-00:0E:08:A0:01:01", "000e08a000fe", "000e08a00101", 4},
		{"00-0e-08-a0-00-00-00-0e-08-a0-00-0f", "000e08a00000", "000e08a0000f", 16},
		{"00-0e-08-ff-ff-fe", "000e08fffffe", "000e08fffffe", 0},
		{"000e08a00000", "000e08a00000", "", 0},
	} {
		r, err := inventory.ParseMACRange(tt.text)
		if err != nil || r.At(0).String() != tt.first {
			t.Errorf("%s: %v, begins with %s", tt.text, err, r.At(0))
		}
		if tt.room > 0 && (r.Room() != tt.room || r.At(tt.room-1).String() != tt.last) {
			t.Errorf("%s: %d addresses up to %s", tt.text, r.Room(), r.At(r.Room()-1))
		}
		if tt.room == 0 && r.Room() <= device.MaxDevices {
			t.Errorf("%s: without an end it holds %d", tt.text, r.Room())
		}
	}
	for _, tt := range []struct {
		text, first, last string
		room              int
	}{
		{"FM500F100000-FM500F699999", "FM500F100000", "FM500F699999", 600_000},
		{"fm500f199999", "FM500F199999", "FM500F999999", 800_001},
		{"CCQ16319998-CCQ16320001", "CCQ16319998", "CCQ16320001", 4},
		{"CCQ1631000A", "CCQ1631000A", "CCQ1631000A", 1},
		{"880190000000098-880190000000099", "880190000000098", "880190000000099", 2},
	} {
		r, err := inventory.ParseSerialRange(tt.text)
		if err != nil || r.Room() != tt.room || r.At(0) != tt.first || r.At(tt.room-1) != tt.last {
			t.Errorf("%s: %v, %d from %s to %s", tt.text, err, r.Room(), r.At(0), r.At(tt.room-1))
		}
	}
}

func TestWhatIsNoRangeIsRefused(t *testing.T) {
	for text, want := range map[string]string{
		"":                          "is not a MAC address",
		"000e08a0000":               "is not a MAC address of 12 hexadecimal digits, nor a range FIRST-LAST",
		"000e08a00000-":             "nor a range",
		"000e08a00000-ff":           "nor a range",
		"000e08a0000f-000e08a00000": "the last address is below the first",
		"010e08a00000":              "no device can have such an address",
		"000e08a00000-010000000000": "no device can have such an address",
		"000000000000-000000000009": "no device can have such an address",
	} {
		if r, err := inventory.ParseMACRange(text); err == nil || !strings.Contains(err.Error(), want) || r != (inventory.MACRange{}) {
			t.Errorf("%s: %v, %+v", text, err, r)
		}
	}
	for text, want := range map[string]string{
		"":                          "is not a serial number",
		"-FM500F100000":             "is not a serial number",
		"FM500F1/0":                 "is not a serial number",
		"FM500F100000-FM600F100009": "differ in their last digits only",
		"FM500F100000-FM500F10000":  "differ in their last digits only",
		"FM500F100000-FM500F10000A": "differ in their last digits only",
		"FM500F-FM500F":             "differ in their last digits only",
		"FM500F100009-FM500F100000": "the last serial number is below the first",
	} {
		if r, err := inventory.ParseSerialRange(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, %+v", text, err, r)
		}
	}
}

// ranged describes groups: MODEL, count, MAC range and serial range of each.
func ranged(t testing.TB, groups ...[4]any) (list []inventory.RangedGroup) {
	for _, g := range groups {
		row, err := model.NewRow(g[0].(string), "", nil)
		if err != nil {
			t.Fatal(err)
		}
		r := inventory.RangedGroup{Group: inventory.Group{Name: "g", Row: row, Count: g[1].(int)}}
		if text := g[2].(string); text != "" {
			if r.MACs, err = inventory.ParseMACRange(text); err != nil {
				t.Fatal(err)
			}
		}
		if text := g[3].(string); text != "" {
			if r.Serials, err = inventory.ParseSerialRange(text); err != nil {
				t.Fatal(err)
			}
		}
		list = append(list, r)
	}
	return list
}

// Who a device is follows from seed, model and index, and from nothing else: from one
// version of the program to the next, too.
func TestIdentitiesOfRangesStayWhatTheyAre(t *testing.T) {
	groups := ranged(t, [4]any{"SPA942", 3, "", ""}, [4]any{"SPA2102", 4, "000e08fffffe", "FM500F199998-FM500F299999"},
		[4]any{"PAP2T", 0, "0018f8000000", ""}, [4]any{"SPA504G", 2, "1cdf0f000000-1cdf0f0000ff", ""}, [4]any{"SPA303", 2, "", "CCQ16310001"})
	groups[3].Skip = 7
	l, err := inventory.Ranged(1, groups)
	if err != nil {
		t.Fatal(err)
	}
	golden.File(t, "testdata/ranges.golden", []byte(dump(l)))
	other, _ := inventory.Ranged(2, groups)
	m := groups[0].Row.Model
	if l.MAC(m, 1, 0) == other.MAC(m, 2, 0) || l.MAC(m, 1, 3) != other.MAC(m, 2, 3) || l.Digest() != other.Digest() {
		t.Error("the seed does not count where there is no range, or counts where there is one")
	}
	groups[1].Serials, _ = inventory.ParseSerialRange("FM500F199998-FM500F199999")
	if shorter, _ := inventory.Ranged(1, groups); shorter.Digest() == l.Digest() {
		t.Error("another range has the same digest")
	}
	if l, err := inventory.Ranged(1, ranged(t, [4]any{"SPA942", 3, "", ""})); l != nil || err != nil {
		t.Errorf("without ranges: %v, %v", l, err)
	}
}

// A list of ranges is a list: each device is at one place of one group.
func TestPlacesOfRangesAddUp(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		var counts [][4]any
		next := uint64(0x000e08000000)
		for range rapid.IntRange(1, 6).Draw(rt, "groups") {
			n := rapid.IntRange(0, 40).Draw(rt, "count")
			counts = append(counts, [4]any{"SPA942", n, model.MAC{0, byte(next >> 32), byte(next >> 24), byte(next >> 16), byte(next >> 8), byte(next)}.String(), ""})
			next += uint64(n)
		}
		l, err := inventory.Ranged(1, ranged(t, counts...))
		if err != nil {
			rt.Fatal(err)
		}
		shard := device.Shard{Index: 1, Count: 3}
		n, ours := 0, 0
		for g := range counts {
			ours += l.Share(g, shard)
			for place := range l.Groups()[g].Count {
				dev := l.At(n)
				if l.Group(dev) != g || l.Place(dev) != place {
					rt.Fatalf("device %d is at %d of group %d, want %d of %d", dev, l.Place(dev), l.Group(dev), place, g)
				}
				n++
			}
		}
		if n != l.Len() || ours != shard.Len(n) {
			rt.Fatalf("%d devices, %d of the shard; the list has %d", n, ours, l.Len())
		}
	})
}

// No two devices have one address or serial number, from ranges or from the seed.
func TestNoIdentityComesTwice(t *testing.T) {
	row, err := model.NewRow("SPA2102", "", nil)
	if err != nil {
		t.Fatal(err)
	}
	born := device.NewUnit(row, 1, 5, netip.Addr{}) // the third of the second group
	for _, tt := range []struct {
		name   string
		groups [][4]any
		key    string
		of     [2]int
		want   string
	}{
		{"two ranges", [][4]any{{"SPA942", 3, "000e08000000", ""}, {"SPA942", 3, "000e08000002", ""}}, "mac", [2]int{0, 1}, "000e08000002"},
		{"the later one below", [][4]any{{"SPA942", 3, "000e08000002", ""}, {"SPA2102", 3, "000e08000000", ""}}, "mac", [2]int{1, 0}, "000e08000002"},
		{"ranges side by side", [][4]any{{"SPA942", 3, "000e08000000", ""}, {"SPA942", 3, "000e08000003", ""}}, "", [2]int{}, ""},
		{"a range and the seed", [][4]any{{"SPA942", 3, born.MAC.String(), ""}, {"SPA2102", 3, "", ""}}, "mac", [2]int{0, 1}, born.MAC.String()},
		{"two ranges of serial numbers", [][4]any{{"SPA2102", 3, "", "FM500F100000"}, {"SPA2102", 3, "", "FM500F100002"}}, "serial", [2]int{0, 1}, "FM500F100002"},
		{"of two models", [][4]any{{"SPA2102", 3, "", "FM500F100000"}, {"SPA3102", 3, "", "FM500F100002"}}, "", [2]int{}, ""},
		{"a serial number and the seed", [][4]any{{"SPA2102", 3, "", born.Serial}, {"SPA2102", 3, "", ""}}, "serial", [2]int{0, 1}, born.Serial},
	} {
		_, err := inventory.Ranged(1, ranged(t, tt.groups...))
		var twice *inventory.Twice
		switch found := errors.As(err, &twice); {
		case found != (tt.key != ""):
			t.Errorf("%s: %v", tt.name, err)
		case found && (twice.Key != tt.key || twice.Groups != tt.of || !strings.HasSuffix(err.Error(), tt.want)):
			t.Errorf("%s: %+v", tt.name, twice)
		}
	}
}
