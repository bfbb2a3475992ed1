package run

import (
	"time"

	"spafleet/device"
	"spafleet/scenarios/expression"
)

// begin sets when the scenario begins, and remembers when the firmware of each device
// started, where an expression asks for it.
func (j *judge) begin(start int64) {
	j.start = start
	for place := range j.booted {
		v, _ := j.fleet.View(j.device(place))
		t := timers{booted: v.Booted, answers: v.Answers(), before: &j.booted[place]}
		t.keep()
	}
}

// timers bring the times of a device, which is looked at once after several events, to
// the moment of each of them.
type timers struct {
	booted, due int64  // as seen: when its firmware started, and when it resyncs next
	answers     bool   // as seen
	before      *int64 // booted as it was before the events, 0 where nothing answered; nil: no expression asks
	down        bool   // it has lost its power or begun to boot, among the events so far
}

// at fills in the times at an event.
func (t *timers) at(w *expression.DeviceVars, e *device.Event) {
	t.down = t.down || e.Kind == device.PowerOff || e.Kind == device.Boot
	w.Next, w.Uptime = expression.Until(t.due, e.At), 0
	switch {
	case t.before == nil:
	case t.answers && e.At >= t.booted:
		w.Uptime = time.Duration(e.At - t.booted)
	case !t.down && *t.before > 0: // it has started again since, or stopped
		w.Uptime = time.Duration(max(e.At-*t.before, 0))
	}
}

// keep remembers the start for the events to come.
func (t *timers) keep() {
	switch {
	case t.before == nil:
	case t.answers:
		*t.before = t.booted
	default:
		*t.before = 0
	}
}
