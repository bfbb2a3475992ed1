package device_test

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"spafleet/device"
	"spafleet/device/devicetest"
	"spafleet/device/model"
	"spafleet/device/profile"
)

// randomSets draws changes of a model's parameters.
func randomSets(t *rapid.T, f *model.Factory, label string) []device.Set {
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) device.Set {
		p := rapid.SampledFrom(f.Params).Draw(t, "parameter")
		return device.Set{ID: p.ID, Value: rapid.String().Draw(t, "value"), Has: true,
			Access: rapid.SampledFrom([]profile.Access{0, profile.NoAccess, profile.ReadOnly, profile.ReadWrite}).Draw(t, "access")}
	}), 0, 40).Draw(t, label)
}

func TestParamsSurviveBeingTakenApart(t *testing.T) {
	row := devicetest.Row(t, "SPA942", "")
	rapid.Check(t, func(t *rapid.T) {
		var here, there device.Layers
		p := here.Preset(row.Factory, randomSets(t, row.Factory, "presets"))
		p, _ = p.With(&here, randomSets(t, row.Factory, "changes"))
		layer, err := there.Layer(p.Layer().Factory(), slices.Collect(p.Layer().Values()))
		if err != nil {
			t.Fatal(err)
		}
		back, err := layer.Over(slices.Collect(p.Own()))
		if err != nil {
			t.Fatal(err)
		}
		for i := range row.Factory.Params {
			id := row.Factory.Params[i].ID
			if back.Get(id) != p.Get(id) || back.Access(id) != p.Access(id) {
				t.Fatalf("%s is %q %v, was %q %v", id.Name(), back.Get(id), back.Access(id), p.Get(id), p.Access(id))
			}
		}
		if !slices.Equal(slices.Collect(back.Own()), slices.Collect(p.Own())) {
			t.Fatal("what was the device's own is now its layer's, or the other way round")
		}
		again, err := there.Layer(row.Factory, slices.Collect(p.Layer().Values()))
		if err != nil || again != layer {
			t.Fatalf("like values make another layer, %v", err)
		}
	})
}

func TestForeignPartsAreRefused(t *testing.T) {
	row := devicetest.Row(t, "SPA2102", "")
	phones := devicetest.Row(t, "SPA504G", "")
	id := func(name string) model.ID {
		id, ok := model.LookupID(name)
		if !ok {
			t.Fatalf("no %s", name)
		}
		return id
	}
	stranger := model.ID(0)
	for i := range phones.Factory.Params {
		if _, ok := row.Factory.Param(phones.Factory.Params[i].ID); !ok {
			stranger = phones.Factory.Params[i].ID
		}
	}
	whole := device.Set{ID: id("GPP_A"), Value: "x", Has: true, Access: profile.ReadWrite}
	later := device.Set{ID: id("GPP_B"), Value: "x", Has: true, Access: profile.ReadWrite}
	descending := []device.Set{whole, later}
	slices.SortFunc(descending, func(a, b device.Set) int { return int(b.ID) - int(a.ID) })
	tests := []struct {
		name string
		sets []device.Set
		want string
	}{
		{"a parameter of other models", []device.Set{{ID: stranger, Has: true, Access: profile.ReadWrite}}, "has no parameter " + stranger.Name()},
		{"a number of no parameter", []device.Set{{ID: 65000, Has: true, Access: profile.ReadWrite}}, "has no parameter parameter 65000"},
		{"one twice", []device.Set{whole, whole}, "GPP_A stands behind GPP_A"},
		{"out of order", descending, "out of order"},
		{"no value", []device.Set{{ID: whole.ID, Access: profile.ReadWrite}}, "no value or no access"},
		{"no access", []device.Set{{ID: whole.ID, Has: true}}, "no value or no access"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var layers device.Layers
			if _, err := layers.Layer(row.Factory, tt.sets); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("a layer of it: %v, want %q", err, tt.want)
			}
			if _, err := device.Reset(row.Factory).Layer().Over(tt.sets); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("over a layer: %v, want %q", err, tt.want)
			}
		})
	}
}
