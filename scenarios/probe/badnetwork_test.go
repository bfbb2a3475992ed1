package probe

import (
	"context"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"spafleet/device/measure"
	"spafleet/scenarios/probe/probetest"
)

// A network that is slow, or that loses datagrams, hides things, and says nothing wrong.
func TestABadNetworkSettlesNothingWrong(t *testing.T) {
	t.Parallel()
	for _, n := range []struct {
		name     string
		from, to time.Duration // that a packet takes
		lost     float64       // of its datagrams
	}{
		{"some time", 20 * time.Millisecond, 80 * time.Millisecond, 0},
		{"much time", 300 * time.Millisecond, 300 * time.Millisecond, 0},
		{"any time", 0, 600 * time.Millisecond, 0},
		{"a second", time.Second, time.Second, 0},
		{"a tenth lost", time.Millisecond, 2 * time.Millisecond, 0.1},
		{"a third lost", time.Millisecond, 20 * time.Millisecond, 0.33},
	} {
		for _, r := range []int{0, 1, 3, 5} {
			for seed := range uint64(3) {
				t.Run(n.name+"/"+loopRows[r].model, func(t *testing.T) {
					probetest.Bubble(t, func(t *testing.T) {
						random := rand.New(rand.NewPCG(seed, 0))
						l := newLoop(t, loopRows[r].model, loopRows[r].firmware, nil)
						l.Memory.Slow(func() time.Duration { return n.from + time.Duration(random.Int64N(int64(n.to-n.from)+1)) })
						l.Memory.Lossy(func() bool { return random.Float64() < n.lost })
						askBadly(t, l, 4*n.to)
					})
				})
			}
		}
	}
}

// askBadly asks a phone everything. A time may be found longer by some.
func askBadly(t *testing.T, l *loop, longer time.Duration) {
	t.Helper()
	row := l.Phone.View().Unit.Row
	l.question.Names = nil
	f, err := Ask(context.Background(), l.question)
	if err != nil {
		t.Errorf("%v\n%s", err, strings.Join(l.Person.Said(), "\n"))
	}
	settled := 0
	for _, found := range f.Findings {
		if is := comesTo(row, found.Switch, row.Switch(found.Switch).Value); !allows(found, is) && !isNear(found.Value, is, longer) {
			t.Errorf("%s (%s): found %q %v, and it is %s", found.Switch, found.Experiment, found.Value, found.OneOf, is)
		}
		if found.Settled() {
			settled++
		}
	}
	t.Logf("%d of %d settled", settled, len(f.Findings))
}

// isNear reports whether a time is another one, or longer by some.
func isNear(found, is string, longer time.Duration) bool {
	a, err := measure.Duration(found)
	b, err2 := measure.Duration(is)
	return err == nil && err2 == nil && a >= b-longer && a <= b+longer+time.Second
}
