package fleet

import (
	"testing"
	"unsafe"
)

// Memory for each of a million devices is what a fleet is limited by.
func TestHeapEntryIsSmall(t *testing.T) {
	if size := unsafe.Sizeof(entry{}); size > 16 {
		t.Errorf("a heap entry takes %d bytes, 16 is the most", size)
	}
}
