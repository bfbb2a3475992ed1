package resync

import (
	"slices"
	"strconv"
	"time"

	"spafleet/device"
	"spafleet/device/model"
	"spafleet/device/rule"
)

// Timers are the moments from which the macros count that grow by themselves, as
// fleet times. Everything else that a condition can ask for changes by an event.
type Timers struct {
	Resync   int64    // $PRVTMR
	Upgrade  int64    // $UPGTMR
	Register [2]int64 // $REGTMR1 and 2: since when the line has no registration; 0: it has one
}

// TimersOf returns the timers of a device by the fleet times of its boot and of
// its last resync and upgrade attempts, 0 for none since, and by when its first lines lost
// their registration, 0 for one that has it.
func TimersOf(booted, last, upgraded int64, lost [2]int64) Timers {
	if last == 0 {
		last = booted
	}
	if upgraded == 0 {
		upgraded = booted
	}
	return Timers{Resync: last, Upgrade: upgraded, Register: lost}
}

// fill writes what the timers show at a moment.
func (t *Timers) fill(s *device.Situation, now int64) {
	s.PRVTMR, s.UPGTMR = seconds(t.Resync, now), seconds(t.Upgrade, now)
	for i, since := range t.Register {
		s.REGTMR[i] = seconds(since, now)
	}
}

func seconds(since, now int64) int {
	if since == 0 || now < since {
		return 0
	}
	return int((now - since) / int64(time.Second))
}

// origin returns where the timer of a macro counts from, 0 for any other macro
// and for a timer at rest.
func (t *Timers) origin(macro string) int64 {
	switch macro {
	case "PRVTMR":
		return t.Resync
	case "UPGTMR":
		return t.Upgrade
	case "REGTMR1":
		return t.Register[0]
	case "REGTMR2":
		return t.Register[1]
	}
	return 0
}

// A condition is a trigger of one device.
type condition struct {
	text   string
	env    device.Env
	timers Timers
}

func (c *condition) next(from int64, want bool) (int64, bool) {
	if c.holds(from) == want {
		return from, true
	}
	for _, at := range c.turns(from) {
		if c.holds(at) == want {
			return at, true
		}
	}
	return 0, false
}

func (c *condition) holds(now int64) bool {
	var s device.Situation
	if c.env.Situation != nil {
		s = *c.env.Situation
	}
	c.timers.fill(&s, now)
	env := c.env
	env.Situation = &s
	ok, err := rule.Holds(c.text, env, env.Unit.Row.Dialect())
	return ok && err == nil
}

// turns returns the moments after from when the condition may change, in order.
func (c *condition) turns(from int64) []int64 {
	still := &stillEnv{Env: c.env, timers: &c.timers}
	text := rule.Expand(c.text, still, c.env.Unit.Row.Dialect())
	var list []int64
	for _, n := range append(numbers(text), numbers(c.env.Unit.Row.Firmware.Version)...) { // a missing left side is $SWVER
		for _, origin := range still.used {
			for at := origin + n*int64(time.Second); at <= origin+(n+1)*int64(time.Second); at += int64(time.Second) {
				if at > from {
					list = append(list, at)
				}
			}
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// stillEnv leaves timers that grow unexpanded, and notes where they count from.
type stillEnv struct {
	device.Env
	timers *Timers
	used   []int64
}

// Macro returns false for a timer that grows.
func (e *stillEnv) Macro(name string) (string, bool) {
	origin := e.timers.origin(name)
	if origin == 0 {
		return e.Env.Macro(name)
	}
	if !slices.Contains(e.used, origin) {
		e.used = append(e.used, origin)
	}
	return "", false
}

// numbers returns the runs of digits in a text. Beyond 32 bits, which is a
// century, they are no time that comes.
func numbers(text string) []int64 {
	var list []int64
	for i := 0; i < len(text); {
		end := i
		for end < len(text) && text[end] >= '0' && text[end] <= '9' {
			end++
		}
		if n, err := strconv.ParseUint(text[i:end], 10, 32); err == nil {
			list = append(list, int64(n))
		}
		i = max(end, i+1)
	}
	return list
}

// Triggers are a device's Resync_Trigger_1 and 2, and how its firmware takes
// them. Whether firmware looks at the level of a condition or at its edge, and
// how often, is unknown (provisioning.md §3.9: inferred).
type Triggers struct {
	Texts [2]string
	Edge  bool          // a condition that holds counts once, until it has been false
	Floor time.Duration // least between two resyncs that a trigger starts
}

// TriggersOf reads a device's triggers; false where it has none, or where
// Provision_Enable is off, which gates them (documented).
func TriggersOf(r *model.Row, p device.Params) (t Triggers, ok bool) {
	t = Triggers{Edge: r.Behaviour.Trigger.Edge, Floor: r.Behaviour.Trigger.Floor}
	t.Texts[0], _ = p.Lookup("Resync_Trigger_1")
	t.Texts[1], _ = p.Lookup("Resync_Trigger_2")
	return t, t.Texts != [2]string{} && p.Bool("Provision_Enable", true)
}

// Watch is what a device's triggers are judged by.
type Watch struct {
	Env    device.Env
	Timers Timers
	Now    int64
	Fired  int64   // start of the last resync that a trigger started, 0 for none
	Spent  [2]bool // by edge: the condition has held since it last counted
}

// Next returns when a trigger next starts a resync, and what is still spent;
// false where none does unless something happens.
func (t Triggers) Next(w Watch) (at int64, spent [2]bool, ok bool) {
	from := w.Now
	if w.Fired != 0 {
		from = max(from, w.Fired+int64(t.Floor))
	}
	for i, text := range t.Texts {
		if text == "" {
			continue
		}
		c := condition{text, w.Env, w.Timers}
		start, again := from, true
		if t.Edge && w.Spent[i] && c.holds(w.Now) {
			spent[i] = true
			start, again = c.next(w.Now, false)
			start = max(start, from)
		}
		if !again {
			continue
		}
		if when, holds := c.next(start, true); holds && (!ok || when < at) {
			at, ok = when, true
		}
	}
	return at, spent, ok
}

// Spend returns which conditions hold at the start of an attempt: by edge, they
// count again only after they have been false.
func (t Triggers) Spend(w Watch) (spent [2]bool) {
	for i, text := range t.Texts {
		c := condition{text, w.Env, w.Timers}
		spent[i] = t.Edge && text != "" && c.holds(w.Now)
	}
	return spent
}
