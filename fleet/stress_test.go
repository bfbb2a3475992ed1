package fleet_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"spafleet/device"
	"spafleet/device/model"
	"spafleet/fleet"
	"spafleet/resync"
)

// pairNetwork gives every transfer a file with two values that are alike.
type pairNetwork struct {
	*network
	count atomic.Int64
}

func (n *pairNetwork) Fetch(context.Context, *resync.Request) (resync.Response, error) {
	k := n.count.Add(1)
	return resync.Response{Status: 200, Body: []byte(profileOf(fmt.Sprint("GPP_A=", k), fmt.Sprint("GPP_B=", k)))}, nil
}

func TestViewsAreConsistentWhileCommandsFly(t *testing.T) {
	const devices = 2000
	n := &pairNetwork{network: newNetwork()}
	s := startOn(t, n, fleet.Config{Groups: []fleet.Group{ata(t, devices)}, Outstanding: 64})
	over, stop := context.WithTimeout(t.Context(), 2*time.Second)
	defer stop()
	orders := []device.Order{device.Resync, device.Resync, device.Resync, device.Reboot, device.SwitchOff, device.SwitchOn, device.SwitchOn,
		device.FactoryReset, device.HookOff, device.HookOn, device.HookOn, device.SetParams}
	edit := sets(t, "GPP_A=edited", "GPP_B=edited")
	var work sync.WaitGroup
	for g := range 4 {
		chance := rand.New(rand.NewPCG(1, uint64(g)))
		work.Go(func() {
			for over.Err() == nil {
				c := device.Command{Order: orders[chance.IntN(len(orders))], Cause: model.ByStep}
				if c.Order == device.SetParams {
					c.Sets = edit
				}
				_ = s.f.Do(over, device.Index(chance.IntN(devices)), c)
			}
		})
		work.Go(func() {
			for over.Err() == nil {
				v, _ := s.f.View(device.Index(rand.IntN(devices)))
				a, _ := v.Params.Lookup("GPP_A")
				b, _ := v.Params.Lookup("GPP_B")
				if a != b {
					t.Errorf("device %d: GPP_A %q, GPP_B %q", v.Unit.Index, a, b)
					return
				}
			}
		})
	}
	work.Wait()
	s.stop()
	ok, failed := s.count(device.ResyncOK), s.count(device.ResyncFailed)
	if got := int(n.count.Load()); got != ok+failed+s.f.Aborted() {
		t.Errorf("%d attempts, but %d ok + %d failed + %d aborted", got, ok, failed, s.f.Aborted())
	}
}

// The design allows 300 bytes, heap entry and shared values included.
func TestIdleDeviceCostsLittle(t *testing.T) {
	const devices = 10000
	n := newNetwork()
	n.put("/a", profileOf("Resync_Periodic=3600", "GPP_A=1", "GPP_B=2", "GPP_C=3"))
	group := ata(t, devices)
	files, goroutines, heap := openFiles(t), runtime.NumGoroutine(), heapBytes()
	f, err := fleet.New(fleet.Config{Network: quiet{n}, Seed: 1, Groups: []fleet.Group{group}, Outstanding: 100})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- f.Run(ctx) }()
	idle := func() bool {
		for dev := device.Index(devices); dev > 0; dev-- {
			if v, _ := f.View(dev - 1); v.Resyncs.OK == 0 || v.Due == 0 {
				return false
			}
		}
		return true
	}
	limit, stop := context.WithTimeout(ctx, patience)
	defer stop()
	if err := f.Await(limit, idle); err != nil {
		t.Fatal(err)
	}
	for again := time.NewTicker(time.Millisecond); runtime.NumGoroutine()-goroutines > runtime.GOMAXPROCS(0)+4; {
		select {
		case <-again.C: // those of attempts that ended wait a little for others
		case <-limit.Done():
			t.Fatalf("%d goroutines for idle devices", runtime.NumGoroutine()-goroutines)
		}
	}
	if got := openFiles(t) - files; got > 2 {
		t.Errorf("%d files open for idle devices", got)
	}
	each := (heapBytes() - heap) / devices
	t.Logf("%d bytes per idle device", each)
	if each > 300 {
		t.Errorf("%d bytes per idle device, want at most 300", each)
	}
	cancel()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

// quiet is a network that remembers nothing of each transfer.
type quiet struct{ *network }

func (q quiet) Fetch(_ context.Context, r *resync.Request) (resync.Response, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return resync.Response{Status: 200, Body: []byte(q.files[r.Path])}, nil
}

func heapBytes() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

func openFiles(t *testing.T) int {
	entries, err := os.ReadDir("/dev/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}
