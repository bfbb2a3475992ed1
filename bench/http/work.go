package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"sync/atomic"
	"time"

	"spafleet/bench/rig"
	"spafleet/device"
	"spafleet/device/fleet"
	"spafleet/device/result"
	"spafleet/resync/fetch"
)

// A task is a round of the fleet.
type task struct {
	Name     string // unchanged or changed
	Server   string
	Devices  int
	Parallel int
	Time     time.Duration
}

// work runs a fleet whose devices all want to resync each second, and counts once
// each has its profile.
func work(ctx context.Context, in io.Reader, out io.Writer) error {
	var t task
	if err := json.NewDecoder(in).Decode(&t); err != nil {
		return fmt.Errorf("read task: %w", err)
	}
	r, err := t.run(ctx)
	if err != nil {
		return err
	}
	return json.NewEncoder(out).Encode(r)
}

func (t *task) run(ctx context.Context) (r rig.Round, err error) {
	row, err := rig.Row()
	if err != nil {
		return r, err
	}
	directory := "a"
	if t.Name == changed {
		directory = "$A"
	}
	presets, err := rig.Presets("Profile_Rule", "http://"+t.Server+"/"+directory+"/$MA.xml", "GPP_A", "a",
		"Resync_Random_Delay", "0", "Resync_Periodic", "1", "Resync_Error_Retry_Delay", "1")
	if err != nil {
		return r, err
	}
	seen := &watcher{tally: result.NewTally([]result.Make{{Model: rig.Model, Firmware: rig.Firmware, Devices: t.Devices}}, func(device.Index) int { return 0 }, device.Shard{})}
	f, err := fleet.New(fleet.Config{Seed: rig.Seed, Network: &fetch.Sockets{}, Outstanding: t.Parallel,
		Groups: []fleet.Group{{Name: "devices", Row: row, Count: t.Devices, Presets: presets}}, Tell: seen.tell, Late: seen.tally.Late})
	if err != nil {
		return r, err
	}
	ctx, stop := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- f.Run(ctx) }()
	measured, err := t.measure(ctx, f, seen)
	stop()
	if ran := <-ended; err == nil {
		err = ran
	}
	return measured, err
}

// measure waits until every device has its profile, and counts for a time.
func (t *task) measure(ctx context.Context, f *fleet.Fleet, seen *watcher) (r rig.Round, err error) {
	if err := f.Await(ctx, func() bool { return seen.ok.Load() >= 2*int64(t.Devices) }); err != nil {
		return r, err
	}
	defer rig.Profiled(strings.ReplaceAll(t.Name, " ", "-"))()
	before, used, begun := seen.ok.Load(), rig.Used(), time.Now()
	if err := rig.Wait(ctx, t.Time); err != nil {
		return r, err
	}
	r = rig.Round{Count: int(seen.ok.Load() - before), CPU: rig.Used() - used, Elapsed: time.Since(begun)}
	return r, seen.right(t, r.Count)
}

// A watcher hears a fleet.
type watcher struct {
	tally               *result.Tally
	ok, failed, changes atomic.Int64
}

func (w *watcher) tell(events []device.Event) {
	w.tally.Tell(events)
	for i := range events {
		switch e := &events[i]; e.Kind {
		case device.ResyncOK:
			w.ok.Add(1)
		case device.ResyncFailed:
			w.failed.Add(1)
		case device.Applied:
			if e.Count > 0 {
				w.changes.Add(1)
			}
		}
	}
}

// right checks that what was measured is what the round is about.
func (w *watcher) right(t *task, count int) error {
	if n := w.failed.Load(); n > 0 {
		return fmt.Errorf("%d resyncs failed", n)
	}
	if changes := w.changes.Load(); t.Name == changed && changes < int64(count) || t.Name == unchanged && changes > 2*int64(t.Devices) {
		return fmt.Errorf("%s: values changed in %d of %d resyncs", t.Name, changes, w.ok.Load())
	}
	return nil
}
