package phase_test

import (
	"testing"

	"spafleet/device/phase"
)

func TestEachPhaseHasANameOfItsOwn(t *testing.T) {
	seen := map[string]phase.Phase{"": 0, "unknown": 0}
	for _, p := range phase.All() {
		if other, twice := seen[p.String()]; twice {
			t.Errorf("phase %d has the name %q of phase %d", p, p, other)
		}
		seen[p.String()] = p
	}
	if none := phase.Phase(0); none.String() != "" || len(phase.All()) != 14 {
		t.Errorf("no phase is %q, and there are %d", none, len(phase.All()))
	}
}
