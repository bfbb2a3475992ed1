package unit

import (
	"testing"
	"unsafe"
)

// Memory for each of a million devices is what a fleet is limited by.
func TestIdleDeviceIsSmall(t *testing.T) {
	if size := unsafe.Sizeof(Unit{}); size > 128 {
		t.Errorf("a unit takes %d bytes, 128 is the most: what few devices have belongs into optional", size)
	}
}

// A device that has a lease of a real server keeps this more than one that has none.
func TestALeaseIsSmall(t *testing.T) {
	lease, rest := unsafe.Sizeof(leased{}), unsafe.Sizeof(optional{})
	t.Logf("a lease takes %d bytes, what few devices have %d", lease, rest)
	if lease > 112 || rest > 176 {
		t.Errorf("a lease takes %d bytes and what few devices have %d; 112 and 176 are the most", lease, rest)
	}
}

// State files hold these numbers.
func TestFlagsKeepTheirNumbers(t *testing.T) {
	for i, f := range []flags{powered, inUse, erring, queued, preset, spent1, spent2, rcPending, isCustom, booting} {
		if f != 1<<i {
			t.Errorf("flag %d is %b", i, f)
		}
	}
	for i, timer := range []timer{resyncTimer, triggerTimer, upgradeTimer, forcedTimer} {
		if int(timer) != i {
			t.Errorf("timer %d is %d", i, timer)
		}
	}
}
