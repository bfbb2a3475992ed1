package device_test

import (
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
// file. This file may get lines for new models; none of its lines may change.
func TestIdentitiesAreThoseOfTheGoldenFile(t *testing.T) {
	var b strings.Builder
	b.WriteString("# Device 0 of each model at seed 1: MAC address and serial number. Lines are only ever added.\n")
	for m := range model.All() {
		fmt.Fprintf(&b, "%-8s %s %s\n", m.Name, device.MACOf(m, 1, 0), serialOf(m, 1, 0))
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
