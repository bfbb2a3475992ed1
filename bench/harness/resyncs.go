package harness

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"spafleet/bench/workload"
	"spafleet/device"
	"spafleet/fleet"
	"spafleet/host"
	"spafleet/resync/fetch"
	"spafleet/scenarios/tally"
)

// Resyncs are whole resyncs by a fleet with sockets: evaluate, fetch, decode,
// apply, record. All devices want to resync each second, which is more than they
// can, so as many as may are always at work.
type Resyncs struct {
	Name     string // of the round
	Presets  []string
	Devices  int
	Parallel int // at work at a time
	Time     time.Duration
	Changing bool // each file that comes differs from the one before
}

// Run counts, once every device has its profile.
func (t *Resyncs) Run(ctx context.Context) (r Round, err error) {
	row, err := workload.Row()
	if err != nil {
		return r, err
	}
	presets, err := workload.Presets(append([]string{"Resync_Random_Delay", "0", "Resync_Periodic", "1", "Resync_Error_Retry_Delay", "1"}, t.Presets...)...)
	if err != nil {
		return r, err
	}
	seen := NewWatcher(t.Devices)
	f, err := fleet.New(fleet.Config{Seed: workload.Seed, Network: &fetch.Sockets{}, Outstanding: t.Parallel, Tell: seen.Tell,
		Groups: []fleet.Group{{Name: "devices", Row: row, Count: t.Devices, Presets: presets}}})
	if err != nil {
		return r, err
	}
	run := f.Begin(ctx)
	r, err = t.measure(ctx, f, seen)
	if ran := run.Close(); err == nil {
		err = ran
	}
	return r, err
}

func (t *Resyncs) measure(ctx context.Context, f *fleet.Fleet, seen *Watcher) (r Round, err error) {
	first := 2 * int64(t.Devices) // the first profile asks for a reboot, after which they resync
	if err := f.Await(ctx, func() bool { return seen.OK.Load() >= first || seen.Failed.Load() > 0 }); err != nil {
		return r, err
	}
	defer Profiled(strings.ReplaceAll(t.Name, " ", "-"))()
	before, used, begun := seen.OK.Load(), host.CPUTime(), time.Now()
	if err := host.Sleep(ctx, t.Time); err != nil {
		return r, err
	}
	r = Round{Count: int(seen.OK.Load() - before), CPU: host.CPUTime() - used, Elapsed: time.Since(begun)}
	return r, t.check(seen, r.Count)
}

// check says where what was measured is not what the round is about.
func (t *Resyncs) check(seen *Watcher, count int) error {
	if err := seen.Err(); err != nil {
		return err
	}
	changes := seen.Changed.Load()
	if t.Changing && changes < int64(count) || !t.Changing && changes > 2*int64(t.Devices) {
		return fmt.Errorf("%s: values changed in %d of %d resyncs", t.Name, changes, seen.OK.Load())
	}
	return nil
}

// A Watcher hears a fleet of one make. It records as a run does.
type Watcher struct {
	Tally                        *tally.Tally
	Powered, OK, Failed, Changed atomic.Int64
	why                          atomic.Pointer[string] // one failed
}

// NewWatcher returns a watcher of as many devices.
func NewWatcher(devices int) *Watcher {
	makes := []tally.Make{{Model: workload.Model, Firmware: workload.Firmware, Devices: devices}}
	return &Watcher{Tally: tally.New(makes, func(device.Index) int { return 0 }, device.Shard{})}
}

// Tell takes events.
func (w *Watcher) Tell(events []device.Event) {
	w.Tally.Tell(events)
	for i := range events {
		switch e := &events[i]; e.Kind {
		case device.PowerOn:
			w.Powered.Add(1)
		case device.ResyncOK:
			w.OK.Add(1)
		case device.ResyncFailed:
			w.Failed.Add(1)
			why := e.Err
			w.why.Store(&why)
		case device.Applied:
			if e.Count > 0 {
				w.Changed.Add(1)
			}
		}
	}
}

// Err returns an error where resyncs failed.
func (w *Watcher) Err() error {
	why := w.why.Load()
	if why == nil {
		return nil
	}
	return fmt.Errorf("%d resyncs failed, %d went well: %s", w.Failed.Load(), w.OK.Load(), *why)
}
