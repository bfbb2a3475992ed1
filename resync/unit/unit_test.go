package unit

import (
	"testing"
	"unsafe"
)

// Memory for each of a million devices is what a fleet is limited by.
func TestIdleDeviceIsSmall(t *testing.T) {
	if size := unsafe.Sizeof(Unit{}); size > 144 {
		t.Errorf("a unit takes %d bytes, 144 is the most: what few devices have belongs into optional", size)
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
