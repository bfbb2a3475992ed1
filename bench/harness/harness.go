// Package harness is what the instruments share: their command line, the processes
// that they measure and measure against, cores, medians, and verdicts.
//
// An [Instrument] is a program. What it measures runs in processes of its own,
// workers, on cores of their own: see [RunWorker].
package harness

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"

	"spafleet/host"
)

// An Instrument is a program that measures something.
type Instrument struct {
	Name string // bench/http
	// Flags adds the instrument's options. What it returns looks at them once they
	// are read; its error is exit code 2. It may be nil.
	Flags func(*flag.FlagSet) (check func() error)
	// Measure measures. Progress goes to errs.
	Measure func(ctx context.Context, errs io.Writer) (Report, error)
	// Work is the worker: it reads a task and writes a result, as JSON. It may be
	// nil.
	Work func(ctx context.Context, in io.Reader, out io.Writer) error
}

// A Report is what was measured.
type Report interface{ Print(io.Writer) }

// WorkerArgument makes an instrument its worker.
const WorkerArgument = "worker"

// Main is the instrument's main function.
func (i *Instrument) Main() {
	collect := host.TuneGC() // as the command does
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := i.Run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	stop()
	collect()
	os.Exit(code)
}

// Run carries out a command line. The exit code is not 0 only where something
// could not be measured: a target that is missed is a result.
func (i *Instrument) Run(ctx context.Context, args []string, in io.Reader, out, errs io.Writer) int {
	if len(args) == 1 && args[0] == WorkerArgument && i.Work != nil {
		return i.ended(i.Work(ctx, in, out), errs)
	}
	asJSON, err := i.parse(args, errs)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		return 2
	}
	report, err := i.Measure(ctx, errs)
	if err != nil {
		return i.ended(err, errs)
	}
	if asJSON {
		e := json.NewEncoder(out)
		e.SetIndent("", "  ")
		return i.ended(e.Encode(report), errs)
	}
	report.Print(out)
	return 0
}

func (i *Instrument) ended(err error, errs io.Writer) int {
	if err != nil {
		fmt.Fprintf(errs, "%s: %v\n", i.Name, err)
		return 1
	}
	return 0
}

func (i *Instrument) parse(args []string, errs io.Writer) (asJSON bool, err error) {
	f := flag.NewFlagSet(i.Name, flag.ContinueOnError)
	f.SetOutput(errs)
	f.BoolVar(&asJSON, "json", false, "write the result as JSON")
	check := func() error { return nil }
	if i.Flags != nil {
		check = i.Flags(f)
	}
	if err := f.Parse(args); err != nil {
		return false, err
	}
	if err = check(); f.NArg() > 0 {
		err = fmt.Errorf("%q is no option", f.Arg(0))
	}
	if err != nil {
		fmt.Fprintf(errs, "%s: %v\n", i.Name, err)
	}
	return asJSON, err
}

// A Round is one measurement of one contestant.
type Round struct {
	Count   int           // of what was done
	Elapsed time.Duration // real time
	CPU     time.Duration // of user and system
}

// Rate returns how many were done in a second.
func (r Round) Rate() float64 { return float64(r.Count) / r.Elapsed.Seconds() }

// Cost returns the processor time of one, in milliseconds.
func (r Round) Cost() float64 { return r.CPU.Seconds() * 1000 / float64(max(r.Count, 1)) }

// A Side is one contestant's rounds.
type Side struct {
	Name   string    `json:"name"`
	Rates  []float64 `json:"per_second"` // in the order of the rounds
	Costs  []float64 `json:"cpu_ms"`
	Rate   float64   `json:"median_per_second"`
	Cost   float64   `json:"median_cpu_ms"`
	Failed int       `json:"failed,omitempty"`
}

// Add adds a round.
func (s *Side) Add(r Round) {
	s.Rates, s.Costs = append(s.Rates, r.Rate()), append(s.Costs, r.Cost())
	s.Rate, s.Cost = Median(s.Rates), Median(s.Costs)
}

// Ratio returns the median of a side's rates to another's, round by round: what
// ran side by side is compared, so that other work on the machine is the same
// for both.
func (s *Side) Ratio(other *Side) float64 {
	list := make([]float64, min(len(s.Rates), len(other.Rates)))
	for i := range list {
		list[i] = s.Rates[i] / other.Rates[i]
	}
	return Median(list)
}

// A Verdict holds a figure against its target.
type Verdict struct {
	What   string  `json:"what"`
	Value  float64 `json:"value"`
	Target float64 `json:"target"`
	AtMost bool    `json:"at_most"` // else at least
	Unit   string  `json:"unit,omitempty"`
	Met    bool    `json:"met"`
}

// AtMost is the verdict on a figure that may not be larger than its target.
func AtMost(what string, value, target float64, unit string) Verdict {
	return Verdict{what, value, target, true, unit, value <= target}
}

// AtLeast is the verdict on a figure that may not be smaller than its target.
func AtLeast(what string, value, target float64, unit string) Verdict {
	return Verdict{what, value, target, false, unit, value >= target}
}

// String says the figure, the target, and by how much it is missed.
func (v Verdict) String() string {
	sign, off := "≥", (v.Target-v.Value)/v.Target
	if v.AtMost {
		sign, off = "≤", (v.Value-v.Target)/v.Target
	}
	verdict := "met"
	if !v.Met {
		verdict = fmt.Sprintf("MISSED by %.1f %%", 100*off)
	}
	return fmt.Sprintf("%s: %s (%s %s): %s", v.What, v.figure(v.Value), sign, v.figure(v.Target), verdict)
}

func (v Verdict) figure(n float64) string {
	return strings.TrimSpace(fmt.Sprintf("%.4g %s", n, v.Unit))
}

// Numbers reads an option's list: whole numbers from 1 on, with commas between
// them.
func Numbers(option, list string) (numbers []int, err error) {
	for word := range strings.SplitSeq(list, ",") {
		n, err := strconv.Atoi(word)
		if err != nil || n < 1 {
			return nil, fmt.Errorf("--%s %s: want numbers from 1 on, with commas between them", option, list)
		}
		numbers = append(numbers, n)
	}
	return numbers, nil
}
