// Package devicetest makes rows, identities and parameters for tests.
package devicetest

import (
	"net/netip"
	"strings"
	"testing"

	"spafleet/device"
	"spafleet/device/model"
)

// loopback is the address of a fleet's first device.
var loopback = netip.AddrFrom4([4]byte{127, 64, 0, 1})

// Row returns a model at a firmware, its newest for "", with switches turned:
// "redirects=none". The firmware need not be one that was seen.
func Row(t testing.TB, name, firmware string, switches ...string) *model.Row {
	t.Helper()
	turned, err := model.ParseAssignments(switches)
	if err != nil {
		t.Fatal(err)
	}
	return Turned(t, name, firmware, turned)
}

// Turned is Row for tables that hold their switches in a map.
func Turned(t testing.TB, name, firmware string, switches map[string]string) *model.Row {
	t.Helper()
	row, err := model.NewRow(name, "", switches)
	if err != nil {
		t.Fatal(err)
	}
	if firmware == "" {
		return row
	}
	if row, err = row.At(firmware); err != nil {
		t.Fatal(err)
	}
	return row
}

// BootsAtOnce returns the switches of a device that boots in no time, for tests
// that are not about that, and more switches: "redirects=none".
func BootsAtOnce(more ...string) map[string]string {
	turned := map[string]string{"boot_time": "0s", "reboot_time": "0s", "flash_time": "0s"}
	for _, text := range more {
		name, value, _ := strings.Cut(text, "=")
		turned[name] = value
	}
	return turned
}

// Unit returns the identity of a device of seed 1, at 127.64.0.1 and on.
func Unit(row *model.Row, dev device.Index) device.Unit {
	ip := loopback
	for range dev {
		ip = ip.Next()
	}
	return device.NewUnit(row, 1, dev, ip)
}

// Known returns a device whose identity does not depend on its model: golden
// files and scripts show its MAC address, 000e08012345, and its serial number.
func Known(row *model.Row, dev device.Index) device.Unit {
	u := Unit(row, dev)
	u.MAC, u.Serial = model.MAC{0x00, 0x0e, 0x08, 0x01, 0x23, 0x45}, "FM500X000001"
	return u
}

// Sets returns changes of parameters: "GPP_A=x". The model must have them.
func Sets(t testing.TB, f *model.Factory, assignments ...string) []device.Set {
	t.Helper()
	var list []device.Set
	for _, a := range assignments {
		name, value, ok := strings.Cut(a, "=")
		p, known := f.Lookup(name)
		if !ok || !known {
			t.Fatalf("%q does not set a parameter of %s", a, f.Name)
		}
		list = append(list, device.Set{ID: p.ID, Has: true, Value: value})
	}
	return list
}

// Params returns the parameters of a model fresh from the factory, with the
// changes of Sets.
func Params(t testing.TB, f *model.Factory, assignments ...string) device.Params {
	t.Helper()
	return new(device.Layers).Preset(f, Sets(t, f, assignments...))
}
