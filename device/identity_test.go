package device_test

import (
	"net/netip"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"spafleet/device"
	"spafleet/device/model"
)

var loopback = netip.MustParseAddr("127.64.0.1")

func TestIdentitiesAreUnique(t *testing.T) {
	const each = 3000
	macs, serials := map[model.MAC]string{}, map[string]string{}
	for m := range model.All() {
		for n := range device.Index(each) {
			dev := n * 1398 // as far as the addresses of a /10 reach
			mac, serial := device.MACOf(m, 1, dev), device.SerialOf(m, 1, dev)
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
		if device.MACOf(m, seed, a) != device.MACOf(again, seed, a) || device.SerialOf(m, seed, a) != device.SerialOf(again, seed, a) {
			t.Fatal("not a function")
		}
		if a != b && (device.MACOf(m, seed, a) == device.MACOf(m, seed, b) || device.SerialOf(m, seed, a) == device.SerialOf(m, seed, b)) {
			t.Fatalf("%s: devices %d and %d are one", m.Name, a, b)
		}
	})
	m := slices.Collect(model.All())[3]
	if device.MACOf(m, 1, 0) == device.MACOf(m, 2, 0) || device.SerialOf(m, 1, 0) == device.SerialOf(m, 2, 0) {
		t.Error("the seed changes nothing")
	}
}

func TestDrawsAreEvenAndDiffer(t *testing.T) {
	var buckets [10]int
	for dev := range device.Index(10_000) {
		d := device.Draw(1, dev, 1, 0)
		buckets[int(d*10)]++
	}
	for i, n := range buckets {
		if n < 850 || n > 1150 {
			t.Errorf("tenth %d has %d of 10000 draws", i, n)
		}
	}
	if device.Draw(1, 5, 1, 0) == device.Draw(1, 5, 1, 1) || device.Draw(1, 5, 1, 0) == device.Draw(1, 5, 2, 0) || device.Draw(1, 5, 1, 0) == device.Draw(2, 5, 1, 0) {
		t.Error("count, purpose or seed changes nothing")
	}
}
