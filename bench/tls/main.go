// Command tls measures what the devices' SSL costs.
//
// Without --memory or --mint it sets the devices' client beside OpenSSL's own,
// openssl s_time, in turns on one core, against nginx on the others: full mutual
// handshake, GET, read to the end, close. Start at [compare].
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"runtime"
	"strconv"
	"strings"
	"time"

	"spafleet/bench/harness"
)

func main() { instrument().Main() }

// options are the command line.
type options struct {
	round    time.Duration
	rounds   int
	bits     []int
	parallel int
	core     int
	memory   int
	mint     int
}

func instrument() *harness.Instrument {
	o := options{}
	return &harness.Instrument{
		Name:  "bench/tls",
		Flags: o.flags,
		Measure: func(ctx context.Context, errs io.Writer) (harness.Report, error) {
			switch {
			case o.memory > 0:
				return measureMemory(ctx, o, errs)
			case o.mint > 0:
				return measureMint(ctx, o, errs)
			}
			return compare(ctx, o, errs)
		},
		Work: work,
	}
}

func (o *options) flags(f *flag.FlagSet) (check func() error) {
	seconds := f.Int("time", 5, "seconds of a round")
	bits := f.String("bits", "1024,2048", "lengths of the client's key")
	memory := f.Bool("memory", false, "measure the memory of live connections")
	mint := f.Bool("mint", false, "measure how fast certificates are minted")
	count := f.Int("count", 0, "connections with --memory (0: 2000), certificates with --mint (0: 100000)")
	f.IntVar(&o.rounds, "rounds", 5, "rounds of each client")
	f.IntVar(&o.parallel, "parallel", 4, "connections at a time beside one; four fill the client's core")
	f.IntVar(&o.core, "core", runtime.NumCPU()-1, "the client's core; nginx has the others")
	return func() error {
		o.round = time.Duration(*seconds) * time.Second
		if *memory {
			o.memory = or(*count, 2000)
		}
		if *mint {
			o.mint = or(*count, 100_000)
		}
		switch {
		case *memory && *mint:
			return errors.New("--memory and --mint are measured one at a time")
		case *seconds < 1 || o.rounds < 1 || o.parallel < 1 || *count < 0:
			return errors.New("--time, --rounds and --parallel are 1 or more, --count is not negative")
		case o.core < 0 || o.core >= runtime.NumCPU():
			return fmt.Errorf("--core %d: there are the cores 0 to %d", o.core, runtime.NumCPU()-1)
		}
		return o.lengths(*bits)
	}
}

func (o *options) lengths(bits string) error {
	for word := range strings.SplitSeq(bits, ",") {
		n, err := strconv.Atoi(word)
		if err != nil || n != 1024 && n != 2048 {
			return fmt.Errorf("--bits %s: want 1024 or 2048, or both with a comma", bits)
		}
		o.bits = append(o.bits, n)
	}
	return nil
}

func or(n, zero int) int {
	if n == 0 {
		return zero
	}
	return n
}
