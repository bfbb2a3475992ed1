package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"runtime"
	"runtime/debug"
	"strconv"
	"time"

	"spafleet/bench/harness"
	"spafleet/bench/workload"
	"spafleet/fleet"
	"spafleet/fsm"
	"spafleet/host"
)

// work weighs one fleet.
func work(ctx context.Context, in io.Reader, out io.Writer) error {
	var t task
	if err := json.NewDecoder(in).Decode(&t); err != nil {
		return fmt.Errorf("read task: %w", err)
	}
	ctx, stop := context.WithTimeout(ctx, patience)
	defer stop()
	w, err := t.weigh(ctx)
	if err != nil {
		return err
	}
	return json.NewEncoder(out).Encode(w)
}

// weigh lets a fleet come to rest in SEC-PRV-2. The fleet, its parameters, timers
// and the tally of a run count; what this program takes without them does not.
func (t *task) weigh(ctx context.Context) (*weight, error) {
	row, err := workload.Row()
	if err != nil {
		return nil, err
	}
	delay := strconv.Itoa(t.Delay)
	presets, err := workload.Presets("Profile_Rule", workload.SealedRule("http://127.0.1.1/$MA.cfg"), "GPP_B", workload.Key, "Resync_Random_Delay", delay)
	if err != nil {
		return nil, err
	}
	empty := live()
	w := &weight{Devices: t.Devices}
	endOfStart := harness.Profiled("ready")
	begun, used := time.Now(), host.CPUTime()
	seen := harness.NewWatcher(t.Devices)
	f, err := fleet.New(fleet.Config{Seed: workload.Seed, Network: workload.Direct{Pairs: []string{"Resync_Random_Delay", delay}}, Tell: seen.Tell,
		Groups: []fleet.Group{{Name: "devices", Row: row, Count: t.Devices, Presets: presets}}})
	if err != nil {
		return nil, err
	}
	run := f.Begin(ctx)
	err = t.follow(ctx, f, seen, w, begun, endOfStart)
	if err == nil {
		w.Resyncs = seen.OK.Load()
		w.Each = (host.CPUTime() - used).Seconds() * 1e6 / float64(w.Resyncs)
		w.Bytes = (live() - empty) / float64(t.Devices)
		harness.Weighed("idle")
		debug.FreeOSMemory() // what the way here took and nobody has
		resident, peak := harness.Resident()
		w.Resident, w.Peak = float64(resident)/1e6, float64(peak)/1e6
	}
	if ran := run.Close(); err == nil {
		err = ran
	}
	return w, err
}

// follow waits until the devices have power, and until they rest.
func (t *task) follow(ctx context.Context, f *fleet.Fleet, seen *harness.Watcher, w *weight, begun time.Time, started func()) error {
	all := int64(t.Devices)
	err := f.Await(ctx, func() bool { return seen.Powered.Load() >= all })
	started()
	if err != nil {
		return err
	}
	w.Ready = time.Since(begun).Seconds()
	// Each resyncs twice: its first file changes what asks for a reboot.
	err = f.Await(ctx, func() bool { return seen.OK.Load() >= 2*all || seen.Failed.Load() > 0 })
	w.Took = time.Since(begun).Seconds()
	secured := seen.Tally.Totals().States()[fsm.SecPrv2.String()]
	if err = errors.Join(err, seen.Err()); err == nil && secured != t.Devices {
		err = errors.New("they rest elsewhere")
	}
	if err != nil {
		return fmt.Errorf("%d of %d devices in SEC-PRV-2: %w", secured, all, err)
	}
	return nil
}

// live returns the bytes of heap that are in use.
func live() float64 {
	runtime.GC()
	runtime.GC() // pools keep their own for one more
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc)
}
