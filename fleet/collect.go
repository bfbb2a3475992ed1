package fleet

import (
	"os"
	"runtime/debug"
	"runtime/metrics"
	"sync"
	"time"
)

// What garbage may take: so many bytes, without which a small fleet's program would
// do little but collect, or so many percent of what lives, which is room enough for
// a large one's, mostly idle data.
const (
	GarbageRoom    = 64 << 20
	GarbagePercent = 40
)

// lookAfter is how often what lives is looked at. The percentage of a moment before
// is too much for a heap that has grown since.
const lookAfter = 20 * time.Millisecond

// LeaveRoom has the program's collector leave garbage as much room as
// [GarbageRoom] and [GarbagePercent] say, by what lives at the moment, until stop
// is called. Where the environment's GOGC says how often to collect, it does
// nothing. It is for programs, which have one collector.
func LeaveRoom() (stop func()) {
	if os.Getenv("GOGC") != "" {
		return func() {}
	}
	before := debug.SetGCPercent(GarbagePercent)
	over := make(chan struct{})
	var watching sync.WaitGroup
	watching.Go(func() { watchGarbage(over) })
	return func() {
		close(over)
		watching.Wait()
		debug.SetGCPercent(before)
	}
}

// watchGarbage sets the percentage by what the last collection left. Setting it
// stops the world for a moment, so small differences are let be.
func watchGarbage(over <-chan struct{}) {
	percent := GarbagePercent
	for again := time.NewTicker(lookAfter); ; {
		if want := garbagePercent(alive()); want < percent*9/10 || want > percent*11/10 {
			debug.SetGCPercent(want)
			percent = want
		}
		select {
		case <-again.C:
		case <-over:
			again.Stop()
			return
		}
	}
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
