package measure_test

import (
	"testing"

	"spafleet/device/measure"
)

func TestThingsAreCountedAsPeopleDo(t *testing.T) {
	for _, tt := range []struct {
		n          int
		what, want string
	}{{0, "device", "0 devices"}, {1, "address", "1 address"}, {2, "address", "2 addresses"}, {1, "entry", "1 entry"}, {2, "entry", "2 entries"}, {2, "key", "2 keys"}, {2, "switch", "2 switches"}} {
		if got := measure.Counted(tt.n, tt.what); got != tt.want {
			t.Errorf("%d of %s: %q, want %q", tt.n, tt.what, got, tt.want)
		}
	}
}

func TestTheFirstOfManyNamesAndHowManyMore(t *testing.T) {
	names := []string{"a", "b", "c"}
	for most, want := range map[int]string{1: "a and 2 more", 2: "a, b and 1 more", 3: "a, b, c", 4: "a, b, c"} {
		if got := measure.FirstOf(names, most); got != want {
			t.Errorf("the first %d: %q, want %q", most, got, want)
		}
	}
}
