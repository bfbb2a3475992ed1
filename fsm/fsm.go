// Package fsm holds the provisioning lifecycle of a device: four states, seven
// events, and the moves between them.
//
// The moves are written once, as events of github.com/looplab/fsm
// ([Definition]). They are compiled into a table of one byte per move, which is what
// [Next] and so a fleet uses: a looplab machine costs 2.4 kB and 7 µs a device,
// the table a byte and 4 ns. The tests walk looplab's machine and the table side
// by side and prove them equal.
//
// What makes an event fire is not decided here but in package device.
package fsm

import (
	"fmt"
	"slices"
	"strings"

	lfsm "github.com/looplab/fsm"
)

// A State is a stage in the provisioning life of a device. The states are
// ordered: a larger one is further along.
type State uint8

// The four states of the provisioning flow (Linksys SPA Provisioning Guide,
// chapter 1: documented).
const (
	MfgReset State = iota // MFG-RESET: factory values, nothing customized
	SpCust                // SP-CUST: knows its provider's server
	SecPrv1               // SEC-PRV-1: holds a device-unique file, or a rule that demands encryption
	SecPrv2               // SEC-PRV-2: kept in step by strongly protected files
	numStates
)

// An Event moves a device from one state to another, or back to the same one.
type Event uint8

// The events, in the order in which the guards try them after a change.
const (
	FactoryReset Event = iota
	Customized
	Targeted
	Keyed
	Secured
	Rotated
	Unkeyed
	numEvents
)

var stateNames = [numStates]string{"MFG-RESET", "SP-CUST", "SEC-PRV-1", "SEC-PRV-2"}

var eventNames = [numEvents]string{"factory-reset", "customized", "targeted", "keyed", "secured", "rotated", "unkeyed"}

// String returns the state's name as the provisioning guide writes it.
func (s State) String() string {
	if s < numStates {
		return stateNames[s]
	}
	return fmt.Sprintf("State(%d)", uint8(s))
}

// String returns the event's name: lower case, words joined by hyphens.
func (e Event) String() string {
	if e < numEvents {
		return eventNames[e]
	}
	return fmt.Sprintf("Event(%d)", uint8(e))
}

// States returns all states, earliest first.
func States() []State { return []State{MfgReset, SpCust, SecPrv1, SecPrv2} }

// StateNames returns the names of all states, earliest first.
func StateNames() []string { return slices.Clone(stateNames[:]) }

// Events returns all events in the order in which guards try them.
func Events() []Event {
	return []Event{FactoryReset, Customized, Targeted, Keyed, Secured, Rotated, Unkeyed}
}

// ParseState returns the state of that name. Case does not count.
func ParseState(name string) (State, error) {
	for s, n := range stateNames {
		if strings.EqualFold(n, name) {
			return State(s), nil
		}
	}
	return 0, fmt.Errorf("unknown state %q; it is one of %s", name, strings.Join(stateNames[:], ", "))
}

// Definition returns the lifecycle as looplab events, the one place where its
// moves are written.
func Definition() []lfsm.EventDesc {
	return []lfsm.EventDesc{
		{Name: eventNames[FactoryReset], Src: stateNames[:], Dst: stateNames[MfgReset]},
		{Name: eventNames[Customized], Src: []string{stateNames[MfgReset]}, Dst: stateNames[SpCust]},
		{Name: eventNames[Targeted], Src: []string{stateNames[SpCust]}, Dst: stateNames[SecPrv1]},
		{Name: eventNames[Keyed], Src: []string{stateNames[SpCust], stateNames[SecPrv1]}, Dst: stateNames[SecPrv1]},
		{Name: eventNames[Secured], Src: []string{stateNames[SecPrv1], stateNames[SecPrv2]}, Dst: stateNames[SecPrv2]},
		{Name: eventNames[Rotated], Src: []string{stateNames[SecPrv1]}, Dst: stateNames[SecPrv1]},
		{Name: eventNames[Rotated], Src: []string{stateNames[SecPrv2]}, Dst: stateNames[SecPrv2]},
		{Name: eventNames[Unkeyed], Src: []string{stateNames[SecPrv1], stateNames[SecPrv2]}, Dst: stateNames[SpCust]},
	}
}

// A table is a compiled lifecycle: for every state and event the state that
// follows, or refused.
type table [numStates][numEvents]int8

const refused = -1

// compile turns looplab events into a table. A state or event that this package
// does not know is an error, and so is a second move for one state and event,
// of which looplab would silently take the later.
func compile(events []lfsm.EventDesc) (table, error) {
	var t table
	for s := range t {
		for e := range t[s] {
			t[s][e] = refused
		}
	}
	for _, d := range events {
		if err := t.add(d); err != nil {
			return table{}, err
		}
	}
	return t, nil
}

func (t *table) add(d lfsm.EventDesc) error {
	e := indexOf(eventNames[:], d.Name)
	dst := indexOf(stateNames[:], d.Dst)
	if e < 0 || dst < 0 {
		return fmt.Errorf("compile lifecycle: unknown event %q or state %q", d.Name, d.Dst)
	}
	for _, name := range d.Src {
		src := indexOf(stateNames[:], name)
		if src < 0 {
			return fmt.Errorf("compile lifecycle: event %q: unknown state %q", d.Name, name)
		}
		if t[src][e] != refused {
			return fmt.Errorf("compile lifecycle: event %q is defined twice for state %s", d.Name, name)
		}
		t[src][e] = int8(dst)
	}
	return nil
}

func indexOf(names []string, name string) int {
	for i, n := range names {
		if n == name {
			return i
		}
	}
	return -1
}

// Next returns the state after e in state s. It returns s and false where the
// lifecycle refuses the event. A move back to the same state is taken.
func Next(s State, e Event) (State, bool) { return lifecycle.next(s, e) }

func (t *table) next(s State, e Event) (State, bool) {
	if s >= numStates || e >= numEvents || t[s][e] == refused {
		return s, false
	}
	return State(t[s][e]), true
}

// lifecycle is the compiled [Definition].
var lifecycle = mustCompile(Definition())

// mustCompile panics on a definition that does not compile, which the tests
// would have shown: Definition is a constant of this package.
func mustCompile(events []lfsm.EventDesc) *table {
	t, err := compile(events)
	if err != nil {
		panic(err)
	}
	return &t
}
