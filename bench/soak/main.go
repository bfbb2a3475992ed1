// Command soak lets a fleet live with faults for a while and looks whether
// anything grows.
//
// Devices resync from the embedded server, in the same process, over real
// sockets: two in three by HTTP, the rest by TFTP, each from a file of its own
// that changes with every round. Packets are lost, connections break, files come
// corrupt. In each round the power of every fifth device fails and returns, the
// server is down for a while, and for a while faults are many. At the end all
// faults stop, and every device must be synced. Goroutines, open files, heap and
// resident memory are compared with what they were when all were synced first,
// and once everything has ended, with what they were before it began.
//
// The exit code is 1 where a device is not synced or something grew, 2 where the
// soak could not run. Start at [soak].
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"spafleet/host"
)

func main() {
	collect := host.TuneGC() // as the command does
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	collect()
	os.Exit(code)
}

// options are the command line.
type options struct {
	devices int
	lasts   time.Duration // without the first and the last sync
	period  time.Duration // of a device
}

func run(ctx context.Context, args []string, out, errs io.Writer) int {
	flags := flag.NewFlagSet("bench/soak", flag.ContinueOnError)
	flags.SetOutput(errs)
	var o options
	flags.IntVar(&o.devices, "devices", 50_000, "how many")
	flags.DurationVar(&o.lasts, "time", 30*time.Minute, "how long faults come and go")
	flags.DurationVar(&o.period, "period", 2*time.Minute, "how often a device resyncs; at least 2s")
	if err := flags.Parse(args); err != nil {
		return 2
	}
	if o.devices < 10 || o.lasts <= 0 || o.period < 2*time.Second || flags.NArg() > 0 {
		fmt.Fprintln(errs, "bench/soak: at least 10 devices, some time, a period of 2s or more, and nothing else")
		return 2
	}
	grown, err := soak(ctx, o, out)
	switch {
	case err != nil:
		fmt.Fprintf(errs, "bench/soak: %s\n", err)
		return 2
	case len(grown) > 0:
		for _, g := range grown {
			fmt.Fprintf(out, "✗ %s\n", g)
		}
		return 1
	}
	fmt.Fprintln(out, "✓ all synced, and nothing grew")
	return 0
}
