package scenarios

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"spafleet/device/measure"
	"spafleet/fleet"
)

// A Clock is how a scenario's time passes. The zero Clock is the real one.
type Clock struct {
	Mode  fleet.Clock
	Speed float64   // of the real one; 0: as fast as the wall's
	Start time.Time // the fleet's date; zero: now, or 2020-01-01 where time jumps
}

// String returns real, virtual, mixed or a speed such as 60x.
func (c Clock) String() string {
	if c.Mode == fleet.Real && c.Speed != 0 && c.Speed != 1 {
		return strconv.FormatFloat(c.Speed, 'g', -1, 64) + "x"
	}
	return c.Mode.String()
}

// Pace returns how much faster than the wall's the clock goes.
func (c Clock) Pace() float64 {
	if c.Speed == 0 {
		return 1
	}
	return c.Speed
}

// Jumps reports whether the clock jumps from one moment to the next.
func (c Clock) Jumps() bool { return c.Mode != fleet.Real }

// ParseClock reads real, virtual, mixed or a speed such as 60x.
func ParseClock(text string) (Clock, error) {
	for _, mode := range []fleet.Clock{fleet.Real, fleet.Virtual, fleet.Mixed} {
		if text == mode.String() {
			return Clock{Mode: mode}, nil
		}
	}
	if digits, ok := strings.CutSuffix(text, "x"); ok {
		if speed, is := measure.Decimal(digits); is && speed > 0 {
			return Clock{Speed: speed}, nil
		}
	}
	return Clock{}, fmt.Errorf("%q is not a clock; it is real, virtual, mixed or a speed such as 60x", text)
}

// parseStart reads a date, or a date and time; without a zone it is GMT.
func parseStart(text string) (time.Time, error) {
	for _, form := range []string{time.RFC3339, "2006-01-02T15:04:05", "2006-01-02 15:04:05", "2006-01-02 15:04", time.DateOnly} {
		if t, err := time.Parse(form, text); err == nil {
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("%q is not a date such as 2020-03-28 or 2020-03-28T23:00:00Z", text)
}

// A latency is how long a server thinks: a time between Least and Most.
type latency struct{ Least, Most time.Duration }

// parseLatency reads a duration, or D..D.
func parseLatency(text string) (l latency, err error) {
	l.Least, l.Most, err = measure.Span(text)
	return l, err
}
