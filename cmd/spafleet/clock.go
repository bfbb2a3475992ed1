package main

import (
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"spafleet/fleet"
	"spafleet/scenarios"
)

// clockFlags say how a story's time passes, over what its file says.
type clockFlags struct {
	clock   string
	speed   float64
	virtual time.Duration
}

func (f *clockFlags) register(flags *pflag.FlagSet) {
	flags.StringVar(&f.clock, "clock", "", "real, virtual (time jumps, the embedded server is in process) or mixed (time jumps, real sockets)")
	flags.Float64Var(&f.speed, "speed", 0, "the fleet's time passes this much faster than the wall's")
	flags.Var(durationFlag{&f.virtual}, "virtual", "this long in virtual time: --clock virtual --duration D")
}

// apply changes a story's clock.
func (f *clockFlags) apply(c *cobra.Command, s *scenarios.Story) error {
	changed := c.Flags().Changed
	switch {
	case changed("virtual") && (changed("clock") || changed("speed")):
		return fmt.Errorf("--virtual is a clock of its own: leave out --clock and --speed")
	case changed("clock") && changed("speed") && f.clock != "real":
		return fmt.Errorf("--speed is for the real clock; a %s one jumps", f.clock)
	case changed("speed") && f.speed <= 0:
		return fmt.Errorf("--speed %g: time passes forward, such as --speed 60", f.speed)
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
		return fmt.Errorf("in virtual time there are no sockets: only the embedded server answers, or --clock mixed takes your own")
	}
	return nil
}

// eventsFile opens the file that takes the events, and returns how to close it.
func (st *stage) eventsFile() (finish func() error, err error) {
	if st.events == "" {
		return func() error { return nil }, nil
	}
	file, err := os.Create(st.events)
	if err != nil {
		return nil, fmt.Errorf("--events: %w", err)
	}
	st.options.Events = file
	return func() error {
		if err := file.Close(); err != nil {
			return fmt.Errorf("write events to %s: %w", st.events, err)
		}
		return nil
	}, nil
}
