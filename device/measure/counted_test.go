package measure_test

import (
	"testing"

	"spafleet/device/measure"
)

func TestThingsAreCountedAsPeopleDo(t *testing.T) {
	for _, tt := range []struct {
		n          int
		what, want string
	}{{0, "device", "0 devices"}, {1, "address", "1 address"}, {2, "address", "2 addresses"}} {
		if got := measure.Counted(tt.n, tt.what); got != tt.want {
			t.Errorf("%d of %s: %q, want %q", tt.n, tt.what, got, tt.want)
		}
	}
}
