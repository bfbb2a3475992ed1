package measure_test

import (
	"testing"

	"spafleet/device/measure"
)

func TestCountsNameThoseWithMost(t *testing.T) {
	counts := map[string]int{"SPA942": 3, "PAP2T": 7, "SPA2102": 3}
	for most, want := range map[int]string{5: "PAP2T × 7, SPA2102 × 3, SPA942 × 3", 1: "PAP2T × 7, and 2 more"} {
		if got := measure.Counts(counts, most); got != want {
			t.Errorf("at most %d: %q, want %q", most, got, want)
		}
	}
	if got := measure.Counts(nil, 3); got != "" {
		t.Errorf("nothing: %q", got)
	}
}
