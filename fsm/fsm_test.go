package fsm

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	lfsm "github.com/looplab/fsm"
)

// looplabStep feeds one event to looplab and says what it made of it. The
// context is never cancelled: a cancelled one wedges looplab for ever.
func looplabStep(t *testing.T, m *lfsm.FSM, e Event) bool {
	t.Helper()
	before := m.Current()
	err := m.Event(context.WithoutCancel(t.Context()), e.String())
	var same lfsm.NoTransitionError
	var invalid lfsm.InvalidEventError
	switch {
	case err == nil:
		return true
	case errors.As(err, &same) && same.Err == nil:
		return true
	case errors.As(err, &invalid):
		if m.Current() != before {
			t.Fatalf("looplab refused %s in %s and moved to %s", e, before, m.Current())
		}
		return false
	}
	t.Fatalf("looplab, %s in %s: %v", e, before, err)
	return false
}

func TestTableEqualsLooplabForEveryPair(t *testing.T) {
	m := lfsm.NewFSM(MfgReset.String(), Definition(), nil)
	for _, s := range States() {
		for _, e := range Events() {
			m.SetState(s.String())
			ok := looplabStep(t, m, e)
			next, got := Next(s, e)
			if got != ok || next.String() != m.Current() {
				t.Errorf("%s in %s: table %s %v, looplab %s %v", e, s, next, got, m.Current(), ok)
			}
		}
	}
}

func TestAvailableTransitionsEqualBothWays(t *testing.T) {
	m := lfsm.NewFSM(MfgReset.String(), Definition(), nil)
	for _, s := range States() {
		m.SetState(s.String())
		theirs := m.AvailableTransitions()
		slices.Sort(theirs)
		var ours []string
		for _, e := range Events() {
			if _, ok := Next(s, e); ok {
				ours = append(ours, e.String())
			}
		}
		slices.Sort(ours)
		if !slices.Equal(theirs, ours) {
			t.Errorf("%s: looplab %v, table %v", s, theirs, ours)
		}
	}
}

func TestLongRandomWalkStaysEqual(t *testing.T) {
	m := lfsm.NewFSM(MfgReset.String(), Definition(), nil)
	rng := rand.New(rand.NewPCG(1, 2))
	s := MfgReset
	visited := map[State]int{}
	for i := range 20_000 {
		e := Events()[rng.IntN(len(Events()))]
		ok := looplabStep(t, m, e)
		next, got := Next(s, e)
		if got != ok || next.String() != m.Current() {
			t.Fatalf("step %d, %s in %s: table %s %v, looplab %s %v", i, e, s, next, got, m.Current(), ok)
		}
		s = next
		visited[s]++
	}
	if len(visited) != len(States()) {
		t.Errorf("the walk saw only %v", visited)
	}
}

func TestOnlyFactoryResetReachesMfgReset(t *testing.T) {
	for _, s := range States() {
		for _, e := range Events() {
			next, ok := Next(s, e)
			if ok && next == MfgReset && e != FactoryReset {
				t.Errorf("%s leads from %s to %s", e, s, next)
			}
		}
		if next, ok := Next(s, FactoryReset); !ok || next != MfgReset {
			t.Errorf("factory reset in %s: %s %v", s, next, ok)
		}
	}
}

func TestCompileRefusesWhatLooplabWouldTakeSilently(t *testing.T) {
	tests := []struct {
		name   string
		events []lfsm.EventDesc
		want   string
	}{
		{"duplicate", []lfsm.EventDesc{
			{Name: "keyed", Src: []string{"SP-CUST"}, Dst: "SEC-PRV-1"},
			{Name: "keyed", Src: []string{"SP-CUST"}, Dst: "SEC-PRV-2"},
		}, "twice"},
		{"unknown event", []lfsm.EventDesc{{Name: "keyd", Src: []string{"SP-CUST"}, Dst: "SEC-PRV-1"}}, `"keyd"`},
		{"unknown source", []lfsm.EventDesc{{Name: "keyed", Src: []string{"SPCUST"}, Dst: "SEC-PRV-1"}}, `"SPCUST"`},
		{"unknown destination", []lfsm.EventDesc{{Name: "keyed", Src: []string{"SP-CUST"}, Dst: "SEC"}}, `"SEC"`},
	}
	for _, tt := range tests {
		if _, err := compile(tt.events); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: error %v, want one with %s", tt.name, err, tt.want)
		}
	}
}

func TestNextRefusesNumbersOutOfRange(t *testing.T) {
	if next, ok := Next(numStates, Keyed); ok || next != numStates {
		t.Errorf("state out of range: %v %v", next, ok)
	}
	if next, ok := Next(SpCust, numEvents); ok || next != SpCust {
		t.Errorf("event out of range: %v %v", next, ok)
	}
}

func TestParseStateNamesTheChoices(t *testing.T) {
	for _, s := range States() {
		if got, err := ParseState(strings.ToLower(s.String())); err != nil || got != s {
			t.Errorf("%s: %v %v", s, got, err)
		}
	}
	if _, err := ParseState("SEC-PRV2"); err == nil || !strings.Contains(err.Error(), "SEC-PRV-2") {
		t.Errorf("error %v does not name the choices", err)
	}
}
