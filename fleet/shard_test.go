package fleet_test

import (
	"fmt"
	"maps"
	"runtime"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"spafleet/device"
	"spafleet/device/devicetest"
	"spafleet/fleet"
)

// A trace is what is the same of a device whatever the clock says.
type trace struct {
	unit  device.Unit
	group string
	story string
	gpp   string
	waits string // from each boot to the first resync: draws
}

// mixed are three groups that live differently: one resyncs at once, one finds
// nothing, one waits for its random delay.
func mixed(t *testing.T, counts ...int) []fleet.Group {
	phone := fleet.Group{Name: "phone", Row: row(t, "SPA942", "6.1.5(a)", devicetest.BootsAtOnce()), Count: counts[1], Presets: settings(append(atOnce, "Profile_Rule=http://192.0.2.5/none")...)}
	waiting := ata(t, counts[2], "Resync_Random_Delay=600")
	waiting.Name = "waiting"
	return []fleet.Group{ata(t, counts[0]), phone, waiting}
}

// traces runs the shards of a fleet side by side, reboots every device, and
// returns what each one did.
func traces(t *testing.T, shards, loops int, groups []fleet.Group) map[device.Index]trace {
	all := map[device.Index]trace{}
	total := 0
	for _, g := range groups {
		total += g.Count
	}
	for i := range shards {
		n := newNetwork()
		n.put("/a", profileOf("GPP_K=$MA"))
		s := start(t, n, fleet.Config{Groups: groups, Shard: device.Shard{Index: i, Count: shards}, Loops: loops})
		quick := 0
		for place := range s.f.Len() {
			if s.f.Group(s.f.Shard().At(place)).Name != "waiting" {
				quick++
			}
		}
		done := func(rounds int) func() bool {
			return func() bool {
				return s.count(device.ResyncOK)+s.count(device.ResyncFailed) == rounds*quick && s.count(device.Boot) == rounds*s.f.Len()
			}
		}
		s.await("the first resyncs", done(1))
		waits := map[device.Index]string{}
		note := func() {
			for place := range s.f.Len() {
				v := s.view(s.f.Shard().At(place))
				if s.f.Group(v.Unit.Index).Name == "waiting" {
					waits[v.Unit.Index] += time.Duration(v.Due-v.Booted).String() + " "
				}
			}
		}
		note()
		for place := range s.f.Len() {
			s.do(s.f.Shard().At(place), device.Reboot)
		}
		s.await("the second resyncs", done(2))
		note()
		s.stop()
		for dev := range device.Index(total) {
			v, mine := s.f.View(dev)
			if mine != (int(dev)%shards == i) {
				t.Fatalf("shard %d of %d, device %d: here %t", i, shards, dev, mine)
			}
			if _, twice := all[dev]; mine && twice {
				t.Fatalf("device %d is in two shards", dev)
			}
			if mine {
				gpp, _ := v.Params.Lookup("GPP_K")
				all[dev] = trace{v.Unit, s.f.Group(dev).Name, s.story(dev), gpp, waits[dev]}
			}
		}
	}
	if len(all) != total {
		t.Fatalf("%d shards have %d devices, the fleet has %d", shards, len(all), total)
	}
	return all
}

func TestDevicesLiveTheSameWhateverTheNumberOfShards(t *testing.T) {
	groups := mixed(t, 9, 7, 8)
	whole := traces(t, 1, 1, groups)
	if w := whole[20].waits; strings.Count(w, " ") != 2 || strings.HasPrefix(w, "0s") {
		t.Fatalf("device 20 waits %q: nothing is drawn", w)
	}
	if !strings.Contains(whole[12].story, "failed") || whole[12].group != "phone" || whole[3].gpp != "$MA" {
		t.Fatalf("these devices do nothing that could differ: %+v %+v", whole[3], whole[12])
	}
	for _, shards := range []int{2, 3, 5, 24} {
		t.Run(fmt.Sprint(shards, " shards"), func(t *testing.T) {
			got := traces(t, shards, 1+shards%3, groups)
			for dev, want := range whole {
				if got[dev] != want {
					t.Errorf("device %d\n got %+v\nwant %+v", dev, got[dev], want)
				}
			}
		})
	}
}

// Identities need no run.
func TestIdentitiesAreTheWholeFleets(t *testing.T) {
	units := func(t *rapid.T, shard device.Shard, groups []fleet.Group) map[device.Index]device.Unit {
		f, err := fleet.New(fleet.Config{Network: newNetwork(), Seed: 5, Groups: groups, Shard: shard})
		if err != nil {
			t.Fatal(err)
		}
		list := map[device.Index]device.Unit{}
		for place := range f.Len() {
			v, ok := f.View(f.Shard().At(place))
			if !ok || v.Unit != f.Unit(v.Unit.Index) {
				t.Fatalf("place %d of %+v: %+v, %t", place, shard, v.Unit, ok)
			}
			list[v.Unit.Index] = v.Unit
		}
		return list
	}
	first, second := row(t, "SPA2102", "", nil), row(t, "SPA504G", "", nil)
	rapid.Check(t, func(t *rapid.T) {
		groups := []fleet.Group{{Name: "a", Row: first, Count: rapid.IntRange(0, 60).Draw(t, "first")}, {Name: "b", Row: second, Count: rapid.IntRange(1, 60).Draw(t, "second")}}
		count := rapid.IntRange(1, groups[0].Count+groups[1].Count).Draw(t, "shards")
		union := map[device.Index]device.Unit{}
		for i := range count {
			maps.Copy(union, units(t, device.Shard{Index: i, Count: count}, groups))
		}
		if whole := units(t, device.Shard{}, groups); !maps.Equal(union, whole) {
			t.Fatalf("%d shards are not the fleet", count)
		}
	})
}

func TestAShardKnowsOnlyItsOwnDevices(t *testing.T) {
	s := start(t, newNetwork(), fleet.Config{Groups: []fleet.Group{ata(t, 10, "Resync_On_Reset=No")}, Shard: device.Shard{Index: 1, Count: 3}})
	s.await("power", func() bool { return s.count(device.PowerOn) == 3 })
	if s.f.Len() != 3 || s.f.Total() != 10 {
		t.Errorf("%d of %d devices", s.f.Len(), s.f.Total())
	}
	for dev := range device.Index(12) {
		mine := dev == 1 || dev == 4 || dev == 7
		if err := s.f.Do(t.Context(), dev, device.Command{Order: device.Reboot}); (err == nil) != mine {
			t.Errorf("a command to device %d: %v", dev, err)
		}
		if dev < 10 {
			if _, here := s.f.At(s.f.Unit(dev).IP); here != mine {
				t.Errorf("device %d answers at its address: %t", dev, here)
			}
		}
	}
}

func TestAShardTakesMemoryForItsOwnDevicesAlone(t *testing.T) {
	heap := func(shard device.Shard) int64 {
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		f, err := fleet.New(fleet.Config{Network: newNetwork(), Groups: []fleet.Group{ata(t, 400_000)}, Shard: shard})
		if err != nil {
			t.Fatal(err)
		}
		runtime.GC()
		runtime.ReadMemStats(&after)
		runtime.KeepAlive(f)
		return int64(after.HeapAlloc) - int64(before.HeapAlloc)
	}
	whole, eighth := heap(device.Shard{}), heap(device.Shard{Index: 3, Count: 8})
	if eighth > whole/6 {
		t.Errorf("a shard of eight takes %d bytes, the whole fleet %d", eighth, whole)
	}
}

func TestShardsThatCannotBe(t *testing.T) {
	for want, shard := range map[string]device.Shard{
		"shard 3 of 3": {Index: 3, Count: 3}, "shard -1 of 3": {Index: -1, Count: 3}, "shard 9 of 12 has no device: the fleet has 7": {Index: 9, Count: 12},
	} {
		if _, err := fleet.New(fleet.Config{Network: newNetwork(), Groups: []fleet.Group{ata(t, 7)}, Shard: shard}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want %q", shard, err, want)
		}
	}
}

// The shards' starts stand between each other, as the loops' do.
func TestShardsShareARate(t *testing.T) {
	n := newNetwork()
	n.put("/a", profileOf())
	begun := time.Now()
	s := start(t, n, fleet.Config{Groups: []fleet.Group{ata(t, 40)}, Rate: 100, Loops: 2, Shard: device.Shard{Index: 1, Count: 4}})
	s.await("all resyncs", func() bool { return s.count(device.ResyncOK) == 10 })
	if took := time.Since(begun); took < 360*time.Millisecond { // the tenth of every fourth start is at 370 ms
		t.Errorf("a quarter of 100/s has started 10 attempts after %s", took)
	}
	if got := s.f.Outstanding(); got < 16 {
		t.Errorf("at most %d at once: that is this machine's, not a part of it", got)
	}
}
