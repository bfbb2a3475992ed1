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
// which is enough for a large fleet of mostly idle data. A program that makes little
// garbage has less room, down to leastRoom: what is made in roomLasts.
const (
	GarbageRoom    = 64 << 20
	GarbagePercent = 40

	leastRoom = 16 << 20
	roomLasts = time.Second / 2
)

// leastHeap is what the runtime lets a heap grow to at 100 percent, however little lives.
const leastHeap = 4 << 20

// liveCheckPeriod is how often heap and garbage are looked at. The percentage that
// fitted a small heap is too much for one that has grown since.
const liveCheckPeriod = 20 * time.Millisecond

// HeapPercent is how much of [MemoryLimit] the Go runtime may use before it
// collects garbage more often. The rest is for what it does not count.
const HeapPercent = 90

// TuneGC keeps the collector's percentage at what [GarbageRoom] and
// [GarbagePercent] ask for, by the size of the live heap and by how much is allocated,
// until stop is called. It
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

// followLiveHeap sets the percentage by what the last collection left, and by how much
// was made since. Setting it stops the world for a moment, so small differences are
// ignored.
func followLiveHeap(over <-chan struct{}) {
	percent, room := GarbagePercent, garbageRoom{made: GarbageRoom, at: time.Now()} // the start is busy
	for ticker := time.NewTicker(liveCheckPeriod); ; {
		live, allocated := readHeap()
		if want := garbagePercent(live, room.next(allocated, time.Now())); want < percent*9/10 || want > percent*11/10 {
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

// garbageRoom follows how much is allocated in roomLasts.
type garbageRoom struct {
	made  float64 // bytes, of late
	total uint64  // bytes, since the program started
	at    time.Time
}

// next takes how much has been allocated until a moment, and returns how many bytes
// garbage may take from then on.
func (g *garbageRoom) next(total uint64, now time.Time) uint64 {
	if took := now.Sub(g.at); took > 0 && g.total != 0 {
		latest := float64(total-g.total) * float64(roomLasts) / float64(took)
		g.made += (latest - g.made) * min(float64(took)/float64(roomLasts), 1)
	}
	g.total, g.at = total, now
	return uint64(min(max(g.made, leastRoom), GarbageRoom))
}

func garbagePercent(live, room uint64) int {
	return int(max(room*100/max(live, leastHeap), GarbagePercent))
}

// readHeap returns what the collector's percentage is taken of (the heap that the last
// cycle left, stacks and globals), and how much has been allocated in all.
func readHeap() (live, allocated uint64) {
	samples := []metrics.Sample{{Name: "/gc/heap/live:bytes"}, {Name: "/gc/scan/stack:bytes"}, {Name: "/gc/scan/globals:bytes"}, {Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(samples)
	for _, s := range samples[:3] {
		live += s.Value.Uint64()
	}
	return live, samples[3].Value.Uint64()
}
