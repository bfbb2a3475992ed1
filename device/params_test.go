package device_test

import (
	"fmt"
	"maps"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"spafleet/device"
	"spafleet/device/devicetest"
	"spafleet/device/model"
	"spafleet/device/profile"
)

func TestCatalogueHasNoDuplicatesAndKnownTypes(t *testing.T) {
	known := strings.Fields("string bool uint int float hex ip choice password rule macro-msg dialplan tone cadence uint-or-empty")
	for m := range model.All() {
		f := m.Factory()
		seen := map[string]bool{}
		for _, p := range f.Params {
			if seen[p.Name] {
				t.Errorf("%s: %s twice", f.Name, p.Name)
			}
			seen[p.Name] = true
			if !slices.Contains(known, p.Type) {
				t.Errorf("%s: %s has type %q", f.Name, p.Name, p.Type)
			}
			if p.Access == 0 {
				t.Errorf("%s: %s has no access", f.Name, p.Name)
			}
			if p.ID.Name() != p.Name {
				t.Errorf("%s: number %d is %s, not %s", f.Name, p.ID, p.ID.Name(), p.Name)
			}
		}
	}
}

// TestParamsAreAMap holds Params to a plain map, through random changes of many
// devices that share layers.
func TestParamsAreAMap(t *testing.T) {
	f := devicetest.Row(t, "PAP2T", "").Factory
	rapid.Check(t, func(t *rapid.T) {
		var layers device.Layers
		devices := make([]device.Params, 4)
		models := make([]map[model.ID]string, 4)
		for i := range devices {
			devices[i], models[i] = device.Reset(f), map[model.ID]string{}
		}
		for range rapid.IntRange(1, 12).Draw(t, "changes") {
			d := rapid.IntRange(0, 3).Draw(t, "device")
			var sets []device.Set
			for range rapid.IntRange(1, 30).Draw(t, "sets") {
				p := f.Params[rapid.IntRange(0, 80).Draw(t, "param")]
				value := rapid.SampledFrom([]string{p.Default, "", "x", strings.Repeat("long ", 40)}).Draw(t, "value")
				sets = append(sets, device.Set{ID: p.ID, Value: value, Has: true})
			}
			before := maps.Clone(models[d])
			for _, s := range sets {
				models[d][s.ID] = s.Value
			}
			var changed []model.ID
			devices[d], changed = devices[d].With(&layers, sets)
			checkChanged(t, f, before, models[d], changed)
			for i := range devices {
				checkValues(t, f, devices[i], models[i])
			}
		}
	})
}

// Under another firmware a device has that one's defaults and its own stored values;
// back under the first one it is as it was.
func TestDefaultsFollowTheFirmwareAndStoredValuesStay(t *testing.T) {
	old, now := devicetest.Row(t, "SPA504G", "7.4.8a").Factory, devicetest.Row(t, "SPA504G", "7.6.2").Factory
	keys, _ := model.LookupID("Idle_Key_List")
	options, _ := model.LookupID("DHCP_Option_To_Use")
	other, _ := model.LookupID("GPP_A")
	if old == now || device.Reset(old).Get(keys) == device.Reset(now).Get(keys) {
		t.Fatal("the two have the same defaults")
	}
	ids := []model.ID{keys, options, other}
	rapid.Check(t, func(t *rapid.T) {
		var layers device.Layers
		p := device.Reset(old)
		stored := map[model.ID]string{}
		for range rapid.IntRange(0, 4).Draw(t, "changes") {
			var sets []device.Set
			for _, id := range ids {
				if !rapid.Bool().Draw(t, "set") {
					continue
				}
				value := rapid.SampledFrom([]string{device.Reset(old).Get(id), device.Reset(now).Get(id), "x", strings.Repeat("long ", 40)}).Draw(t, "value")
				sets = append(sets, device.Set{ID: id, Value: value, Has: true})
				if stored[id] = value; value == device.Reset(old).Get(id) {
					delete(stored, id)
				}
			}
			p, _ = p.With(&layers, sets)
		}
		after := p.At(&layers, now)
		for _, id := range ids {
			want, ok := stored[id]
			if !ok {
				want = device.Reset(now).Get(id)
			}
			if got := after.Get(id); got != want || after.Factory() != now {
				t.Fatalf("%s: %.40q, want %.40q", id.Name(), got, want)
			}
		}
		if again := p.At(&layers, now); again != after {
			t.Fatalf("the same values are %+v and %+v", again, after)
		}
		for id := range p.Differing() {
			if stored[id] == "" && p.Get(id) != device.Reset(old).Get(id) {
				t.Fatalf("%s was not stored", id.Name())
			}
		}
	})
}

func checkValues(t *rapid.T, f *model.Factory, p device.Params, want map[model.ID]string) {
	differing := map[model.ID]string{}
	for _, param := range f.Params {
		v, ok := want[param.ID]
		if !ok {
			v = param.Default
		}
		if got := p.Get(param.ID); got != v {
			t.Fatalf("%s is %q, want %q", param.Name, got, v)
		}
		if v != param.Default {
			differing[param.ID] = v
		}
	}
	if got := maps.Collect(p.Differing()); !maps.Equal(got, differing) {
		t.Fatalf("differing %v, want %v", got, differing)
	}
}

func checkChanged(t *rapid.T, f *model.Factory, before, after map[model.ID]string, changed []model.ID) {
	var want []model.ID
	value := func(m map[model.ID]string, p model.Param) string {
		if v, ok := m[p.ID]; ok {
			return v
		}
		return p.Default
	}
	for _, p := range f.Params {
		if value(before, p) != value(after, p) {
			want = append(want, p.ID)
		}
	}
	slices.Sort(want)
	if !slices.Equal(changed, want) {
		t.Fatalf("changed %v, want %v", changed, want)
	}
}

func TestAccessChangesAlone(t *testing.T) {
	var layers device.Layers
	f := devicetest.Row(t, "SPA2102", "").Factory
	p, _ := f.Lookup("User_ID_1_")
	params, changed := device.Reset(f).With(&layers, []device.Set{{ID: p.ID, Access: profile.ReadOnly}})
	if len(changed) != 0 || params.Access(p.ID) != profile.ReadOnly || params.Get(p.ID) != p.Default {
		t.Errorf("changed %v, access %v, value %q", changed, params.Access(p.ID), params.Get(p.ID))
	}
	params, _ = params.With(&layers, []device.Set{{ID: p.ID, Value: "100", Has: true}})
	if params.Access(p.ID) != profile.ReadOnly {
		t.Error("a change of the value lost the access")
	}
}

func TestUnknownParametersAreLeftOut(t *testing.T) {
	var layers device.Layers
	ext12, ok := model.LookupID("User_ID_12_")
	if !ok {
		t.Fatal("no User_ID_12_")
	}
	f := devicetest.Row(t, "SPA2102", "").Factory
	p, changed := device.Reset(f).With(&layers, []device.Set{{ID: ext12, Value: "x", Has: true}})
	if len(changed) != 0 || p != device.Reset(f) {
		t.Errorf("changed %v", changed)
	}
}

// bodies gives each device a body in which 25 values differ from the factory, 8
// of them its own.
func body(f *model.Factory, dev int) []device.Set {
	var sets []device.Set
	for i, p := range f.Params {
		if i%20 != 0 || len(sets) == 25 {
			continue
		}
		value := "common-value"
		if len(sets)%3 == 0 && len(sets) < 24 {
			value = fmt.Sprintf("%d", 1000000+dev*10+len(sets))
		}
		sets = append(sets, device.Set{ID: p.ID, Value: value, Has: true})
	}
	return sets
}

func TestLikeBodiesCostTheirDifference(t *testing.T) {
	var layers device.Layers
	f := devicetest.Row(t, "SPA2102", "").Factory
	const n = 10_000
	devices := make([]device.Params, n)
	heap := liveBytes()
	for i := range devices {
		devices[i], _ = device.Reset(f).With(&layers, body(f, i))
	}
	each := (liveBytes() - heap) / n
	t.Logf("%d bytes each beside the value itself", each)
	if each > 256-24 {
		t.Errorf("a device costs %d + 24 bytes, more than 256", each)
	}
	runtime.KeepAlive(devices)
}

// Devices whose values are mostly their own take about what those are long: a layer for
// each would take twice that.
func TestBodiesOfTheirOwnCostTheirLength(t *testing.T) {
	var layers device.Layers
	f := devicetest.Row(t, "SPA2102", "").Factory
	const n = 10_000
	devices := make([]device.Params, n)
	heap := liveBytes()
	long := 0
	for i := range devices {
		own := fmt.Sprintf("http://192.0.2.1/%032x/spa2102.cfg", i)
		devices[i], _ = device.Reset(f).With(&layers, sets(t, f, "Profile_Rule="+own+"\nGPP_A="+own[:49]+"\nGPP_B=common"))
		long = len(own) + 49 + len("common")
	}
	each := (liveBytes() - heap) / n
	t.Logf("%d bytes each for %d bytes of values", each, long)
	if most := int64(long + 64); each > most {
		t.Errorf("a device takes %d bytes, more than %d", each, most)
	}
	runtime.KeepAlive(devices)
}

func liveBytes() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

func TestLayersAreSafeForConcurrentUse(t *testing.T) {
	var layers device.Layers
	f := devicetest.Row(t, "SPA942", "").Factory
	var wg sync.WaitGroup
	for w := range 8 {
		wg.Go(func() {
			for i := range 200 {
				p, _ := device.Reset(f).With(&layers, body(f, w*1000+i))
				if got := p.Get(f.Params[0].ID); got != fmt.Sprintf("%d", 1000000+(w*1000+i)*10) {
					t.Errorf("device %d has the value of another: %s", w*1000+i, got)
				}
			}
		})
	}
	wg.Wait()
}

func TestBoolReadsTheFirmwaresWords(t *testing.T) {
	var layers device.Layers
	f := devicetest.Row(t, "SPA2102", "").Factory
	for value, want := range map[string]bool{"Yes": true, "no": false, "1": true, "0": false, "disable": false, "Enable": true, "maybe": true} {
		p, _ := device.Reset(f).With(&layers, sets(t, f, "Provision_Enable="+value))
		if got := p.Bool("Provision_Enable", true); got != want {
			t.Errorf("%q reads %v", value, got)
		}
	}
}

func BenchmarkWithFullBody(b *testing.B) {
	var layers device.Layers
	f := slices.Collect(model.All())[3].Factory()
	var all []device.Set
	for _, p := range f.Params {
		all = append(all, device.Set{ID: p.ID, Value: p.Default, Has: true})
	}
	all = append(all, body(f, 1)...)
	p := device.Reset(f)
	for b.Loop() {
		p.With(&layers, all)
	}
}

func TestGrantedIsWhatTheFactoryGivesOtherwise(t *testing.T) {
	row := devicetest.Row(t, "SPA942", "")
	set := func(name string, a profile.Access) device.Set {
		p, _ := row.Lookup(name)
		return device.Set{ID: p.ID, Access: a}
	}
	var layers device.Layers
	p, _ := device.Reset(row.Factory).With(&layers, []device.Set{set("GPP_A", profile.ReadOnly), set("GPP_B", profile.NoAccess), set("User_Password", profile.NoAccess)})
	p, _ = p.With(&layers, []device.Set{{ID: set("GPP_C", 0).ID, Has: true, Value: "x"}})
	got := map[string]profile.Access{}
	for id, a := range p.Granted() {
		got[id.Name()] = a
	}
	if want := map[string]profile.Access{"GPP_A": profile.ReadOnly, "User_Password": profile.NoAccess}; !maps.Equal(got, want) {
		t.Errorf("granted are %v, want %v", got, want)
	}
}
