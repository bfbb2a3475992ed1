package host

import (
	"os"
	"runtime/debug"
	"runtime/metrics"
	"sync"
	"time"
)

// How much memory garbage may take: so many bytes, because the program of a small
// fleet would otherwise do little but collect, or so many percent of the live heap,
// which is enough for a large fleet of mostly idle data.
const (
	GarbageRoom    = 64 << 20
	GarbagePercent = 40
)

// liveCheckPeriod is how often the live heap is looked at. The percentage that
// fitted a small heap is too much for one that has grown since.
const liveCheckPeriod = 20 * time.Millisecond

// HeapPercent is how much of [MemoryLimit] the Go runtime may use before it
// collects garbage more often. The rest is for what it does not count.
const HeapPercent = 90

// TuneGC keeps the collector's percentage at what [GarbageRoom] and
// [GarbagePercent] ask for, by the size of the live heap, until stop is called. It
// also sets the runtime's soft memory limit to [HeapPercent] of [MemoryLimit].
// Where the environment sets GOGC or GOMEMLIMIT, that stays as it is. It is for
// programs, which have one collector, not for packages.
func TuneGC() (stop func()) {
	unlimit := limitHeap(MemoryLimit())
	if os.Getenv("GOGC") != "" {
		return unlimit
	}
	before := debug.SetGCPercent(GarbagePercent)
	over := make(chan struct{})
	var watching sync.WaitGroup
	watching.Go(func() { followLiveHeap(over) })
	return func() {
		close(over)
		watching.Wait()
		debug.SetGCPercent(before)
		unlimit()
	}
}

// limitHeap sets the runtime's soft memory limit for a process that may have so
// many bytes, 0 where that is not known, and returns how to undo it.
func limitHeap(memory int64) (undo func()) {
	if memory <= 0 || os.Getenv("GOMEMLIMIT") != "" {
		return func() {}
	}
	before := debug.SetMemoryLimit(memory / 100 * HeapPercent)
	return func() { debug.SetMemoryLimit(before) }
}

// followLiveHeap sets the percentage by what the last collection left. Setting it
// stops the world for a moment, so small differences are ignored.
func followLiveHeap(over <-chan struct{}) {
	percent := GarbagePercent
	for ticker := time.NewTicker(liveCheckPeriod); ; {
		if want := garbagePercent(liveBytes()); want < percent*9/10 || want > percent*11/10 {
			debug.SetGCPercent(want)
			percent = want
		}
		select {
		case <-ticker.C:
		case <-over:
			ticker.Stop()
			return
		}
	}
}

func garbagePercent(live uint64) int {
	return int(max(GarbageRoom*100/max(live, 1<<20), GarbagePercent))
}

// liveBytes returns what the collector's percentage is taken of: the heap that the
// last cycle left, stacks and globals.
func liveBytes() (bytes uint64) {
	samples := []metrics.Sample{{Name: "/gc/heap/live:bytes"}, {Name: "/gc/scan/stack:bytes"}, {Name: "/gc/scan/globals:bytes"}}
	metrics.Read(samples)
	for _, s := range samples {
		bytes += s.Value.Uint64()
	}
	return bytes
}
