package main

import (
	"fmt"
	"time"

	"github.com/spf13/pflag"

	"spafleet/device/measure"
	"spafleet/scenarios"
	"spafleet/scenarios/report"
)

// goalFlags say what is to be reached, how soon, and what fails a run.
type goalFlags struct {
	until   string
	timeout time.Duration
	failOn  []string
}

func (f *goalFlags) register(flags *pflag.FlagSet) {
	flags.StringVar(&f.until, "until", "", "end when every device has resynced and has reached this `STATE`: provisioned (any), MFG-RESET, SP-CUST, SEC-PRV-1 or SEC-PRV-2")
	flags.Var(durationFlag{&f.timeout}, "timeout", "with --until: fail if it takes longer than this `TIME`")
	flags.StringSliceVar(&f.failOn, "fail-on", nil, "exit with 3 also for these, `LIST` of failures[=1%], unknown-params, rejected-params, partial-files, lateness")
}

// apply adds the expectation of --until and the thresholds of --fail-on.
func (f *goalFlags) apply(s *scenarios.Scenario) error {
	for _, word := range f.failOn {
		t, err := report.FailOn(word, measure.Format(s.MaxLateness()))
		if err != nil {
			return fmt.Errorf("--fail-on: %w", err)
		}
		s.Thresholds = append(s.Thresholds, t)
	}
	if f.until == "" {
		if f.timeout > 0 {
			return fmt.Errorf("--timeout needs --until STATE: the state to be reached by then")
		}
		return nil
	}
	reached, err := scenarios.Until(f.until, f.timeout)
	if err != nil {
		return fmt.Errorf("--until: %w", err)
	}
	s.Expect = append(s.Expect, reached)
	s.Brief = true
	return nil
}
