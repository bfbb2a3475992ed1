package tally

import (
	"math/bits"
	"slices"
	"time"

	"spafleet/device"
	"spafleet/device/model"
	"spafleet/fsm"
)

// A History is what happened over time, in steps of equal length. Its size is
// bounded: a longer run has longer steps. Steps begin at multiples of their length
// since the Unix epoch, so the histories of shards add up. The zero value is ready.
type History struct {
	Step    int64               `json:"step_ns"` // length of a step, fleet time; 0: nothing has happened
	First   int64               `json:"first"`   // number of the first step since the epoch
	Steps   []Moment            `json:"steps"`
	Initial [len(stateOf)]int64 `json:"initial"` // devices by lifecycle state, before the first step
}

// A Moment is what happened in one step of a history.
type Moment struct {
	Started int64               `json:"started"` // resyncs
	OK      int64               `json:"ok"`
	Failed  int64               `json:"failed"`
	Retries int64               `json:"retries"` // resyncs that an error timer started
	Reboots int64               `json:"reboots"`
	Moves   [len(stateOf)]int64 `json:"moves"` // change of the number of devices by lifecycle state
	// Phases are the transfers that succeeded, by phase and by class of duration.
	Phases [len(phaseNames)][DurationClasses]uint32 `json:"phases"`
}

// stateOf has the lifecycle states in their order.
var stateOf = [...]fsm.State{fsm.MfgReset, fsm.SpCust, fsm.SecPrv1, fsm.SecPrv2}

// phaseNames are the phases of a transfer, in their order.
var phaseNames = [...]string{"dns", "connect", "tls", "first_byte", "body", "decode", "apply"}

// PhaseNames returns the names of the phases of a transfer, in their order.
func PhaseNames() []string { return slices.Clone(phaseNames[:]) }

const (
	mostSteps = 120
	leastStep = int64(time.Second / 64) // doubled, it comes to whole seconds
)

// DurationClasses is how many classes of durations a history tells apart: the
// first is below half a millisecond, each next one reaches twice as far, and the
// last has no end.
const DurationClasses = 16

func durationClass(ns int64) int {
	return min(bits.Len64(uint64(max(ns, 0))/uint64(500*time.Microsecond)), DurationClasses-1)
}

// count notes an event. Moves of the lifecycle are noted by moved.
func (h *History) count(e *device.Event) {
	switch e.Kind {
	case device.ResyncStarted:
		m := h.at(e.At)
		m.Started++
		if e.Cause == model.ByRetry {
			m.Retries++
		}
	case device.ResyncOK:
		h.at(e.At).OK++
	case device.ResyncFailed:
		h.at(e.At).Failed++
	case device.Boot:
		if e.Reason != device.ByPower {
			h.at(e.At).Reboots++
		}
	case device.Fetched:
		m := h.at(e.At)
		for i, p := range parts(&e.File.Took) {
			if p.ns > 0 {
				m.Phases[i][durationClass(p.ns)]++
			}
		}
	}
}

// moved notes that a device has gone from one lifecycle state to another.
func (h *History) moved(at int64, from, to fsm.State) {
	m := h.at(at)
	m.Moves[from]--
	m.Moves[to]++
}

// at returns the moment of a fleet time.
func (h *History) at(ns int64) *Moment {
	if h.Step == 0 {
		h.Step, h.First = leastStep, ns/leastStep
	}
	i := ns/h.Step - h.First
	if i < 0 || i >= int64(len(h.Steps)) {
		i = h.reach(ns)
	}
	return &h.Steps[i]
}

// reach makes the history reach to a fleet time, and returns the place of its step.
func (h *History) reach(ns int64) int64 {
	for {
		n := ns / h.Step
		first, end := min(n, h.First), max(n+1, h.First+int64(len(h.Steps)))
		if end-first > mostSteps {
			h.widen()
			continue
		}
		if h.First > first {
			h.Steps = append(make([]Moment, h.First-first, mostSteps), h.Steps...)
			h.First = first
		}
		if more := end - first - int64(len(h.Steps)); more > 0 {
			h.Steps = append(h.Steps, make([]Moment, more)...)
		}
		return n - h.First
	}
}

// widen makes one step of each two.
func (h *History) widen() {
	if h.Step == 0 {
		return
	}
	first := h.First >> 1
	var steps []Moment
	for i := range h.Steps {
		at := int((h.First+int64(i))>>1 - first)
		if at == len(steps) {
			steps = append(steps, Moment{})
		}
		steps[at].add(&h.Steps[i])
	}
	h.Step, h.First, h.Steps = 2*h.Step, first, steps
}

func (m *Moment) add(o *Moment) {
	m.Started += o.Started
	m.OK += o.OK
	m.Failed += o.Failed
	m.Retries += o.Retries
	m.Reboots += o.Reboots
	for i, n := range o.Moves {
		m.Moves[i] += n
	}
	for i := range o.Phases {
		for j, n := range o.Phases[i] {
			m.Phases[i][j] += n
		}
	}
}

// merge adds the history of another shard.
func (h *History) merge(o *History) {
	for i, n := range o.Initial {
		h.Initial[i] += n
	}
	if len(o.Steps) == 0 {
		return
	}
	if h.Step == 0 {
		h.Step, h.First = o.Step, o.First
	}
	for h.Step < o.Step {
		h.widen()
	}
	for i := range o.Steps {
		h.at((o.First + int64(i)) * o.Step).add(&o.Steps[i])
	}
}

// clone returns a copy that shares nothing.
func (h *History) clone() History {
	c := *h
	c.Steps = slices.Clone(h.Steps)
	return c
}
