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

func TestGOGCTakesPrecedence(t *testing.T) {
	t.Setenv("GOGC", "77")
	before := percent()
	defer host.TuneGC()()
	if got := percent(); got != before {
		t.Errorf("%d percent, want %d", got, before)
	}
}
