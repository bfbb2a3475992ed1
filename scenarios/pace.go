package scenarios

import (
	"fmt"
	"math"
	"strings"
	"time"

	"spafleet/device/measure"
)

// A Pace spreads the devices of a step, evenly and in an order that follows from
// the seed. The zero Pace is all at once.
type Pace struct {
	From, To float64       // devices a second; equal, or a ramp that takes Over and is held then
	Over     time.Duration // without a rate: what all of them take
}

// parseRamp reads a rate, or a ramp such as 10/s..100/s.
func parseRamp(text string) (from, to float64, err error) {
	first, last, ramp := strings.Cut(text, "..")
	if from, err = measure.Rate(strings.TrimSpace(first)); err != nil || !ramp {
		return from, from, err
	}
	to, err = measure.Rate(strings.TrimSpace(last))
	if err == nil && from == to {
		err = fmt.Errorf("%q is no ramp: both rates are the same", text)
	}
	return from, to, err
}

// At returns when the i-th of n devices has its turn.
func (p Pace) At(i, n int) time.Duration {
	if p.From == 0 {
		return time.Duration(float64(p.Over) * float64(i) / float64(n))
	}
	over, slope := p.Over.Seconds(), 0.0
	if over > 0 {
		slope = (p.To - p.From) / over
	}
	// Up to t seconds, From t + slope t²/2 devices have had theirs.
	during := (p.From + p.To) / 2 * over
	seconds := over + (float64(i)-during)/p.To
	if float64(i) < during {
		seconds = float64(i) * 2 / (p.From + math.Sqrt(p.From*p.From+2*slope*float64(i)))
	}
	return time.Duration(seconds * float64(time.Second))
}

// Length returns when the last of n devices has its turn.
func (p Pace) Length(n int) time.Duration {
	if p == (Pace{}) || n == 0 {
		return 0
	}
	return p.At(n-1, n)
}
