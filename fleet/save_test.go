package fleet

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"spafleet/device"
	"spafleet/device/devicetest"
	"spafleet/fleet/state"
)

// nowhere is a network that nobody may use.
type nowhere struct{ Network }

// BenchmarkSave writes and reads 100,000 devices of which each has 8 values of
// its own beside 17 that all share.
func BenchmarkSave(b *testing.B) {
	const devices = 100_000
	row := devicetest.Row(b, "SPA2102", "")
	c := Config{Seed: 1, Network: nowhere{}, Groups: []Group{{Row: row, Count: devices}}}
	f, err := New(c)
	if err != nil {
		b.Fatal(err)
	}
	var common []device.Set
	for i := range 17 {
		common = append(common, device.Set{ID: row.Factory.Params[20+i].ID, Value: "common", Has: true})
	}
	for dev := range device.Index(devices) {
		sets := slices.Clone(common)
		for i := range 8 {
			sets = append(sets, device.Set{ID: row.Factory.Params[100+i].ID, Value: fmt.Sprintf("%d of device %d", device.Index(i)*7919+dev, dev), Has: true})
		}
		u := f.loop(dev).unit(dev)
		r := f.shared.Record(dev, u)
		r.Params, _ = r.Params.With(&f.shared.Profiles.Layers, sets)
		r.Booted, r.Last, r.Timers[0] = 1e18+int64(dev)*7, 1e18+int64(dev)*7919, 2e18+int64(dev)*104729
		r.Count, r.Draws, r.Resyncs.OK = 40, 7, 5
		f.shared.Restore(u, &r)
	}
	name := filepath.Join(b.TempDir(), "state")
	f.saver.File = name
	b.Run("write", func(b *testing.B) {
		for b.Loop() {
			if s := f.saver.save(); s.Err != nil {
				b.Fatal(s.Err)
			}
		}
		info, err := os.Stat(name)
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(info.Size())/devices, "B/device")
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/devices, "ns/device")
	})
	b.Run("read", func(b *testing.B) {
		for b.Loop() {
			saved, err := state.Open(name)
			if err != nil {
				b.Fatal(err)
			}
			c.Resume = saved
			if _, err := New(c); err != nil {
				b.Fatal(err)
			}
			saved.Close()
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/devices, "ns/device")
	})
}
