package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"text/tabwriter"

	"spafleet/bench/harness"
	"spafleet/bench/workload"
	"spafleet/device"
)

// target is what whole resyncs shall reach of the bare loop's rate.
const target = 0.9

// The contestants, in the order of their turns.
const (
	bare = "pin/tftp loop"
	ours = "spafleet"
)

// A comparison is the result of all rounds.
type comparison struct {
	Machine  string            `json:"machine"`
	Devices  int               `json:"devices"`
	Parallel int               `json:"transfers_at_a_time"`
	Clients  harness.Cores     `json:"client_cores"`
	Server   harness.Cores     `json:"server_cores"`
	Seconds  float64           `json:"round_seconds"`
	Contests []*contest        `json:"contests"`
	Verdicts []harness.Verdict `json:"verdicts"`
}

// A contest is all rounds with one server and one size.
type contest struct {
	Server string          `json:"server"`
	Size   int             `json:"profile_bytes"`
	Sides  []*harness.Side `json:"clients"`
}

// compare lets both clients take turns with each server and size.
func compare(ctx context.Context, o options, errs io.Writer) (*comparison, error) {
	server, clients := harness.Halves()
	c := &comparison{Machine: harness.Machine(), Devices: o.devices, Parallel: o.parallel, Clients: clients, Server: server, Seconds: o.round.Seconds()}
	for _, size := range o.sizes {
		if err := c.size(ctx, o, size, errs); err != nil {
			return nil, err
		}
	}
	return c, nil
}

func (c *comparison) size(ctx context.Context, o options, size int, errs io.Writer) error {
	dir, err := os.MkdirTemp("", "bench-tftp-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }() // of temporary files
	fmt.Fprintf(errs, "writing the files of %d devices\n", o.devices)
	names, err := write(dir, o.devices, size)
	if err != nil {
		return err
	}
	for _, name := range o.servers {
		s, err := start(ctx, name, c.Server, dir)
		if err != nil {
			return fmt.Errorf("start %s: %w", name, err)
		}
		k := &contest{Server: name, Size: size, Sides: []*harness.Side{{Name: bare}, {Name: ours}}}
		c.Contests = append(c.Contests, k)
		err = k.rounds(ctx, o, c.Clients, s.at, names, errs)
		s.stop()
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		c.Verdicts = append(c.Verdicts, harness.AtLeast(fmt.Sprintf("%d bytes from %s, rate to the bare loop's", size, name), k.Sides[1].Ratio(k.Sides[0]), target, ""))
	}
	return nil
}

func (k *contest) rounds(ctx context.Context, o options, cores harness.Cores, at string, names []string, errs io.Writer) error {
	for i := range o.rounds {
		fmt.Fprintf(errs, "%d bytes from %s, round %d of %d:", k.Size, k.Server, i+1, o.rounds)
		for _, side := range k.Sides {
			t := task{Name: side.Name, Server: at, Names: names, Resyncs: harness.Resyncs{Name: ours, Presets: []string{"Profile_Rule", "tftp://" + at + "/$MA.xml"},
				Devices: o.devices, Parallel: o.parallel, Time: o.round}}
			var r harness.Round
			if err := harness.RunWorker(ctx, cores, t, &r); err != nil {
				fmt.Fprintln(errs)
				return fmt.Errorf("%s: %w", side.Name, err)
			}
			side.Add(r)
			fmt.Fprintf(errs, " %s %.0f/s", side.Name, r.Rate())
		}
		fmt.Fprintln(errs)
	}
	return nil
}

// write writes a file for each device and returns their names.
func write(dir string, devices, size int) ([]string, error) {
	row, err := workload.Row()
	if err != nil {
		return nil, err
	}
	names := make([]string, devices)
	err = workload.WriteFiles(dir, devices, func(dev device.Index) (string, []byte) {
		u := workload.Unit(row, dev)
		names[dev] = u.MAC.String() + ".xml"
		return names[dev], workload.AppendProfile(nil, row, &u, size, "Resync_Periodic", "1", "Resync_Error_Retry_Delay", "1")
	})
	if err == nil {
		err = os.Chmod(dir, 0o755) // dnsmasq serves only what all may read
	}
	return names, err
}

// Print writes the result as text.
func (c *comparison) Print(out io.Writer) {
	fmt.Fprintf(out, "TFTP, blocks of 512 bytes, %d devices with a file each, %d transfers at a time.\n%s\n", c.Devices, c.Parallel, c.Machine)
	fmt.Fprintf(out, "The server on cores %s, the client on %s; rounds of %.0f s in turns; medians.\n\n", c.Server, c.Clients, c.Seconds)
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "bytes\tserver\tclient\ta second\tCPU ms each\tto the loop")
	for _, k := range c.Contests {
		for _, s := range k.Sides {
			fmt.Fprintf(w, "%d\t%s\t%s\t%.0f\t%.3f\t%.2f\n", k.Size, k.Server, s.Name, s.Rate, s.Cost, s.Ratio(k.Sides[0]))
		}
	}
	_ = w.Flush() // the reader is gone
	fmt.Fprintln(out)
	for _, v := range c.Verdicts {
		fmt.Fprintln(out, v)
	}
}
