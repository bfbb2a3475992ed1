package device_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"spafleet/device"
	"spafleet/device/devicetest"
	"spafleet/device/model"
)

// complete gives sets the form of what is a device's own.
func complete(f *model.Factory, sets []device.Set) []device.Set {
	p, _ := device.Reset(f).With(&device.Layers{}, sets)
	var list []device.Set
	for id := range p.Differing() {
		list = append(list, device.Set{ID: id, Has: true, Value: p.Get(id), Access: p.Access(id)})
	}
	return list
}

// What devices are set to from the start is what a change would have set.
func TestOwnValuesGoOverPresets(t *testing.T) {
	row := devicetest.Row(t, "SPA942", "")
	rapid.Check(t, func(t *rapid.T) {
		var layers device.Layers
		presets := layers.Preset(row.Factory, randomSets(t, row.Factory, "presets"))
		var own device.OwnValues
		var all [][]device.Set
		for i := range rapid.IntRange(1, 4).Draw(t, "devices") {
			sets := complete(row.Factory, randomSets(t, row.Factory, fmt.Sprint("device ", i)))
			if err := own.Add(row.Factory, sets); err != nil {
				t.Fatal(err)
			}
			all = append(all, sets)
		}
		own.Done()
		for n, sets := range all {
			got := own.Over(presets, n)
			want, _ := presets.With(&layers, sets)
			for i := range row.Factory.Params {
				id := row.Factory.Params[i].ID
				if got.Get(id) != want.Get(id) || got.Access(id) != want.Access(id) {
					t.Fatalf("device %d: %s is %q %v, want %q %v", n, id.Name(), got.Get(id), got.Access(id), want.Get(id), want.Access(id))
				}
			}
			if own.Has(n) != (len(sets) > 0) {
				t.Fatalf("device %d has values: %t, of %d", n, own.Has(n), len(sets))
			}
		}
		if own.Has(len(all)) || own.Over(presets, len(all)) != presets {
			t.Fatal("a device beyond the last has values")
		}
	})
}

// Devices with long values of their own share the layer of a file that is the same for
// all, and keep what is theirs without a copy.
func TestOwnValuesFoundNoLayers(t *testing.T) {
	row := devicetest.Row(t, "SPA942", "")
	set := func(name, value string) device.Set {
		p, ok := row.Lookup(name)
		if !ok {
			t.Fatal(name)
		}
		return device.Set{ID: p.ID, Has: true, Value: value, Access: p.Access}
	}
	var layers device.Layers
	var own device.OwnValues
	presets := layers.Preset(row.Factory, nil)
	shared := map[*device.Layer]bool{}
	mine := func(i int) []device.Set {
		return []device.Set{set("GPP_A", fmt.Sprint(i, strings.Repeat(" of its own", 12)))}
	}
	for i := range 200 {
		if err := own.Add(row.Factory, mine(i)); err != nil {
			t.Fatal(err)
		}
	}
	own.Done()
	for i := range 200 {
		p := own.Over(presets, i)
		for round := range 3 { // a bootstrap file, and one that changes twice
			p, _ = p.With(&layers, []device.Set{set("GPP_B", fmt.Sprint("common ", round)), set("GPP_C", strings.Repeat("common", 20)), set("GPP_D", fmt.Sprint(round, strings.Repeat("common", 20)))})
		}
		shared[p.Layer()] = true
		if got := slices.Collect(p.Own()); !slices.Equal(got, mine(i)) {
			t.Fatalf("device %d has %v of its own, want %v", i, got, mine(i))
		}
	}
	if len(shared) != 1 {
		t.Errorf("%d layers for one file", len(shared))
	}
}
