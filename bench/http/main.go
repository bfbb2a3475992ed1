// Command http measures whole resyncs over HTTP: evaluate, connect, fetch, decode,
// apply, record.
//
// Devices with a distinct profile each resync from nginx, which has one half of
// the cores, as often as the other half lets them; in turns with them wrk, which
// only fetches the same files, each on a connection of its own. Start at [compare].
package main

import (
	"context"
	"errors"
	"flag"
	"io"
	"time"

	"spafleet/bench/harness"
)

func main() { instrument().Main() }

// options are the command line.
type options struct {
	devices  int
	size     int
	parallel int
	rounds   int
	round    time.Duration
}

func instrument() *harness.Instrument {
	o := options{}
	return &harness.Instrument{
		Name: "bench/http",
		Flags: func(f *flag.FlagSet) func() error {
			f.IntVar(&o.devices, "devices", 30_000, "devices; each resyncs once a second if it can")
			f.IntVar(&o.size, "size", 16<<10, "bytes of a profile")
			f.IntVar(&o.parallel, "parallel", 64, "connections at a time")
			f.IntVar(&o.rounds, "rounds", 5, "rounds of each client")
			seconds := f.Int("time", 4, "seconds of a round")
			return func() error {
				o.round = time.Duration(*seconds) * time.Second
				if o.devices < 1 || o.size < 1 || o.parallel < 1 || o.rounds < 1 || o.round < time.Second {
					return errors.New("all numbers are 1 or more")
				}
				return nil
			}
		},
		Measure: func(ctx context.Context, errs io.Writer) (harness.Report, error) { return compare(ctx, o, errs) },
		Work:    work,
	}
}
