package fleet

import (
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"sync"
)

// What garbage may take: so many bytes, without which a small fleet's program would
// do little but collect, or so many percent of what lives, which is room enough for
// a large one's, mostly idle data.
const (
	GarbageRoom    = 64 << 20
	GarbagePercent = 40
)

// LeaveRoom has the program's collector leave garbage as much room as
// [GarbageRoom] and [GarbagePercent] say, by what lives at the moment, until stop
// is called. Where the environment's GOGC says how often to collect, it does
// nothing. It is for programs, which have one collector.
func LeaveRoom() (stop func()) {
	if os.Getenv("GOGC") != "" {
		return func() {}
	}
	c := &collecting{}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.before = debug.SetGCPercent(GarbagePercent)
	c.percent = GarbagePercent
	c.adjust()
	return c.stop
}

// collecting follows the collector: after each of its cycles the percentage is set
// by what that cycle found alive.
type collecting struct {
	mu      sync.Mutex
	before  int // to be set again
	percent int
	stopped bool
}

// A cycle is garbage at once; that it was collected tells of a cycle. It is too
// large to be allocated together with what lives longer.
type cycle [16]byte

func (c *collecting) stop() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stopped = true
	debug.SetGCPercent(c.before)
}

func (c *collecting) ended(struct{}) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.stopped {
		c.adjust()
	}
}

// adjust sets the percentage for the next cycle, and waits for its end. Setting it
// stops the world for a moment, so small differences are let be.
func (c *collecting) adjust() {
	want := garbagePercent(alive())
	if want < c.percent*9/10 || want > c.percent*11/10 {
		debug.SetGCPercent(want)
		c.percent = want
	}
	runtime.AddCleanup(&cycle{}, c.ended, struct{}{})
}

func garbagePercent(alive uint64) int {
	return int(max(GarbageRoom*100/max(alive, 1<<20), GarbagePercent))
}

// alive returns what the percentage is taken of: the heap that the last cycle left,
// stacks and globals.
func alive() (bytes uint64) {
	samples := []metrics.Sample{{Name: "/gc/heap/live:bytes"}, {Name: "/gc/scan/stack:bytes"}, {Name: "/gc/scan/globals:bytes"}}
	metrics.Read(samples)
	for _, s := range samples {
		bytes += s.Value.Uint64()
	}
	return bytes
}
