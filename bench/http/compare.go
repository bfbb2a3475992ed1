package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"text/tabwriter"

	"spafleet/bench/harness"
	"spafleet/bench/workload"
	"spafleet/device"
)

// What is to be reached (architecture): of wrk's rate, and processor time of one
// resync in milliseconds.
const (
	unchangedRatio, unchangedCost = 0.55, 0.18
	changedRatio, changedCost     = 0.40, 0.24
)

// The contestants, in the order of their turns.
const (
	theirs    = "wrk"
	unchanged = "unchanged body"
	changed   = "changed body"
)

// A comparison is the result of all rounds.
type comparison struct {
	Machine  string            `json:"machine"`
	Devices  int               `json:"devices"`
	Size     int               `json:"profile_bytes"`
	Parallel int               `json:"connections_at_a_time"`
	Clients  harness.Cores     `json:"client_cores"`
	Server   harness.Cores     `json:"server_cores"`
	Seconds  float64           `json:"round_seconds"`
	Sides    []*harness.Side   `json:"clients"`
	Verdicts []harness.Verdict `json:"verdicts"`
}

// compare lets all clients take turns.
func compare(ctx context.Context, o options, errs io.Writer) (*comparison, error) {
	server, clients := harness.Halves()
	c := &comparison{Machine: harness.Machine(), Devices: o.devices, Size: o.size, Parallel: o.parallel,
		Clients: clients, Server: server, Seconds: o.round.Seconds()}
	s, err := open(ctx, o, server, errs)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	for _, name := range contestants() {
		c.Sides = append(c.Sides, &harness.Side{Name: name})
	}
	for i := range o.rounds {
		fmt.Fprintf(errs, "round %d of %d:", i+1, o.rounds)
		for _, side := range c.Sides {
			r, err := s.run(ctx, side.Name, clients, o)
			if err != nil {
				fmt.Fprintln(errs)
				return nil, fmt.Errorf("%s: %w", side.Name, err)
			}
			side.Add(r)
			fmt.Fprintf(errs, " %s %.0f/s", side.Name, r.Rate())
		}
		fmt.Fprintln(errs)
	}
	c.conclude()
	return c, nil
}

// contestants returns who takes part: wrk and the two kinds of resync always,
// other load generators where the machine has them.
func contestants() []string {
	list := []string{theirs, unchanged, changed}
	for _, other := range others {
		if harness.Has(other) {
			list = append(list, other)
		}
	}
	return list
}

func (c *comparison) conclude() {
	wrk, same, other := c.Sides[0], c.Sides[1], c.Sides[2]
	c.Verdicts = []harness.Verdict{
		harness.AtMost("unchanged body, processor time", same.Cost, unchangedCost, "ms"),
		harness.AtLeast("unchanged body, rate to wrk's", same.Ratio(wrk), unchangedRatio, ""),
		harness.AtMost("changed body, processor time", other.Cost, changedCost, "ms"),
		harness.AtLeast("changed body, rate to wrk's", other.Ratio(wrk), changedRatio, ""),
	}
}

// Print writes the result as text.
func (c *comparison) Print(out io.Writer) {
	fmt.Fprintf(out, "HTTP, a new connection each, %d devices with a profile of %d bytes each, %d connections at a time.\n%s\n", c.Devices, c.Size, c.Parallel, c.Machine)
	fmt.Fprintf(out, "nginx on cores %s, the client on %s; rounds of %.0f s in turns; medians of %d.\n\n", c.Server, c.Clients, c.Seconds, len(c.Sides[0].Rates))
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "client\ta second\tCPU ms each\trate to wrk's\twrk's CPU to its own")
	for _, s := range c.Sides {
		fmt.Fprintf(w, "%s\t%.0f\t%.3f\t%.2f\t%.2f\n", s.Name, s.Rate, s.Cost, s.Ratio(c.Sides[0]), c.Sides[0].Cost/s.Cost)
	}
	_ = w.Flush() // the reader is gone
	fmt.Fprintln(out)
	for _, v := range c.Verdicts {
		fmt.Fprintln(out, v)
	}
}

// A site is nginx with the devices' files.
type site struct {
	*harness.Site
	paths []string // of the files that the devices with an unchanged body get
}

const address = "127.0.1.1"

// open writes the files and starts nginx.
func open(ctx context.Context, o options, cores harness.Cores, errs io.Writer) (*site, error) {
	fmt.Fprintf(errs, "writing the files of %d devices\n", o.devices)
	s := &site{paths: make([]string, o.devices)}
	var err error
	s.Site, err = harness.OpenSite(ctx, cores, address, func(www string) error { return s.write(www, o) })
	return s, err
}

// write writes two files for each device, below a and b: they differ in GPP_A
// alone, which says where the other is. The device that keeps its body gets a.
func (s *site) write(www string, o options) error {
	row, err := workload.Row()
	if err != nil {
		return err
	}
	for _, pair := range [][2]string{{"b", "a"}, {"a", "b"}} {
		dir := filepath.Join(www, pair[0])
		if err := os.Mkdir(dir, 0o700); err != nil {
			return err
		}
		err := workload.WriteFiles(dir, o.devices, func(dev device.Index) (string, []byte) {
			u := workload.Unit(row, dev)
			name := u.MAC.String() + ".xml"
			s.paths[dev] = "/" + pair[0] + "/" + name
			return name, workload.AppendProfile(nil, row, &u, o.size, "Resync_Periodic", "1", "GPP_A", pair[1])
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// run gives one contestant a round.
func (s *site) run(ctx context.Context, name string, cores harness.Cores, o options) (r harness.Round, err error) {
	switch name {
	case unchanged, changed:
		err = harness.RunWorker(ctx, cores, s.resyncs(name, o), &r)
	default:
		r, err = s.load(ctx, name, cores, o)
	}
	if err == nil && r.Count == 0 {
		err = fmt.Errorf("nothing was fetched in %v", r.Elapsed)
	}
	return r, err
}

// resyncs returns a round of the fleet. Where the body changes, the rule names the
// directory that GPP_A has from the file before.
func (s *site) resyncs(name string, o options) harness.Resyncs {
	directory := "a"
	if name == changed {
		directory = "$A"
	}
	return harness.Resyncs{Name: name, Presets: []string{"Profile_Rule", "http://" + s.At + "/" + directory + "/$MA.xml", "GPP_A", "a"},
		Devices: o.devices, Parallel: o.parallel, Time: o.round, Changing: name == changed}
}
