package fleet_test

import (
	"runtime"
	"runtime/debug"
	"testing"
	"time"

	"spafleet/fleet"
)

// percent reads how often the collector works.
func percent() int {
	p := debug.SetGCPercent(100)
	debug.SetGCPercent(p)
	return p
}

// The room for garbage is in bytes while little lives, and a share of much.
func TestGarbageHasRoomByWhatLives(t *testing.T) {
	t.Setenv("GOGC", "")
	before := percent()
	stop := fleet.LeaveRoom()
	reaches := func(what string, fits func(percent int) bool) {
		t.Helper()
		limit := time.After(patience)
		for again := time.NewTicker(time.Millisecond); !fits(percent()); {
			select {
			case <-again.C:
				runtime.GC()
			case <-limit:
				t.Fatalf("%s: %d percent", what, percent())
			}
		}
	}
	reaches("little lives", func(p int) bool { return p > 2*fleet.GarbagePercent })
	much := make([]byte, 4*fleet.GarbageRoom)
	reaches("much lives", func(p int) bool { return p == fleet.GarbagePercent })
	runtime.KeepAlive(much)
	reaches("little lives again", func(p int) bool { return p > 2*fleet.GarbagePercent })
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

func TestGOGCGoesBefore(t *testing.T) {
	t.Setenv("GOGC", "77")
	before := percent()
	defer fleet.LeaveRoom()()
	if got := percent(); got != before {
		t.Errorf("%d percent, want %d", got, before)
	}
}
