package main

import (
	"cmp"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"spafleet/device"
	"spafleet/device/measure"
	"spafleet/scenarios/run"
)

// shardFlags say which part of a run this process is, when it begins, and where
// its result goes.
type shardFlags struct {
	index, count int
	run          string
	attempt      int
	startAt      startFlag
	result, url  string
}

// Where the flags have their values from if they are not given.
var (
	shardIndexNames = []string{"SPAFLEET_SHARD_INDEX", "JOB_COMPLETION_INDEX"} // the latter by Kubernetes, for Indexed Jobs
	shardCountNames = []string{"SPAFLEET_SHARD_COUNT"}
	attemptNames    = []string{"SPAFLEET_ATTEMPT"}
)

func (f *shardFlags) register(c *cobra.Command) {
	flags := c.Flags()
	flags.IntVar(&f.index, "shard-index", 0, "`NUMBER` of this process's share of the fleet, from 0 ($"+strings.Join(shardIndexNames, ", $")+")")
	flags.IntVar(&f.count, "shard-count", 0, "`NUMBER` of processes that share the fleet ($"+shardCountNames[0]+")")
	flags.StringVar(&f.run, "run", "", "`NAME` that the results of all shards carry ($SPAFLEET_RUN)")
	flags.IntVar(&f.attempt, "attempt", 0, "`NUMBER` of earlier attempts of this shard ($"+attemptNames[0]+")")
	flags.Var(&f.startAt, "start-at", "power the devices on at this `TIME`, RFC 3339 or +30s, so that all shards start together")
	flags.StringVar(&f.result, "result", "", "write the result for 'spafleet report merge' to this `FILE`; - for a marked line on stdout")
	flags.StringVar(&f.url, "result-url", "", "POST the result to this `URL`")
}

// apply fills in the options that the flags and the environment say.
func (f *shardFlags) apply(c *cobra.Command, o *run.Options) error {
	given := func(flag string, to *int, names []string) (bool, error) {
		if c.Flags().Changed(flag) {
			return true, nil
		}
		return fromEnv(to, names)
	}
	hasIndex, err := given("shard-index", &f.index, shardIndexNames)
	if err != nil {
		return err
	}
	hasCount, err := given("shard-count", &f.count, shardCountNames)
	if err != nil {
		return err
	}
	if _, err := given("attempt", &f.attempt, attemptNames); err != nil {
		return err
	}
	switch {
	case hasCount && f.count < 1:
		return fmt.Errorf("--shard-count %d: a fleet has at least one shard", f.count)
	case hasIndex && !hasCount:
		return fmt.Errorf("--shard-index %d needs --shard-count, the number of shards (for a Kubernetes Job its completions)", f.index)
	case f.count == 1 && !c.Flags().Changed("shard-index"):
		f.index = 0 // the whole fleet in each of a Job's pods
	case !hasCount && f.sends():
		f.count = 1
	}
	o.Shard = device.Shard{Index: f.index, Count: f.count}
	if err := o.Shard.Check(); err != nil {
		return err
	}
	o.Run, o.Attempt, o.StartAt = cmp.Or(f.run, os.Getenv("SPAFLEET_RUN")), f.attempt, f.startAt.at
	return nil
}

// sends reports whether the result goes anywhere.
func (f *shardFlags) sends() bool { return f.result != "" || f.url != "" }

// fromEnv reads the first number that one of some variables has.
func fromEnv(to *int, names []string) (bool, error) {
	for _, name := range names {
		text := os.Getenv(name)
		if text == "" {
			continue
		}
		n, err := strconv.Atoi(text)
		if err != nil {
			return false, fmt.Errorf("$%s is %q, which is not a number", name, text)
		}
		*to = n
		return true, nil
	}
	return false, nil
}

// startFlag is a moment: a date and time, or so long from now.
type startFlag struct{ at time.Time }

func (f *startFlag) String() string {
	if f == nil || f.at.IsZero() {
		return ""
	}
	return f.at.Format(time.RFC3339)
}

func (f *startFlag) Set(text string) (err error) {
	if wait, ok := strings.CutPrefix(text, "+"); ok {
		d, err := measure.Duration(wait)
		f.at = time.Now().Add(d)
		return err
	}
	if f.at, err = time.Parse(time.RFC3339, text); err != nil {
		return fmt.Errorf("%q is neither a time such as %s nor a delay such as +30s", text, "2026-11-22T18:00:00Z")
	}
	return nil
}

func (f *startFlag) Type() string { return "time" }
