package device_test

import (
	"bytes"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"spafleet/device"
	"spafleet/device/model"
	"spafleet/host/golden"
)

var loopback = netip.MustParseAddr("127.64.0.1")

// serialOf returns the serial number of a model's device.
func serialOf(m *model.Model, seed uint64, dev device.Index) string {
	return device.NewUnit(&model.Row{Model: m}, seed, dev, loopback).Serial
}

func TestIdentitiesAreUnique(t *testing.T) {
	const each = 3000
	macs, serials := map[model.MAC]string{}, map[string]string{}
	for m := range model.All() {
		for n := range device.Index(each) {
			dev := n * 1398 // as far as the addresses of a /10 reach
			mac, serial := device.MACOf(m, 1, dev), serialOf(m, 1, dev)
			if other, ok := macs[mac]; ok {
				t.Fatalf("%s and %s share %s", other, m.Name, mac)
			}
			if other, ok := serials[serial]; ok {
				t.Fatalf("%s and %s share %s", other, m.Name, serial)
			}
			macs[mac], serials[serial] = m.Name, m.Name
		}
	}
}

// A million devices, of all models in turn.
func TestAMillionAddressesAreUnique(t *testing.T) {
	models := slices.Collect(model.All())
	macs := make([]model.MAC, 1_000_000)
	for i := range macs {
		macs[i] = device.MACOf(models[i%len(models)], 7, device.Index(i))
	}
	slices.SortFunc(macs, func(a, b model.MAC) int { return bytes.Compare(a[:], b[:]) })
	if n := len(slices.Compact(macs)); n != 1_000_000 {
		t.Errorf("only %d of a million differ", n)
	}
}

// Devices at the same place of a lane differ by their prefixes alone.
func TestPrefixesAtOnePlaceOfALaneDiffer(t *testing.T) {
	const lane = 1 << 24 / model.MaxLanes
	for m := range model.All() {
		for place := range device.Index(200) {
			seen := map[model.MAC]device.Index{}
			for dev := place * 2621; dev < device.MaxDevices; dev += lane {
				prefix := device.MACOf(m, 3, dev)
				prefix[3], prefix[4], prefix[5] = 0, 0, 0
				if other, ok := seen[prefix]; ok {
					t.Fatalf("%s: devices %d and %d both have %s", m.Name, other, dev, prefix)
				}
				seen[prefix] = dev
			}
		}
	}
}

// What was seen with a model is half of its units; what its series has beside that
// is the other half; and an address is not older than its prefix.
func TestPrefixesByShareAndYear(t *testing.T) {
	tests := []struct {
		model  string
		shares map[string]float64 // of some prefixes
		years  map[string][2]int  // of serial numbers
		count  int
	}{
		{"SPA504G", map[string]float64{"649ef3": 0.25, "1cdf0f": 0.25, "0002fd": 1. / 18}, nil, 11},
		{"SPA501G", map[string]float64{"8843e1": 0.5, "e05fb9": 0.05}, nil, 11},
		{"SPA301", map[string]float64{"0002fd": 1. / 11}, nil, 11},
		{"SPA8000", nil, map[string][2]int{"001ee5": {2006, 2010}, "687f74": {2006, 2011}}, 2},
		{"PAP2T", nil, map[string][2]int{"0018f8": {2006, 2008}, "001ee5": {2008, 2010}, "586d8f": {2010, 2011}, "0014bf": {2006, 2007}}, 14},
		{"SPA2102", map[string]float64{"000e08": 1}, nil, 1},
	}
	for _, tt := range tests {
		m, err := model.FindModel(tt.model)
		if err != nil {
			t.Fatal(err)
		}
		const n = 20_000
		seen := map[string]int{}
		for dev := range device.Index(n) {
			prefix := device.MACOf(m, 1, dev).String()[:6]
			seen[prefix]++
			if of, ok := tt.years[prefix]; ok {
				year := 2006 + strings.IndexByte("FGHJKL", serialOf(m, 1, dev)[5])
				if year < of[0] || year > of[1] {
					t.Errorf("%s: %s on a unit of %d", tt.model, prefix, year)
				}
			}
		}
		for prefix, want := range tt.shares {
			if got := float64(seen[prefix]) / n; got < want*0.9 || got > want*1.1 {
				t.Errorf("%s: %s is on %.3f of the units, want %.3f", tt.model, prefix, got, want)
			}
		}
		if len(seen) != tt.count {
			t.Errorf("%s: prefixes %v, want %d", tt.model, seen, tt.count)
		}
	}
}

func TestIdentityIsAFunctionOfSeedModelAndIndex(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := slices.Collect(model.All())[rapid.IntRange(0, len(slices.Collect(model.All()))-1).Draw(t, "model")]
		seed := rapid.Uint64().Draw(t, "seed")
		a := device.Index(rapid.IntRange(0, device.MaxDevices-1).Draw(t, "a"))
		b := device.Index(rapid.IntRange(0, device.MaxDevices-1).Draw(t, "b"))
		again, _ := model.FindModel(m.Name)
		if device.MACOf(m, seed, a) != device.MACOf(again, seed, a) || serialOf(m, seed, a) != serialOf(again, seed, a) {
			t.Fatal("not a function")
		}
		if a != b && (device.MACOf(m, seed, a) == device.MACOf(m, seed, b) || serialOf(m, seed, a) == serialOf(m, seed, b)) {
			t.Fatalf("%s: devices %d and %d are one", m.Name, a, b)
		}
	})
	m := slices.Collect(model.All())[3]
	if device.MACOf(m, 1, 0) == device.MACOf(m, 2, 0) || serialOf(m, 1, 0) == serialOf(m, 2, 0) {
		t.Error("the seed changes nothing")
	}
}

// An address or serial number that changes makes other devices of a kept state
// file. This file may get lines for new models; none of its lines may change, unless the
// files say which scheme they have (device.Scheme).
func TestIdentitiesAreThoseOfTheGoldenFile(t *testing.T) {
	var b strings.Builder
	b.WriteString("# Device 0 of each model at seed 1: MAC address and serial number. Lines are only ever added, unless device.Scheme changes.\n")
	for m := range model.All() {
		fmt.Fprintf(&b, "%-8s %s %s\n", m.Name, device.MACOf(m, 1, 0), serialOf(m, 1, 0))
	}
	b.WriteString("# Further devices of the models that have several MAC address prefixes.\n")
	for m := range model.All() {
		for _, dev := range []device.Index{1, 2, 3, 600_000} {
			if m.PrefixesVary() {
				fmt.Fprintf(&b, "%-8s %6d %s %s\n", m.Name, dev, device.MACOf(m, 1, dev), serialOf(m, 1, dev))
			}
		}
	}
	golden.File(t, "testdata/identities.golden", []byte(b.String()))
}

// A row's place in the table is no part of its identity, and neither are its
// neighbours: a copy that stands in no table has the same devices.
func TestIdentityDoesNotDependOnTheTable(t *testing.T) {
	for m := range model.All() {
		alone := *m
		for _, dev := range []device.Index{0, 1, device.MaxDevices - 1} {
			if device.MACOf(&alone, 1, dev) != device.MACOf(m, 1, dev) || serialOf(&alone, 1, dev) != serialOf(m, 1, dev) {
				t.Errorf("%s: device %d is another one outside of the table", m.Name, dev)
			}
		}
	}
}

// Two models of a maker with one lane would have the same MAC addresses.
func TestLanesAreUniqueByMaker(t *testing.T) {
	type lane struct {
		maker string
		n     int
	}
	taken := map[lane]string{}
	for m := range model.All() {
		l := lane{m.Maker(), m.Lane}
		if other, ok := taken[l]; ok {
			t.Errorf("%s and %s both have lane %d of %s", other, m.Name, l.n, l.maker)
		}
		if m.Lane < 0 || m.Lane >= model.MaxLanes {
			t.Errorf("%s: lane %d is not from 0 to %d", m.Name, m.Lane, model.MaxLanes-1)
		}
		taken[l] = m.Name
	}
}
