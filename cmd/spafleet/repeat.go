package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"spafleet/fleet"
	"spafleet/scenarios"
	"spafleet/scenarios/report"
)

// repeatFlags say how often a scenario is run.
type repeatFlags struct {
	times        int
	untilFailure bool
}

const (
	mostRuns    = 100_000
	defaultRuns = 100 // of --until-failure
)

func (f *repeatFlags) register(c *cobra.Command) {
	c.Flags().IntVar(&f.times, "repeat", 0, "run this `NUMBER` of times, with the seeds SEED, SEED+1 and so on; the exit code is that of the worst run")
	c.Flags().BoolVar(&f.untilFailure, "until-failure", false, "repeat until a run fails, --repeat times at most (default 100)")
}

// given reports whether a command line asks for more than one run.
func (f *repeatFlags) given(c *cobra.Command) bool {
	return f.untilFailure || c.Flags().Changed("repeat")
}

// ofOneRun are the flags that have no meaning for several runs, and why.
var ofOneRun = [...]struct{ name, why string }{
	{"plan", "it starts nothing"},
	{"state", "each run begins with new devices, and the file has those of one fleet"},
	{"shard-count", "what a run comes to is known once its shards are merged"},
	{"start-at", "it is the moment of one run"},
	{"result-url", "it takes the result of one run"},
	{"metrics", "its counts are those of one run"},
	{"console", "it shows one run"},
	{"why", "a device has another life with each seed; give it with --seed to replay one"},
}

// check refuses what makes no sense for several runs.
func (f *repeatFlags) check(c *cobra.Command, rn *runner, s *scenarios.Scenario) error {
	if f.times < 0 || f.times > mostRuns || f.times == 0 && c.Flags().Changed("repeat") {
		return fmt.Errorf("--repeat %d: give a number from 1 to %d", f.times, mostRuns)
	}
	for _, o := range ofOneRun {
		if c.Flags().Changed(o.name) {
			return fmt.Errorf("--%s does not go with --repeat and --until-failure: %s", o.name, o.why)
		}
	}
	for name, file := range map[string]string{"events": rn.events, "devices-out": rn.devices, "result": rn.results.file} {
		if file == "-" {
			return fmt.Errorf("--%s - does not go with --repeat and --until-failure: which run is to be seen is known at its end; give it a file", name)
		}
	}
	if rn.options.Shard.Others() {
		return fmt.Errorf("shards do not go with --repeat and --until-failure: %s", ofOneRun[2].why)
	}
	if f.untilFailure && !s.HasExpectations() && len(s.Thresholds) == 0 {
		return fmt.Errorf("--until-failure: nothing is expected of this run, so it cannot fail; see --until, --fail-on, or a scenario's expect and thresholds")
	}
	return nil
}

// A repetition is one of several runs, in the form of its JSON.
type repetition struct {
	Seed     uint64  `json:"seed"`
	Verdict  string  `json:"verdict"`
	Exit     int     `json:"exit"`
	Duration float64 `json:"duration_seconds"` // by the clock of the fleet
	Wall     float64 `json:"wall_seconds"`
}

// repeated is what several runs came to: the report of one, and all in short.
type repeated struct {
	*report.Report              // of the first that failed, else of the last
	Runs           []repetition `json:"runs"`
}

// run runs the scenario several times. Its files are those of the first run that failed,
// or of the last if none did.
func (f *repeatFlags) run(c *cobra.Command, rn *runner, s *scenarios.Scenario) error {
	if err := f.check(c, rn, s); err != nil {
		return err
	}
	times, first, name := f.times, s.Seed, s.Name
	if times == 0 {
		times = defaultRuns
	}
	list := rn.out // of summary lines
	if rn.json {
		list = rn.err
	}
	all := repeated{}
	var cannot error
	for n := range times {
		seed(s, first+uint64(n))
		rn.title = fmt.Sprintf("%s, run %d of %d, seed %d,", name, n+1, times, s.Seed)
		failed := all.Report != nil && all.Verdict == report.Failed
		if failed {
			rn.leaveNothing()
		}
		rn.show = func(r *report.Report) { writeRepetition(list, r) }
		result, err := rn.once(c.Context(), s)
		if err != nil {
			cannot = err
			break
		}
		all.Runs = append(all.Runs, repetition{s.Seed, result.Verdict, result.Exit, result.DurationSeconds, result.WallSeconds})
		if !failed {
			all.Report = result
		}
		if result.Verdict == report.Interrupted || f.untilFailure && result.Verdict == report.Failed {
			break
		}
		rn.again = true
	}
	return f.end(rn, list, &all, s, cannot)
}

// seed gives a scenario another seed, and its cures likewise.
func seed(s *scenarios.Scenario, seed uint64) {
	s.Seed = seed
	if s.Bug == nil {
		return
	}
	for i := range s.Bug.Cures {
		if cured := s.Bug.Cures[i].Scenario; cured != nil {
			cured.Seed = seed
		}
	}
}

// mostUnmet is how many expectations are named for each run.
const mostUnmet = 3

// writeRepetition says in a line what a run came to, and below it what it did not meet.
func writeRepetition(w io.Writer, r *report.Report) {
	fmt.Fprintf(w, "seed %d: %s\n", r.Seed, r.Headline())
	unmet := r.Unmet()
	for _, name := range unmet[:min(len(unmet), mostUnmet)] {
		fmt.Fprintf(w, "    ✗ %s\n", name)
	}
	if more := len(unmet) - mostUnmet; more > 0 {
		fmt.Fprintf(w, "    ✗ and %d more\n", more)
	}
}

// end says what the runs came to. The error is the worst exit code, or why a run could
// not be.
func (f *repeatFlags) end(rn *runner, list io.Writer, all *repeated, s *scenarios.Scenario, cannot error) error {
	if all.Report == nil {
		return cannot
	}
	failed := all.Verdict == report.Failed
	switch {
	case rn.json:
		_ = writeJSON(rn.out, all) // a closed pipe is nobody's trouble
	case failed:
		fmt.Fprintln(list)
		rn.print(all.Report)
	}
	writeVerdicts(list, all.Runs)
	switch {
	case failed:
		fmt.Fprintf(rn.err, "\nthe report is of seed %d: the same command with --seed %[1]d, without --repeat and --until-failure, runs it alone", all.Seed)
		if s.Clock.Mode != fleet.Virtual {
			fmt.Fprint(rn.err, "; in this clock it may go otherwise")
		}
		fmt.Fprintln(rn.err)
	case f.untilFailure:
		fmt.Fprintln(rn.err, "no run failed")
	}
	if cannot != nil {
		return cannot
	}
	if code := worst(all.Runs); code != exitOK {
		return exitWith(code)
	}
	return nil
}

// worst returns the exit code of the worst run.
func worst(runs []repetition) int {
	for _, code := range []int{exitFailed, exitInvalid, exitInterrupted} {
		if slices.ContainsFunc(runs, func(r repetition) bool { return r.Exit == code }) {
			return code
		}
	}
	return exitOK
}

// mostSeeds is how many seeds are named of one verdict.
const mostSeeds = 10

// writeVerdicts writes how many runs came to each verdict, and for which seeds.
func writeVerdicts(w io.Writer, runs []repetition) {
	wall := 0.0
	seeds := map[string][]string{}
	for _, r := range runs {
		wall += r.Wall
		seeds[r.Verdict] = append(seeds[r.Verdict], fmt.Sprint(r.Seed))
	}
	fmt.Fprintf(w, "\nVERDICT      RUNS  SEEDS\n")
	for _, verdict := range []string{report.Passed, report.Finished, report.Failed, report.Invalid, report.Interrupted} {
		of := seeds[verdict]
		if len(of) == 0 {
			continue
		}
		text := strings.Join(of[:min(len(of), mostSeeds)], " ")
		if len(of) > mostSeeds {
			text += fmt.Sprintf(" and %d more", len(of)-mostSeeds)
		}
		fmt.Fprintf(w, "%-11s %5d  %s\n", verdict, len(of), text)
	}
	fmt.Fprintf(w, "%-11s %5d  in %s\n", "all", len(runs), time.Duration(wall*float64(time.Second)).Round(time.Millisecond))
}
