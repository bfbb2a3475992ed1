package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"spafleet/fleet"
	"spafleet/scenarios"
)

// clockFlags say how a scenario's time passes, over what its file says.
type clockFlags struct {
	clock   string
	speed   float64
	virtual time.Duration
}

func (f *clockFlags) register(flags *pflag.FlagSet) {
	flags.StringVar(&f.clock, "clock", "", "`CLOCK`: real; virtual (simulated time, built-in server, no sockets); mixed (simulated time, real sockets)")
	flags.Float64Var(&f.speed, "speed", 0, "run the fleet's time this many `TIMES` faster")
	flags.Var(durationFlag{&f.virtual}, "virtual", "simulate this much `TIME`: --clock virtual --duration TIME")
}

// apply changes a scenario's clock.
func (f *clockFlags) apply(c *cobra.Command, s *scenarios.Scenario) error {
	changed := c.Flags().Changed
	switch {
	case changed("virtual") && (changed("clock") || changed("speed")):
		return fmt.Errorf("--virtual sets the clock: leave out --clock and --speed")
	case changed("clock") && changed("speed") && f.clock != "real":
		return fmt.Errorf("--speed is for the real clock, not for --clock %s", f.clock)
	case changed("speed") && f.speed <= 0:
		return fmt.Errorf("--speed %g: give a number above 0, such as --speed 60", f.speed)
	}
	start := s.Clock.Start
	switch {
	case changed("virtual"):
		s.Clock = scenarios.Clock{Mode: fleet.Virtual}
		s.Duration = f.virtual
	case changed("clock"):
		clock, err := scenarios.ParseClock(f.clock)
		if err != nil {
			return fmt.Errorf("--clock: %w", err)
		}
		s.Clock = clock
	}
	if changed("speed") {
		s.Clock = scenarios.Clock{Speed: f.speed}
	}
	s.Clock.Start = start
	if s.Clock.Mode == fleet.Virtual && (s.Target != nil || s.Server == nil) {
		return fmt.Errorf("virtual time has no sockets, so it cannot reach your server: use --clock mixed, or leave out the server for the built-in one")
	}
	return nil
}
