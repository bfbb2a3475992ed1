// Command storm measures the return of power: devices that are provisioned ask
// for their file within the default 0 to 40 seconds, over HTTP from nginx, with
// this program on half of the cores, two at most. Then it looks for the shortest
// window that it holds, and whether a silent TFTP server gets a verdict that names
// the limit. Start at [measure].
package main

import (
	"context"
	"errors"
	"flag"
	"io"

	"spafleet/bench/harness"
)

func main() { instrument().Main() }

// options are the command line.
type options struct {
	devices int
	windows []int // seconds, the promised one first
	silent  int   // devices that ask a silent server; 0: not tried
}

func instrument() *harness.Instrument {
	o := options{}
	return &harness.Instrument{
		Name: "bench/storm",
		Flags: func(f *flag.FlagSet) func() error {
			f.IntVar(&o.devices, "devices", 100_000, "provisioned devices")
			windows := f.String("windows", "40,30,20,15,12,10,8,6,5", "seconds in which power-on attempts begin; shorter ones while they are held")
			f.IntVar(&o.silent, "silent", 100_000, "devices that ask a TFTP server which says nothing; 0: leave it out")
			return func() error { return o.read(*windows) }
		},
		Measure: func(ctx context.Context, errs io.Writer) (harness.Report, error) { return measure(ctx, o, errs) },
		Work:    work,
	}
}

func (o *options) read(windows string) (err error) {
	if o.windows, err = harness.Numbers("windows", windows); err != nil {
		return err
	}
	if o.devices < 1 || o.silent < 0 {
		return errors.New("there is at least one device")
	}
	return nil
}
