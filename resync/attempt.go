package resync

import (
	"context"

	"spafleet/device"
	"spafleet/device/model"
	"spafleet/device/profile"
	"spafleet/fsm"
	"spafleet/resync/body"
)

// A failure ends an attempt: the text that the device logs as $ERR, and its class.
type failure struct {
	err    string
	result device.Result
}

// aborted is the failure of an attempt whose context ended.
var aborted = &failure{"interrupted", device.Interrupted}

// attempt is a device at work: its values as they are now, and what it has to tell.
// A pass over the rules, an upgrade, a report and a customization all change their
// device through it.
type attempt struct {
	scope
	ctx     context.Context
	env     Env
	life    device.Life
	via     device.Via     // of a customized move
	events  []device.Event // not yet committed
	changed []model.ID
	applied LastApplied
	ca      *Authority   // trusted beside the firmware's own
	file    *device.File // the last that was asked for
	rekeyed int          // keyed and rotated moves so far
	nonces  int          // client nonces so far
	latest  *body.Buffer // of the latest answer; see release
}

func begin(ctx context.Context, env Env, in *Input) *attempt {
	return &attempt{scope: scope{in: in, params: in.Params, situation: in.situation(env.Now())},
		ctx: ctx, env: env, life: in.Life, applied: in.Applied, ca: in.CA, via: device.ViaDHCP}
}

// outcome is what every kind of attempt returns; each adds what is its own.
func (a *attempt) outcome(f *failure) Outcome {
	a.release()
	o := Outcome{Params: a.params, Life: a.life, Events: a.events, OK: f == nil, Applied: a.applied, CA: a.ca, Extra: a.in.Extra}
	switch {
	case f == aborted:
		o.Aborted = true
	case f != nil:
		o.Err, o.NotFound = f.err, f.result == device.NotFound
	}
	return o
}

// change applies one change set and fires the moves that it causes. It returns how
// many values changed.
func (a *attempt) change(sets []device.Set, protection profile.Protection) int {
	after, changed := a.params.With(&a.in.Profiles.Layers, sets)
	a.move(device.Change{Before: a.params, After: after, File: protection}, len(changed) > 0)
	a.params = after
	a.changed = append(a.changed, changed...)
	return len(changed)
}

// move fires the lifecycle events that a change causes. A change without a new value
// can only prove that a file was addressed to this device.
func (a *attempt) move(c device.Change, changed bool) {
	if !changed && c.File&profile.Targeted == 0 {
		return
	}
	c.Unit, c.Via = &a.in.Unit, a.via
	life, taken := a.life.Apply(c)
	state := a.life.State
	a.life = life
	for _, e := range taken {
		state, _ = fsm.Next(state, e)
		if e == fsm.Keyed || e == fsm.Rotated {
			a.rekeyed++
		}
		ev := device.Event{Kind: device.Moved, Move: e, State: state}
		if e == fsm.Customized {
			ev.Via = c.Via
		}
		a.tellAs(ev)
	}
}

// tell adds an event in the present state.
func (a *attempt) tell(e device.Event) {
	e.State = a.life.State
	a.tellAs(e)
}

func (a *attempt) tellAs(e device.Event) {
	e.At, e.Cause = a.env.Now(), a.in.Cause
	a.events = append(a.events, e)
}

// flush commits the values and events so far: the values are in flash from now on.
func (a *attempt) flush() {
	a.env.Commit(a.params, a.life, a.events)
	a.events = nil
}

// flushEvents hands on events that must not wait for something slow.
func (a *attempt) flushEvents() {
	if len(a.events) > 0 {
		a.flush()
	}
}

// release gives the latest answer's body back: it is needed until the next request, or
// the end of the attempt. What is kept of it has been copied.
func (a *attempt) release() {
	a.latest.Free()
	a.latest = nil
}

// wall returns wall time, to measure by.
func (a *attempt) wall() int64 {
	if a.in.Wall == nil {
		return a.env.Now()
	}
	return a.in.Wall()
}
