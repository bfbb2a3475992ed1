// Command tftp measures whole resyncs over TFTP beside a bare loop of pin/tftp's
// client, which only fetches the same files, in turns on the same cores: against
// dnsmasq and against the embedded server. Start at [compare].
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"strings"
	"time"

	"spafleet/bench/harness"
)

func main() { instrument().Main() }

// options are the command line.
type options struct {
	devices  int
	sizes    []int
	servers  []string
	parallel int
	rounds   int
	round    time.Duration
}

func instrument() *harness.Instrument {
	o := options{}
	return &harness.Instrument{
		Name: "bench/tftp",
		Flags: func(f *flag.FlagSet) func() error {
			f.IntVar(&o.devices, "devices", 20_000, "devices; each resyncs once a second if it can")
			f.IntVar(&o.parallel, "parallel", 32, "transfers at a time")
			f.IntVar(&o.rounds, "rounds", 5, "rounds of each client")
			sizes := f.String("sizes", "4096,40960", "bytes of a profile")
			servers := f.String("servers", dnsmasq+","+embedded, "servers")
			seconds := f.Int("time", 3, "seconds of a round")
			return func() error {
				o.round = time.Duration(*seconds) * time.Second
				return o.read(*sizes, *servers)
			}
		},
		Measure: func(ctx context.Context, errs io.Writer) (harness.Report, error) { return compare(ctx, o, errs) },
		Work:    work,
	}
}

func (o *options) read(sizes, servers string) (err error) {
	if o.sizes, err = harness.Numbers("sizes", sizes); err != nil {
		return err
	}
	for word := range strings.SplitSeq(servers, ",") {
		if word != dnsmasq && word != embedded {
			return fmt.Errorf("--servers %s: there are %s and %s", servers, dnsmasq, embedded)
		}
		o.servers = append(o.servers, word)
	}
	if o.devices < 1 || o.parallel < 1 || o.rounds < 1 || o.round < time.Second {
		return errors.New("all numbers are 1 or more")
	}
	return nil
}
