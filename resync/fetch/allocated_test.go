//go:build !race

package fetch_test

import (
	"runtime"
	"testing"
)

// A file that the device has already costs no memory of its size. (Under the race detector
// a pool forgets some of what it is given.)
func TestAnUnchangedFileIsNotAllocated(t *testing.T) {
	file := fullProfile(t)
	for scheme, server := range transports(t, file) {
		r := newResyncer(t, scheme, server)
		r.resync(t)
		r.resync(t)
		var before, after runtime.MemStats
		const times = 100
		runtime.ReadMemStats(&before)
		for range times {
			r.resync(t)
		}
		runtime.ReadMemStats(&after)
		each := int(after.TotalAlloc-before.TotalAlloc) / times
		t.Logf("%s: %d bytes for each attempt, the server's among them", scheme, each)
		if most := len(file) / 2; each > most {
			t.Errorf("%s: %d bytes for each attempt that gets %d bytes unchanged, want at most %d", scheme, each, len(file), most)
		}
	}
}
