package probe

import (
	"slices"
	"testing"
	"time"

	"spafleet/scenarios/probe/probetest"
)

// TestATimerIsReadOfAVisit: $PRVTMR stands at the end of the path.
func TestATimerIsReadOfAVisit(t *testing.T) {
	tests := []struct {
		rest string
		want time.Duration
		ok   bool
	}{
		{"000e08123451/1/17", 17 * time.Second, true},
		{"000e08123451/-1/0", 0, true},
		{"000e08123451/1/", 0, false},
		{"000e08123451/1/$PRVTMR", 0, false},
		{"000e08123451/1/-4", 0, false},
	}
	for _, tt := range tests {
		if got, ok := (request{rest: tt.rest}).timer(); got != tt.want || ok != tt.ok {
			t.Errorf("%s: %s, %v, want %s, %v", tt.rest, got, ok, tt.want, tt.ok)
		}
	}
}

// TestTheTimeOfDayIsSeen: a phone comes at Resync_At by its own time zone, and not by its period.
func TestTheTimeOfDayIsSeen(t *testing.T) {
	for _, r := range loopRows[3:5] {
		probetest.Bubble(t, func(t *testing.T) {
			f := newLoop(t, r.model, r.firmware, nil, "daily").ask(t)
			if len(f.Facts) != 2 || f.Facts[0].Text != "the phone came at that time, $PRVST is 1; Resync_Periodic did not count" || f.Facts[1].Nanoseconds != 0 {
				t.Errorf("%s: %s", r.model, factsOf(f))
			}
		})
	}
}

// TestListsOfWaitsAreSeen: the first wait of 3,6+6 is its first element, and the others are of
// its second, which varies.
func TestListsOfWaitsAreSeen(t *testing.T) {
	probetest.Bubble(t, func(t *testing.T) {
		f := newLoop(t, "SPA942", "", nil, "retry-list").ask(t)
		var waits []time.Duration
		for _, one := range f.Facts {
			waits = append(waits, time.Duration(one.Nanoseconds))
		}
		if len(waits) != 4 || waits[0] != 3*time.Second {
			t.Fatalf("waits %v", waits)
		}
		rest := waits[1:]
		if slices.Min(rest) < 6*time.Second || slices.Max(rest) > 12*time.Second || slices.Min(rest) == slices.Max(rest) {
			t.Errorf("waits %v, want some from 6 s to 12 s", rest)
		}
	})
}
