package run

import (
	"errors"
	"fmt"
	"sync/atomic"

	"spafleet/device"
	"spafleet/device/measure"
	"spafleet/scenarios"
)

// steering counts what came to a run from outside of its scenario.
type steering struct {
	orders, faults atomic.Int64
	over           atomic.Bool // the fleet has ended
}

// ErrEnded says that the fleet has ended: a fault would be for nobody.
var ErrEnded = errors.New("the fleet has ended")

// note says so in the report; "": nothing came.
func (s *steering) note() string {
	orders, faults := int(s.orders.Load()), int(s.faults.Load())
	if orders+faults == 0 {
		return ""
	}
	return fmt.Sprintf("%s and %s came from the console, and not from the scenario: the same seed does not repeat them", measure.Counted(orders, "order"), measure.Counted(faults, "fault"))
}

// Ordered notes that somebody beside the scenario has commanded a device.
func (l *Live) Ordered() { l.run.steering.orders.Add(1) }

// A Fault is one that somebody beside the scenario has begun.
type Fault struct{ begun *disturbance }

// Affected returns in how many exchanges it has changed something.
func (f *Fault) Affected() int { return f.begun.affected() }

// End ends it, once. The error says that the built-in server could not come back.
func (f *Fault) End() error { return f.begun.end() }

// Fault begins a fault that is not of the scenario, by the keys of a step's fault; of some
// devices or, if among is nil, of all. The error says that there is none such, or is
// [ErrEnded]; then nothing was begun. In virtual time nobody may.
func (l *Live) Fault(texts map[string]string, among []device.Index) (*Fault, error) {
	if l.run.steering.over.Load() {
		return nil, ErrEnded
	}
	var f scenarios.Fault
	if err := f.Read(l.run.plan.Scenario, texts, among != nil); err != nil {
		return nil, err
	}
	f.Number = uint32(len(l.run.plan.Scenario.Timeline)) + uint32(l.run.steering.faults.Add(1))
	return &Fault{l.run.faults.begin(f.Fault, among)}, nil
}
