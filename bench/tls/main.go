// Command tls measures what the devices' SSL costs.
//
// Without --memory or --mint it sets the devices' client beside OpenSSL's own,
// openssl s_time, in turns on one core, against nginx on the others: full mutual
// handshake, GET, read to the end, close. Start at [compare].
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// options are the command line.
type options struct {
	round    time.Duration
	rounds   int
	bits     []int
	parallel int
	core     int
	json     bool
	memory   int
	mint     int
}

// run carries out a command line. The exit code is not 0 only where something
// could not be measured: a target that is missed is a result.
func run(ctx context.Context, args []string, in io.Reader, out, errs io.Writer) int {
	if len(args) == 1 && args[0] == workerArgument {
		return ended(work(in, out), errs)
	}
	o, err := parse(args, errs)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		return 2
	}
	report, err := measure(ctx, o, errs)
	if err != nil {
		return ended(err, errs)
	}
	if o.json {
		e := json.NewEncoder(out)
		e.SetIndent("", "  ")
		return ended(e.Encode(report), errs)
	}
	report.print(out)
	return 0
}

func ended(err error, errs io.Writer) int {
	if err != nil {
		fmt.Fprintln(errs, "bench/tls:", err)
		return 1
	}
	return 0
}

// A report is what was measured.
type report interface{ print(io.Writer) }

func measure(ctx context.Context, o options, errs io.Writer) (report, error) {
	switch {
	case o.memory > 0:
		return measureMemory(ctx, o, errs)
	case o.mint > 0:
		return measureMint(ctx, o, errs)
	}
	return compare(ctx, o, errs)
}

func parse(args []string, errs io.Writer) (options, error) {
	f := flag.NewFlagSet("bench/tls", flag.ContinueOnError)
	f.SetOutput(errs)
	o := options{}
	seconds := f.Int("time", 5, "seconds of a round")
	bits := f.String("bits", "1024,2048", "lengths of the client's key")
	memory := f.Bool("memory", false, "measure the memory of live connections")
	mint := f.Bool("mint", false, "measure how fast certificates are minted")
	count := f.Int("count", 0, "connections with --memory (0: 2000), certificates with --mint (0: 100000)")
	f.IntVar(&o.rounds, "rounds", 5, "rounds of each client")
	f.IntVar(&o.parallel, "parallel", 4, "connections at a time beside one; four fill the client's core")
	f.IntVar(&o.core, "core", runtime.NumCPU()-1, "the client's core; nginx has the others")
	f.BoolVar(&o.json, "json", false, "write the result as JSON")
	if err := f.Parse(args); err != nil {
		return o, err
	}
	o.round = time.Duration(*seconds) * time.Second
	if *memory {
		o.memory = or(*count, 2000)
	}
	if *mint {
		o.mint = or(*count, 100_000)
	}
	for word := range strings.SplitSeq(*bits, ",") {
		n, err := strconv.Atoi(word)
		if err != nil || n != 1024 && n != 2048 {
			return o, complain(errs, "--bits %s: want 1024 or 2048, or both with a comma", *bits)
		}
		o.bits = append(o.bits, n)
	}
	switch {
	case f.NArg() > 0:
		return o, complain(errs, "%q is no option", f.Arg(0))
	case *memory && *mint:
		return o, complain(errs, "--memory and --mint are measured one at a time")
	case *seconds < 1 || o.rounds < 1 || o.parallel < 1 || *count < 0:
		return o, complain(errs, "--time, --rounds and --parallel are 1 or more, --count is not negative")
	case o.core < 0 || o.core >= runtime.NumCPU():
		return o, complain(errs, "--core %d: there are the cores 0 to %d", o.core, runtime.NumCPU()-1)
	}
	return o, nil
}

func complain(errs io.Writer, format string, args ...any) error {
	err := fmt.Errorf(format, args...)
	fmt.Fprintln(errs, "bench/tls:", err)
	return err
}

func or(n, zero int) int {
	if n == 0 {
		return zero
	}
	return n
}
