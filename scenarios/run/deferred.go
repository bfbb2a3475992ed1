package run

import (
	"cmp"
	"slices"
	"time"

	"spafleet/device"
	"spafleet/device/chance"
)

// A deferred action is what a step has left to do at a later moment.
type deferred struct {
	at    time.Duration
	step  int
	dev   device.Index // of a fault: none
	undo  bool
	again bool // the step happens once more
}

// allAtOnce commands the devices of a step, and takes it back later where the step
// says so.
func (t *timeline) allAtOnce(i int, devices []device.Index, now time.Duration) {
	s := &t.plan.Scenario.Timeline[i]
	var left []deferred
	for _, dev := range devices {
		t.act(s, s.Action, dev)
		if s.For > 0 {
			left = append(left, deferred{at: now + s.For, step: i, dev: dev, undo: true})
		}
	}
	t.later(left...)
}

// inTurn puts a step's devices in an order that follows from the seed, and commands
// each when its turn comes. The turns are those of the whole fleet, so that they
// are the same for any number of shards.
func (t *timeline) inTurn(i int, now time.Duration) {
	s := &t.plan.Scenario.Timeline[i]
	turn := func(dev device.Index) float64 {
		return chance.Draw(t.plan.Scenario.Seed, uint32(dev), chance.Pace, uint32(i))
	}
	order := t.judge.chooseAll(t.plan.Selector(i), i)
	slices.SortStableFunc(order, func(a, b device.Index) int { return cmp.Compare(turn(a), turn(b)) })
	var left []deferred
	for n, dev := range order {
		if !t.fleet.Shard().Has(dev) {
			continue
		}
		at := now + s.Pace.At(n, len(order))
		left = append(left, deferred{at: at, step: i, dev: dev})
		if s.For > 0 {
			left = append(left, deferred{at: at + s.For, step: i, dev: dev, undo: true})
		}
	}
	t.later(left...)
}

// arrive has devices resync at the instants of a step's list.
func (t *timeline) arrive(i int, now time.Duration) {
	var left []deferred
	for _, a := range t.plan.Scenario.Timeline[i].Arrivals {
		if t.fleet.Shard().Has(a.Device) {
			left = append(left, deferred{at: now + a.At, step: i, dev: a.Device})
		}
	}
	t.later(left...)
}

// later keeps actions until their moments.
func (t *timeline) later(list ...deferred) {
	t.deferred = append(t.deferred, list...)
	slices.SortStableFunc(t.deferred, func(a, b deferred) int { return cmp.Compare(a.at, b.at) })
}

// doDeferred does the actions whose moment has come.
func (t *timeline) doDeferred(now time.Duration) {
	for len(t.deferred) > 0 && t.deferred[0].at <= now {
		c := t.deferred[0]
		t.deferred = t.deferred[1:]
		switch s := &t.plan.Scenario.Timeline[c.step]; {
		case c.again:
			t.fire(c.step, now)
		case s.Action == "server":
			t.noted(t.server.unchange(c.step), c.step)
		case s.Fault != nil:
			t.faults.stop(c.step)
		case c.undo:
			t.act(s, s.Undo(), c.dev)
			if s.Action == "off_hook" || s.Action == "on_hook" {
				t.quiet = append(t.quiet, quiet{[]device.Index{c.dev}, now + t.lasting()})
			}
		default:
			t.act(s, s.Action, c.dev)
		}
	}
}
