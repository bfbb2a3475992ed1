// Command check measures virtual time and idle devices, and sets what it sees beside the
// figures that were recorded last. A loss above a tenth is an error.
//
// Time is counted in units of a fixed piece of work on the same core in the same run, so
// that a faster machine does not hide a loss. Another kind of processor has other ratios:
// record them there before and after a change.
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
)

func main() { os.Exit(command(os.Args[1:], os.Stdout, os.Stderr)) }

// options are the command line.
type options struct {
	file    string
	record  bool
	rounds  int
	devices int
	slower  float64
}

// command carries out a command line: 1 is a loss, 2 that something could not be
// measured.
func command(args []string, out, errs io.Writer) int {
	o := options{}
	f := flag.NewFlagSet("check", flag.ContinueOnError)
	f.SetOutput(errs)
	f.StringVar(&o.file, "recorded", "bench/check/recorded.json", "the file of the recorded figures")
	f.BoolVar(&o.record, "record", false, "write the figures to the file in place of comparing them")
	f.IntVar(&o.rounds, "rounds", 5, "how often time is measured; the least counts")
	f.IntVar(&o.devices, "devices", 2000, "how many devices of the virtual day, a tenth of those at rest; figures differ with it")
	f.Float64Var(&o.slower, "slower", 1.1, "how many times the recorded time is a loss")
	if err := f.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return 0
		}
		return 2
	}
	lost, err := o.check(out, errs)
	switch {
	case err != nil:
		fmt.Fprintln(errs, "check:", err)
		return 2
	case lost:
		return 1
	}
	return 0
}

// A figure is what was seen of one thing. Less is better.
type figure struct {
	Name string  `json:"name"`
	Seen float64 `json:"seen"`
	Unit string  `json:"unit"`
	Time bool    `json:"time,omitempty"` // it is time, or follows from it, and differs from run to run
}

// mostMore is how many times a recorded figure that is not time is a loss.
const mostMore = 1.1

// check measures, and compares or records.
func (o *options) check(out, errs io.Writer) (lost bool, err error) {
	var recorded []figure
	if !o.record {
		if recorded, err = read(o.file); err != nil {
			return false, err
		}
	}
	seen, err := o.measure(errs)
	if err != nil {
		return false, err
	}
	if o.record {
		text, err := json.MarshalIndent(seen, "", "  ")
		if err != nil {
			return false, err
		}
		return false, os.WriteFile(o.file, append(text, '\n'), 0o644)
	}
	return compare(out, seen, recorded, o.slower)
}

// read reads the recorded figures.
func read(name string) (list []figure, err error) {
	text, err := os.ReadFile(name)
	if err == nil {
		if err = json.Unmarshal(text, &list); err != nil {
			err = fmt.Errorf("%s: %w", name, err)
		}
	}
	return list, err
}

// compare prints what was seen beside what was recorded.
func compare(out io.Writer, seen, recorded []figure, slower float64) (lost bool, err error) {
	fmt.Fprintf(out, "%-34s %10s %10s %7s\n", "", "recorded", "seen", "ratio")
	for _, s := range seen {
		at := slices.IndexFunc(recorded, func(r figure) bool { return r.Name == s.Name })
		if at < 0 || recorded[at].Seen <= 0 {
			return false, fmt.Errorf("%s is not recorded; --record does so", s.Name)
		}
		ratio, most, verdict := s.Seen/recorded[at].Seen, mostMore, "ok"
		if s.Time {
			most = slower
		}
		if ratio > most {
			lost, verdict = true, "LOST"
		}
		fmt.Fprintf(out, "%-34s %10.4g %10.4g %7.2f  %s (%s)\n", s.Name, recorded[at].Seen, s.Seen, ratio, verdict, s.Unit)
	}
	return lost, nil
}

// measure runs the instruments.
func (o *options) measure(errs io.Writer) ([]figure, error) {
	dir, err := os.MkdirTemp("", "check-*")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	for _, name := range []string{"virtual", "idle"} {
		if text, err := exec.Command("go", "build", "-o", filepath.Join(dir, name), "spafleet/bench/"+name).CombinedOutput(); err != nil {
			return nil, fmt.Errorf("build bench/%s: %w\n%s", name, err, text)
		}
	}
	day, err := o.day(filepath.Join(dir, "virtual"), errs)
	if err != nil {
		return nil, err
	}
	var rest struct {
		Fleets []struct {
			Bytes float64 `json:"live_bytes_each"`
		} `json:"fleets"`
	}
	if err := said(&rest, filepath.Join(dir, "idle"), "--json", "--devices", strconv.Itoa(10*o.devices), "--delay", "1"); err != nil {
		return nil, err
	}
	// Attempts that ran at the same moment leave some bytes with Go's runtime.
	return append(day, figure{"a device at rest, live heap", rest.Fleets[0].Bytes, "B", true}), nil
}

// day measures a virtual day of each kind. The least of several rounds counts, as the one
// that other work has disturbed least.
func (o *options) day(program string, errs io.Writer) ([]figure, error) {
	var list []figure
	for i := range max(o.rounds, 1) {
		fmt.Fprintf(errs, "round %d of %d\n", i+1, o.rounds)
		var r struct {
			Cases []struct {
				Name     string  `json:"name"`
				Attempts float64 `json:"attempts"`
				CPU      float64 `json:"cpu_seconds"`
				Heap     float64 `json:"allocated_bytes_each"`
			} `json:"cases"`
		}
		unit := work()
		if err := said(&r, program, "--json", "--devices", strconv.Itoa(o.devices)); err != nil {
			return nil, err
		}
		unit = min(unit, work())
		for j, c := range r.Cases {
			each := c.CPU / c.Attempts / unit
			if i == 0 {
				list = append(list, figure{"a virtual day, " + c.Name, each, "units of CPU an attempt", true},
					figure{"a virtual day, " + c.Name + ", allocated", c.Heap, "B an attempt", false})
				continue
			}
			list[2*j].Seen = min(list[2*j].Seen, each)
			list[2*j+1].Seen = min(list[2*j+1].Seen, c.Heap)
		}
	}
	return list, nil
}

// said runs a program and reads its JSON.
func said(into any, program string, args ...string) error {
	var errs bytes.Buffer
	cmd := exec.Command(program, args...)
	cmd.Stderr = &errs
	text, err := cmd.Output()
	if err != nil {
		return fmt.Errorf("%s: %w\n%s", filepath.Base(program), err, errs.String())
	}
	return json.Unmarshal(text, into)
}
