package host_test

import (
	"runtime"
	"runtime/debug"
	"testing"
	"time"

	"spafleet/host"
)

// percent reads how often the collector works.
func percent() int {
	p := debug.SetGCPercent(100)
	debug.SetGCPercent(p)
	return p
}

// The room for garbage is in bytes while little lives, and a share of much.
func TestGarbageHasRoomByTheLiveHeap(t *testing.T) {
	t.Setenv("GOGC", "")
	before := percent()
	stop := host.TuneGC()
	reaches := func(what string, fits func(percent int) bool) {
		t.Helper()
		limit := time.After(20 * time.Second)
		for again := time.NewTicker(time.Millisecond); !fits(percent()); {
			select {
			case <-again.C:
				runtime.GC()
			case <-limit:
				t.Fatalf("%s: %d percent", what, percent())
			}
		}
	}
	reaches("a small heap", func(p int) bool { return p > 2*host.GarbagePercent })
	much := make([]byte, 4*host.GarbageRoom)
	reaches("a large heap", func(p int) bool { return p == host.GarbagePercent })
	runtime.KeepAlive(much)
	reaches("a small heap again", func(p int) bool { return p > 2*host.GarbagePercent })
	stop()
	if got := percent(); got != before {
		t.Errorf("after stop %d percent, want %d as before", got, before)
	}
	for range 3 {
		runtime.GC()
	}
	if got := percent(); got != before {
		t.Errorf("long after stop %d percent, want %d", got, before)
	}
}

// Who makes much garbage has more room for it than who makes little.
func TestGarbageHasRoomByHowMuchIsMade(t *testing.T) {
	t.Setenv("GOGC", "")
	defer host.TuneGC()()
	var kept []byte
	reaches := func(what string, garbage func(), fits func(percent int) bool) {
		t.Helper()
		limit := time.After(20 * time.Second)
		for again := time.NewTicker(time.Millisecond); !fits(percent()); {
			select {
			case <-again.C:
				garbage()
			case <-limit:
				t.Fatalf("%s: %d percent", what, percent())
			}
		}
	}
	// So little lives that the room is at most 16 times 4 MB, and at least 4 times.
	reaches("much garbage", func() { kept = make([]byte, 8<<20) }, func(p int) bool { return p >= 800 })
	reaches("little garbage", func() { kept = make([]byte, 1<<10) }, func(p int) bool { return p <= 450 })
	runtime.KeepAlive(kept)
}

func TestGOGCTakesPrecedence(t *testing.T) {
	t.Setenv("GOGC", "77")
	before := percent()
	defer host.TuneGC()()
	if got := percent(); got != before {
		t.Errorf("%d percent, want %d", got, before)
	}
}

func TestTheHeapKeepsWithinTheMemoryLimit(t *testing.T) {
	t.Setenv("GOMEMLIMIT", "")
	before := debug.SetMemoryLimit(-1)
	stop := host.TuneGC()
	if got, want := debug.SetMemoryLimit(-1), host.MemoryLimit()/100*host.HeapPercent; want > 0 && got != want {
		t.Errorf("the limit is %d bytes, want %d", got, want)
	}
	stop()
	if got := debug.SetMemoryLimit(-1); got != before {
		t.Errorf("after stop %d bytes, want %d as before", got, before)
	}
	t.Setenv("GOMEMLIMIT", "1GiB")
	stop = host.TuneGC()
	defer stop()
	if got := debug.SetMemoryLimit(-1); got != before {
		t.Errorf("%d bytes, though the environment sets a limit", got)
	}
}
