// Command idle measures what devices cost that wait for their next resync.
//
// Each is in SEC-PRV-2 with a profile of its own, of which 25 values differ from
// the factory's and eight are the device's alone. They get there by whole resyncs
// from a server in the same process, through the fleet's own loops. Start at
// [weigh].
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"time"

	"spafleet/bench/harness"
)

func main() { instrument().Main() }

// options are the command line.
type options struct {
	counts []int
	delay  int // Resync_Random_Delay, in the unit's 20 s
}

func instrument() *harness.Instrument {
	o := options{}
	return &harness.Instrument{
		Name: "bench/idle",
		Flags: func(f *flag.FlagSet) func() error {
			counts := f.String("devices", "100000,1000000", "how many devices, one fleet after the other")
			f.IntVar(&o.delay, "delay", 2, "Resync_Random_Delay: the devices begin within so many times 20 s")
			return func() error { return o.read(*counts) }
		},
		Measure: func(ctx context.Context, errs io.Writer) (harness.Report, error) { return measure(ctx, o, errs) },
		Work:    work,
	}
}

func (o *options) read(counts string) (err error) {
	if o.counts, err = harness.Numbers("devices", counts); err != nil {
		return err
	}
	if o.delay < 0 {
		return errors.New("--delay is not negative")
	}
	return nil
}

// What is to be reached (architecture).
const (
	mostBytes    = 300 // of live heap for each device
	mostResident = 500 // MB, for a million
	mostPeak     = 600 // MB on the way, for a million, however slow the machine is
	mostReady    = 2.0 // seconds, for a million
	million      = 1_000_000
)

// A report is what all fleets weighed.
type report struct {
	Machine  string            `json:"machine"`
	Fleets   []*weight         `json:"fleets"`
	Verdicts []harness.Verdict `json:"verdicts"`
}

// measure weighs fleets, each in a process of its own.
func measure(ctx context.Context, o options, errs io.Writer) (*report, error) {
	r := &report{Machine: harness.Machine()}
	for _, n := range o.counts {
		fmt.Fprintf(errs, "%d devices on their way to SEC-PRV-2\n", n)
		w := &weight{}
		if err := harness.RunWorker(ctx, harness.All(), task{n, o.delay}, w); err != nil {
			return nil, err
		}
		r.Fleets = append(r.Fleets, w)
		r.judge(w)
	}
	return r, nil
}

// judge holds a fleet against the targets. Those for a million devices are in
// proportion for more, and as they are for fewer.
func (r *report) judge(w *weight) {
	share := max(float64(w.Devices)/million, 1)
	name := fmt.Sprintf("%d devices, ", w.Devices)
	r.Verdicts = append(r.Verdicts,
		harness.AtMost(name+"live heap for each", w.Bytes, mostBytes, "B"),
		harness.AtMost(name+"resident memory", w.Resident, mostResident*share, "MB"),
		harness.AtMost(name+"resident memory on the way", w.Peak, mostPeak*share, "MB"),
		harness.AtMost(name+"built, powered, first timers armed", w.Ready, mostReady*share, "s"))
}

// Print writes the result as text.
func (r *report) Print(out io.Writer) {
	fmt.Fprintf(out, "Idle devices in SEC-PRV-2, each with its own body (25 values differ, 8 its own). %s\n\n", r.Machine)
	for _, w := range r.Fleets {
		fmt.Fprintf(out, "%d devices: ready after %.2f s; all in SEC-PRV-2 after %.0f s, %d resyncs, %.1f µs CPU each;\n", w.Devices, w.Ready, w.Took, w.Resyncs, w.Each)
		fmt.Fprintf(out, "  live heap %.1f MB, %.0f bytes each; resident %.0f MB, at most %.0f MB on the way\n", w.Bytes*float64(w.Devices)/1e6, w.Bytes, w.Resident, w.Peak)
	}
	fmt.Fprintln(out)
	for _, v := range r.Verdicts {
		fmt.Fprintln(out, v)
	}
}

// A task is one fleet.
type task struct{ Devices, Delay int }

// A weight is what one fleet takes.
type weight struct {
	Devices  int     `json:"devices"`
	Ready    float64 `json:"ready_seconds"`   // built, powered, first timers armed
	Took     float64 `json:"secured_seconds"` // until all are in SEC-PRV-2 and idle
	Resyncs  int64   `json:"resyncs"`
	Each     float64 `json:"cpu_us_each_resync"`
	Bytes    float64 `json:"live_bytes_each"`
	Resident float64 `json:"resident_mb"`
	Peak     float64 `json:"peak_resident_mb"`
}

const patience = 20 * time.Minute
