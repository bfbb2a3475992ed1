package scenarios

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"spafleet/device"
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
	if from, err = ParseRate(strings.TrimSpace(first)); err != nil || !ramp {
		return from, from, err
	}
	to, err = ParseRate(strings.TrimSpace(last))
	if err == nil && from == to {
		err = fmt.Errorf("%q is no ramp: both rates are the same", text)
	}
	return from, to, err
}

// at returns when the i-th of n devices has its turn.
func (p Pace) at(i, n int) time.Duration {
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

// length returns when the last of n devices has its turn.
func (p Pace) length(n int) time.Duration {
	if p == (Pace{}) || n == 0 {
		return 0
	}
	return p.at(n-1, n)
}

// A chore is what a step has left to do at a later moment.
type chore struct {
	at   time.Duration
	step int
	dev  device.Index // of a fault: none
	undo bool
}

// undo is what takes an action back.
var undo = map[string]string{"power_off": "power_on", "power_on": "power_off", "off_hook": "on_hook", "on_hook": "off_hook"}

// allAtOnce lets devices act, and takes it back later where the step says so.
func (p *play) allAtOnce(i int, devices []device.Index, now time.Duration) {
	s := &p.story.Timeline[i]
	var left []chore
	for _, dev := range devices {
		p.act(s, s.Action, dev)
		if s.For > 0 {
			left = append(left, chore{at: now + s.For, step: i, dev: dev, undo: true})
		}
	}
	p.later(left...)
}

// inTurn puts a step's devices in an order that follows from the seed, and lets
// each act when its turn comes. The turns are those of the whole fleet, so that
// they are the same however many shards there are.
func (p *play) inTurn(i int, now time.Duration) {
	s := &p.story.Timeline[i]
	turn := func(dev device.Index) float64 { return device.Draw(p.story.Seed, dev, forPace, uint32(i)) }
	order := p.judge.chooseAll(p.chosen[i], i)
	slices.SortStableFunc(order, func(a, b device.Index) int { return cmp.Compare(turn(a), turn(b)) })
	var left []chore
	for n, dev := range order {
		if !p.fleet.Shard().Has(dev) {
			continue
		}
		at := now + s.Pace.at(n, len(order))
		left = append(left, chore{at: at, step: i, dev: dev})
		if s.For > 0 {
			left = append(left, chore{at: at + s.For, step: i, dev: dev, undo: true})
		}
	}
	p.later(left...)
}

// forPace is the purpose of the draws that put a step's devices in order.
const forPace = 201

// later keeps chores until their moments.
func (p *play) later(list ...chore) {
	p.chores = append(p.chores, list...)
	slices.SortStableFunc(p.chores, func(a, b chore) int { return cmp.Compare(a.at, b.at) })
}

// catchUp does the chores whose moment has come.
func (p *play) catchUp(now time.Duration) {
	for len(p.chores) > 0 && p.chores[0].at <= now {
		c := p.chores[0]
		p.chores = p.chores[1:]
		switch s := &p.story.Timeline[c.step]; {
		case s.Fault != nil:
			p.calm(c.step)
		case c.undo:
			p.act(s, undo[s.Action], c.dev)
			if s.Action == "off_hook" || s.Action == "on_hook" {
				p.quiet = append(p.quiet, quiet{[]device.Index{c.dev}, now + p.lasting()})
			}
		default:
			p.act(s, s.Action, c.dev)
		}
	}
}
