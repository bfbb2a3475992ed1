// Command virtual measures the speed of virtual time: a day of hourly resyncs of a
// fleet, on one core or several.
//
// In the first two cases every event is written to a file.
// In the first case each device has a body of its own of 1.5 KB, one value of
// which changes each hour, without a reboot. In the second it has one of 45 KB
// that does not change. The server is in process and renders every answer. The third
// case is what 'spafleet run --virtual' does by itself, without a file of events.
package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/pprof"
	"time"

	"spafleet/host"
)

func main() { os.Exit(command(os.Args[1:], os.Stdout, os.Stderr)) }

// options are the command line.
type options struct {
	devices int
	lasts   time.Duration
	cores   int
	json    bool
	profile string
	allocs  string
	events  string
	silent  bool
	over    string // sizes; "": one fleet
	svg     string
	only    string
}

// command carries out a command line. The exit code is not 0 only where something
// could not be measured: a target that is missed is a result.
func command(args []string, out, errs io.Writer) int {
	o, err := parse(args, errs)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		return 2
	}
	if o.over != "" {
		if err := o.sizes(out); err != nil {
			fmt.Fprintln(errs, "virtual:", err)
			return 1
		}
		return 0
	}
	report, err := measure(o)
	if err == nil && o.json {
		e := json.NewEncoder(out)
		e.SetIndent("", "  ")
		err = e.Encode(report)
	} else if err == nil {
		report.print(out)
	}
	if err != nil {
		fmt.Fprintln(errs, "bench/virtual:", err)
		return 1
	}
	return 0
}

func parse(args []string, errs io.Writer) (options, error) {
	var o options
	f := flag.NewFlagSet("virtual", flag.ContinueOnError)
	f.SetOutput(errs)
	f.IntVar(&o.devices, "devices", 10_000, "how many devices")
	f.DurationVar(&o.lasts, "lasts", 24*time.Hour, "how much of the fleet's time")
	f.IntVar(&o.cores, "cores", 1, "how many cores work")
	f.BoolVar(&o.json, "json", false, "print one JSON object")
	f.StringVar(&o.profile, "cpuprofile", "", "write a CPU profile to this file")
	f.StringVar(&o.allocs, "memprofile", "", "write a profile of what was allocated to this file")
	f.StringVar(&o.events, "events", "", "leave the events of the last case in this file")
	f.BoolVar(&o.silent, "no-events", false, "write no events")
	f.StringVar(&o.only, "only", "", "measure one case alone: changing, unchanged or default")
	f.StringVar(&o.over, "sizes", "", "measure fleets of these sizes one after the other, such as 1000,10000")
	f.StringVar(&o.svg, "svg", "", "draw cost over --sizes into this file")
	return o, f.Parse(args)
}

// measured is what was seen. Figures are those of the whole, start-up included.
type measured struct {
	Devices int           `json:"devices"`
	Lasts   float64       `json:"fleet_seconds"`
	Cases   []measurement `json:"cases"`
}

// A measurement is a case with what it took.
type measurement struct {
	Name     string  `json:"name"`
	Body     int     `json:"body_bytes"`
	Attempts int     `json:"attempts"`
	Failed   int     `json:"failed"`
	Applied  int     `json:"applied"` // bodies that changed something
	Events   int     `json:"events"`
	Written  int64   `json:"written_bytes"`
	Seconds  float64 `json:"seconds"`
	CPU      float64 `json:"cpu_seconds"`
	Each     float64 `json:"microseconds_each"`
	Speed    float64 `json:"times_real"`
	Heap     int64   `json:"allocated_bytes_each"`
	Live     int64   `json:"live_bytes,omitempty"` // at the end; 0: not measured
	Most     float64 `json:"target_seconds"`       // 0: none, as for another fleet than the target's
	Ratio    float64 `json:"of_target"`
	MostEach float64 `json:"target_microseconds"`
	Verdict  string  `json:"verdict"`
}

func measure(o options) (*measured, error) {
	runtime.GOMAXPROCS(o.cores)
	defer host.TuneGC()() // as the command does
	if o.profile != "" {
		f, err := os.Create(o.profile)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		if err := pprof.StartCPUProfile(f); err != nil {
			return nil, err
		}
		defer pprof.StopCPUProfile()
	}
	r := &measured{Devices: o.devices, Lasts: o.lasts.Seconds()}
	for _, c := range cases {
		if o.only != "" && o.only != c.Name {
			continue
		}
		m, err := c.run(&c, o)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", c.Name, err)
		}
		r.Cases = append(r.Cases, m)
	}
	return r, o.writeAllocs()
}

// writeAllocs writes what was allocated, if the user asks for it.
func (o *options) writeAllocs() error {
	if o.allocs == "" {
		return nil
	}
	f, err := os.Create(o.allocs)
	if err != nil {
		return err
	}
	return errors.Join(pprof.Lookup("allocs").WriteTo(f, 0), f.Close())
}

func (r *measured) print(w io.Writer) {
	fmt.Fprintf(w, "%d devices, %gh of their time, cores: %d, %s\n\n", r.Devices, r.Lasts/3600, runtime.GOMAXPROCS(0), runtime.Version())
	fmt.Fprintf(w, "%-10s %9s %9s %9s %9s %8s %8s %10s  %s\n", "", "attempts", "failed", "applied", "events", "seconds", "µs each", "target", "")
	for _, m := range r.Cases {
		fmt.Fprintf(w, "%-10s %9d %9d %9d %9d %8.2f %8.1f %10s  %s\n", m.Name, m.Attempts, m.Failed, m.Applied, m.Events, m.Seconds, m.Each, m.target(), m.Verdict)
	}
	for _, m := range r.Cases {
		fmt.Fprintf(w, "\n%s: bodies of %d bytes, %.0f MB of events, %.2f s of CPU, %d bytes allocated for each attempt, %.0f times as fast as the wall's clock",
			m.Name, m.Body, float64(m.Written)/1e6, m.CPU, m.Heap, m.Speed)
	}
	fmt.Fprintln(w)
}

func (m *measurement) target() string {
	switch {
	case m.Most > 0:
		return fmt.Sprintf("%g s", m.Most)
	case m.MostEach > 0:
		return fmt.Sprintf("%g µs", m.MostEach)
	}
	return "-"
}

// judge sets the measurement beside its target, which is for 10,000 devices and
// a day.
func (m *measurement) judge(o options) {
	if o.devices != 10_000 || o.lasts != 24*time.Hour {
		m.Most, m.MostEach, m.Verdict = 0, 0, "no target for this fleet"
		return
	}
	if m.Most > 0 {
		m.Ratio = m.Seconds / m.Most
	} else {
		m.Ratio = m.Each / m.MostEach
	}
	m.Verdict = fmt.Sprintf("met, ratio %.2f", m.Ratio)
	if m.Ratio > 1 || m.MostEach > 0 && m.Each > m.MostEach {
		m.Verdict = fmt.Sprintf("missed, ratio %.2f", m.Ratio)
	}
}
