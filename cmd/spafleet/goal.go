package main

import (
	"fmt"
	"time"

	"github.com/spf13/pflag"

	"spafleet/scenarios"
)

// goalFlags say what is to be reached, and how soon.
type goalFlags struct {
	until   string
	timeout time.Duration
}

func (f *goalFlags) register(flags *pflag.FlagSet) {
	flags.StringVar(&f.until, "until", "", "end when every device has resynced and has reached this `STATE`: provisioned (any), MFG-RESET, SP-CUST, SEC-PRV-1 or SEC-PRV-2")
	flags.Var(durationFlag{&f.timeout}, "timeout", "with --until: fail if it takes longer than this `TIME`")
}

// apply adds the expectation of --until.
func (f *goalFlags) apply(s *scenarios.Scenario) error {
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
