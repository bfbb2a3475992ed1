package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"time"

	"spafleet/bench/harness"
	"spafleet/bench/workload"
	"spafleet/device"
	"spafleet/scenarios"
	"spafleet/scenarios/run"
)

// mostLate is what is to be reached (architecture), p99, in milliseconds.
const mostLate = 10

// measured is what became of all storms.
type measured struct {
	Machine   string            `json:"machine"`
	Devices   int               `json:"devices"`
	Generator harness.Cores     `json:"generator_cores"`
	Server    harness.Cores     `json:"server_cores"`
	Storms    []*storm          `json:"storms"`
	Shortest  int               `json:"shortest_window_held_seconds"` // 0: none
	Silent    *silence          `json:"silent_tftp_server,omitempty"`
	Verdicts  []harness.Verdict `json:"verdicts"`
}

// A silence is a run against a TFTP server that says nothing.
type silence struct {
	Devices int      `json:"devices"`
	Valid   bool     `json:"valid"`
	Limits  []string `json:"limits"`
	Reasons []string `json:"reasons"`
}

// measure lets the power return, in shorter windows as long as they are held.
func measure(ctx context.Context, o options, errs io.Writer) (*measured, error) {
	r := &measured{Machine: harness.Machine(), Devices: o.devices}
	r.Server, r.Generator = harness.Halves()
	fmt.Fprintf(errs, "writing the files of %d devices\n", o.devices)
	s, err := open(ctx, o.devices, r.Server)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	for i, window := range o.windows {
		fmt.Fprintf(errs, "%d devices within %d s: ", o.devices, window)
		k := &storm{}
		if err := harness.RunWorker(ctx, r.Generator, task{Server: s.At, Devices: o.devices, Window: window}, k); err != nil {
			fmt.Fprintln(errs)
			return nil, err
		}
		fmt.Fprintf(errs, "%d synced, p99 late by %.1f ms\n", k.Synced, k.Late.P99*1000)
		r.Storms = append(r.Storms, k)
		if i == 0 {
			r.judge(k)
		}
		if !k.held() {
			break
		}
		r.Shortest = window
	}
	if o.silent > 0 {
		fmt.Fprintf(errs, "%d devices ask a silent TFTP server\n", o.silent)
		r.Silent = &silence{}
		if err := harness.RunWorker(ctx, r.Generator, task{Silent: o.silent}, r.Silent); err != nil {
			return nil, err
		}
		r.Verdicts = append(r.Verdicts, harness.AtLeast("silent TFTP server, limits that the verdict names", float64(len(r.Silent.Limits)), 1, ""))
	}
	return r, nil
}

func (r *measured) judge(k *storm) {
	name := fmt.Sprintf("%d devices within %d s, ", k.Devices, k.Window)
	r.Verdicts = append(r.Verdicts,
		harness.AtMost(name+"late by, p99", k.Late.P99*1000, mostLate, "ms"),
		harness.AtLeast(name+"synced", 100*float64(k.Synced)/float64(k.Devices), 100, "%"))
}

// held reports whether a window is long enough.
func (k *storm) held() bool {
	return k.Synced == k.Devices && k.Failed == 0 && k.Late.P99*1000 <= mostLate
}

// Print writes the result as text.
func (r *measured) Print(out io.Writer) {
	fmt.Fprintf(out, "Power returns to %d provisioned devices, HTTP, a connection and a file each. %s\n", r.Devices, r.Machine)
	fmt.Fprintf(out, "nginx on cores %s, the devices on %s.\n\n", r.Server, r.Generator)
	for _, k := range r.Storms {
		fmt.Fprintf(out, "within %2d s: %d synced, %d failed; late by: median %.1f ms, p99 %.1f ms, at most %.1f ms; %.0f %% of its cores\n",
			k.Window, k.Synced, k.Failed, k.Late.Med*1000, k.Late.P99*1000, k.Late.Max*1000, 100*k.Busy)
	}
	fmt.Fprintln(out, "\nshortest window held:", r.shortest())
	if s := r.Silent; s != nil {
		fmt.Fprintf(out, "silent TFTP server, %d devices: run valid: %t, limits: %s\n", s.Devices, s.Valid, strings.Join(s.Limits, ", "))
		for _, why := range s.Reasons {
			fmt.Fprintf(out, "  %s\n", why)
		}
	}
	fmt.Fprintln(out)
	for _, v := range r.Verdicts {
		fmt.Fprintln(out, v)
	}
}

func (r *measured) shortest() string {
	if r.Shortest == 0 {
		return "none"
	}
	return fmt.Sprintf("%d s", r.Shortest)
}

const address = "127.0.1.3"

// open serves the devices' files.
func open(ctx context.Context, devices int, cores harness.Cores) (*harness.Site, error) {
	row, err := workload.Row()
	if err != nil {
		return nil, err
	}
	return harness.OpenSite(ctx, cores, address, func(www string) error {
		return workload.WriteFiles(www, devices, func(dev device.Index) (string, []byte) {
			u := workload.Unit(row, dev)
			return u.MAC.String() + ".cfg", workload.SealedFile(row, &u)
		})
	})
}

// silent runs devices against a TFTP server that says nothing, as the command
// does, and returns what the verdict says of this machine.
func silent(ctx context.Context, devices int) (*silence, error) {
	c, err := net.ListenPacket("udp4", address+":0")
	if err != nil {
		return nil, err
	}
	defer c.Close()
	story := &scenarios.Scenario{Name: "silent", Seed: workload.Seed, Duration: 25 * time.Second, Fleet: []scenarios.Group{{
		Name: "devices", Model: workload.Model, Firmware: workload.Firmware, Count: devices,
		Set: []scenarios.Preset{{Name: "Profile_Rule", Value: "tftp://" + c.LocalAddr().String() + "/$MA.cfg"}},
	}}}
	r, err := run.Run(ctx, story, run.Options{})
	if err != nil {
		return nil, err
	}
	return &silence{devices, r.Generator.Valid, slices.Clone(r.Generator.Limits), slices.Clone(r.Generator.Reasons)}, nil
}
