package run

import (
	"fmt"
	"slices"
	"time"

	"spafleet/device"
	"spafleet/device/model"
	"spafleet/scenarios"
)

// fire makes a step happen.
func (t *timeline) fire(i int, now time.Duration) {
	s := &t.plan.Scenario.Timeline[i]
	if t.times[i]++; t.times[i] == 1 {
		t.fired[i] = now
	}
	devices := t.chosen(i)
	t.enter(i, now, devices)
	t.repeats(i)
	switch s.Action {
	case "":
		return
	case "clear":
		t.faults.stop(t.place(s.Clear))
		return
	case "run":
		t.commands.start(i, s)
		return
	case "server":
		t.noted(t.server.change(i), i)
		if s.For > 0 {
			t.later(deferred{at: now + s.For, step: i, undo: true})
		}
		return
	}
	t.reached[i], t.met[i] = len(devices), t.met[i] || len(devices) > 0
	if s.Action == "fault" {
		if of := t.plan.Selector(i); of.Everyone() {
			t.faults.start(i, s.Fault.Fault, nil)
		} else {
			t.faults.start(i, s.Fault.Fault, append([]device.Index{}, devices...))
		}
		if s.For > 0 {
			t.later(deferred{at: now + s.For, step: i, undo: true})
		}
		return
	}
	switch {
	case s.Arrivals != nil:
		t.arrive(i, now)
	case s.Pace != (scenarios.Pace{}):
		t.inTurn(i, now)
	default:
		t.allAtOnce(i, devices, now)
	}
	if s.Action == "off_hook" || s.Action == "on_hook" || s.Action == "set" {
		t.quiet = append(t.quiet, quiet{devices, now + t.lasting() + s.Pace.Length(len(devices))})
	}
}

// chosen returns the devices of this process that a step is about, nil where it is about
// none.
func (t *timeline) chosen(i int) []device.Index {
	if s := &t.plan.Scenario.Timeline[i]; s.Action == "" || s.OfNoDevice() {
		return nil
	}
	return t.judge.choose(t.plan.Selector(i), i)
}

// enter begins the time that a step gives its name to. The step acts on the devices.
func (t *timeline) enter(i int, now time.Duration, devices []device.Index) {
	s := &t.plan.Scenario.Timeline[i]
	name := s.Name
	if name == "" {
		return
	}
	t.tally.Entered(name, t.start+int64(now), now)
	if t.times[i] > 1 {
		return
	}
	t.judge.mu.Lock()
	t.course.happened = append(t.course.happened, happened{name, now})
	t.judge.mu.Unlock()
	for _, e := range t.expect {
		if from := e.Since(); from.Step == name {
			e.await(s, devices)
			t.judge.watch(e.number, now+from.Plus)
		}
	}
}

// repeats has a step happen again, where it says so. Its moments are counted from the
// first, so that they do not drift.
func (t *timeline) repeats(i int) {
	s := &t.plan.Scenario.Timeline[i]
	if s.Every > 0 && (s.Times == 0 || t.times[i] < s.Times) {
		t.later(deferred{at: t.fired[i] + time.Duration(t.times[i])*s.Every, step: i, again: true})
	}
}

// noted keeps what went wrong in a step for the report.
func (t *timeline) noted(err error, step int) {
	if err != nil {
		t.faults.notes = append(t.faults.notes, fmt.Sprintf("timeline[%d].%s: %s", step, t.plan.Scenario.Timeline[step].Action, err))
	}
}

// quiet is devices that a step changed in a way that brings no event.
type quiet struct {
	devices []device.Index
	until   time.Duration
}

const (
	quietFor   = time.Second           // that long such a change is looked for; a busy device tells when it ends
	quietEvery = 20 * time.Millisecond // and so often
)

// lasting is how long a change without an event is looked for: where time jumps
// it has happened already.
func (t *timeline) lasting() time.Duration {
	if t.plan.Scenario.Clock.Jumps() {
		return -1
	}
	return time.Duration(float64(quietFor) * t.plan.Scenario.Clock.Pace())
}

// settleQuiet weighs again what changed without an event, and reports whether
// there was any such thing.
func (t *timeline) settleQuiet(now time.Duration) bool {
	looked := len(t.quiet) > 0
	for _, q := range t.quiet {
		t.judge.reweigh(q.devices)
	}
	t.quiet = slices.DeleteFunc(t.quiet, func(q quiet) bool { return now > q.until })
	return looked
}

var orders = map[string]device.Order{
	"power_on": device.SwitchOn, "power_off": device.SwitchOff, "reboot": device.Reboot, "factory_reset": device.FactoryReset,
	"off_hook": device.HookOff, "on_hook": device.HookOn, "resync": device.Resync, "arrivals": device.Resync, "upgrade": device.Upgrade, "report": device.Report, "set": device.SetParams,
}

// act does a step's action to one device. An error is the end of the run, which
// the caller sees by its context.
func (t *timeline) act(s *scenarios.Step, action string, dev device.Index) {
	v, _ := t.fleet.View(dev)
	switch action {
	case "rotate_keys":
		t.server.rotate(&v.Unit)
		return
	case "web":
		visit(t, s, &v)
		return
	case "ivr":
		press(t, s, dev)
		return
	case "notify", "options":
		notify(t, s, &v)
		return
	}
	c := device.Command{Order: orders[action], Cause: model.ByStep, Argument: t.server.text(s.URL, &v.Unit), Requester: v.Unit.IP}
	for _, set := range s.Set {
		if param, ok := v.Unit.Row.Lookup(set.Name); ok {
			c.Sets = append(c.Sets, device.Set{ID: param.ID, Value: t.server.text(set.Value, &v.Unit), Has: true})
		}
	}
	t.order(dev, c)
}

// decide settles the expectations whose time is over, or that cannot change any
// more.
func (t *timeline) decide(now time.Duration) {
	t.judge.mu.Lock()
	defer t.judge.mu.Unlock()
	for _, e := range t.expect {
		if e.decided || !e.watching {
			continue
		}
		switch {
		case e.Quant.EachEvent():
			if !e.holdsNow() {
				t.judge.settle(e, false, now)
			}
		case e.At.Given:
			if at, known := t.moment(e.At); known && at <= now {
				t.judge.weighAll(e.number)
				t.judge.settle(e, e.holdsNow(), now)
			}
		case !e.By.Given: // at the end
		default:
			t.decideBy(e, now)
		}
	}
}

// decideBy settles an expectation with a deadline: early where it can only hold.
func (t *timeline) decideBy(e *tracked, now time.Duration) {
	if e.lasts() && e.holdsNow() && (!e.shared || e.count == e.devices) {
		t.judge.settle(e, true, now)
		return
	}
	if by, known := t.moment(e.By); known && now >= by {
		e.aside = aside{}
		t.judge.weighAll(e.number)
		t.judge.settle(e, e.holdsNow(), now)
	}
}

// lasts reports whether an expectation with a deadline, once it holds, cannot fail
// any more.
func (t *tracked) lasts() bool { return t.Quant.Form == "all" || t.Quant.Form == "at_least" }

// open reports whether the scenario goes on until an expectation is decided. Some
// are decided by the end, and do not put it off.
func (t *tracked) open() bool {
	switch {
	case t.Quant.EachEvent() || t.At.End || !t.At.Given && !t.By.Given:
		return false
	case t.By.End:
		return t.lasts()
	}
	return true
}
