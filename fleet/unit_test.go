package fleet

import (
	"testing"
	"unsafe"
)

// Memory for each of a million devices is what a fleet is limited by.
func TestIdleDeviceIsSmall(t *testing.T) {
	if size := unsafe.Sizeof(unit{}); size > 136 {
		t.Errorf("a unit takes %d bytes, 136 is the most: what few devices have belongs into past", size)
	}
	if size := unsafe.Sizeof(entry{}); size > 16 {
		t.Errorf("a heap entry takes %d bytes, 16 is the most", size)
	}
}
