package fleet_test

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"testing"
	"time"

	"go.uber.org/goleak"

	"spafleet/device"
	"spafleet/fleet"
	"spafleet/resync/modelled"
)

func TestNeverMoreThanOutstandingAtOnce(t *testing.T) {
	for _, tt := range []struct{ outstanding, loops int }{{1, 1}, {1, 8}, {3, 4}, {7, 4}, {20, 3}} {
		t.Run(fmt.Sprintf("%d with %d loops", tt.outstanding, tt.loops), func(t *testing.T) {
			n := newNetwork()
			n.hold = 2 * time.Millisecond
			n.put("/a", profileOf())
			s := start(t, n, fleet.Config{Groups: []fleet.Group{ata(t, 60)}, Outstanding: tt.outstanding, Loops: tt.loops})
			s.await("all resyncs", func() bool { return s.count(device.ResyncOK) == 60 })
			if n.most > tt.outstanding {
				t.Errorf("%d at once, want at most %d", n.most, tt.outstanding)
			}
			if got := s.f.Outstanding(); got != tt.outstanding {
				t.Errorf("Outstanding() = %d", got)
			}
			if s.f.Saturated() == 0 {
				t.Error("60 devices at once, and none had to wait")
			}
		})
	}
}

func TestAllPlacesAreUsed(t *testing.T) {
	n := newNetwork()
	release := n.block("/a")
	defer release()
	s := start(t, n, fleet.Config{Groups: []fleet.Group{ata(t, 60)}, Outstanding: 12, Loops: 4})
	s.await("a full gate", func() bool { return n.inFlight() == 12 && s.f.Running() == 12 })
}

// The n-th start since the fleet was made comes no sooner than the rate allows,
// however many loops share it.
func TestRateSpacesStarts(t *testing.T) {
	for _, loops := range []int{1, 4} {
		t.Run(fmt.Sprint(loops, " loops"), func(t *testing.T) {
			t.Parallel()
			n := newNetwork()
			n.put("/a", profileOf())
			made := time.Now().UnixNano()
			s := start(t, n, fleet.Config{Groups: []fleet.Group{ata(t, 80)}, Rate: 80, Loops: loops})
			s.await("all resyncs", func() bool { return s.count(device.ResyncOK) == 80 })
			var at []int64
			for dev := range device.Index(80) {
				at = append(at, s.of(dev, device.ResyncStarted)[0].At)
			}
			slices.Sort(at)
			const interval = time.Second / 80
			for i := range at {
				since := nanoseconds(made, at[i])
				if soonest := time.Duration(i) * interval; since < soonest {
					t.Errorf("start %d after %s, want %s at least", i, since, soonest)
				}
			}
			if whole := nanoseconds(at[0], at[79]); whole > 79*interval+slack {
				t.Errorf("80 starts took %s", whole)
			}
			for dev := range device.Index(80) {
				if e := s.of(dev, device.Late)[0]; e.Took > int64(slack) {
					t.Errorf("device %d is %s late: the wait for the rate counts", dev, time.Duration(e.Took))
				}
			}
		})
	}
}

func TestGoroutinesAreBoundedByOutstanding(t *testing.T) {
	n := newNetwork()
	release := n.block("/a")
	defer release()
	before := runtime.NumGoroutine()
	s := start(t, n, fleet.Config{Groups: []fleet.Group{ata(t, 500)}, Outstanding: 20, Loops: 4})
	s.await("a full gate", func() bool { return n.inFlight() == 20 })
	// 20 attempts, 4 loops, Run, the log sender and the one that called Run
	if got := runtime.NumGoroutine() - before; got > 20+4+4 {
		t.Errorf("%d goroutines for 20 attempts", got)
	}
}

func TestRunReturnsWhenEveryAttemptHasEnded(t *testing.T) {
	before := goleak.IgnoreCurrent()
	n := newNetwork()
	n.put("/a", profileOf())
	n.put("/b", profileOf())
	n.hold = time.Millisecond
	release := n.block("/b")
	defer release()
	groups := []fleet.Group{ata(t, 200), ata(t, 40, "Profile_Rule=http://192.0.2.5/b"), ata(t, 20, "Profile_Rule=http://192.0.2.5/missing", "Resync_Error_Retry_Delay=1")}
	s := start(t, n, fleet.Config{Groups: groups, Outstanding: 70})
	s.await("half of them", func() bool { return s.count(device.ResyncOK) > 100 })
	for dev := range device.Index(10) {
		s.do(200+dev, device.SwitchOff)
		s.do(dev, device.Reboot)
	}
	s.await("more of them", func() bool { return s.count(device.ResyncOK) > 150 })
	asked := time.Now()
	s.stop()
	if took := time.Since(asked); took > time.Second {
		t.Errorf("Run returned %s after its context ended", took)
	}
	goleak.VerifyNone(t, before)
	if n.inFlight() != 0 || s.f.Running() != 0 {
		t.Errorf("%d transfers and %d attempts are left", n.inFlight(), s.f.Running())
	}
	ok, failed := s.count(device.ResyncOK), s.count(device.ResyncFailed)
	if n.transfers() != ok+failed+s.f.Aborted() {
		t.Errorf("%d attempts, but %d ok + %d failed + %d aborted", n.transfers(), ok, failed, s.f.Aborted())
	}
	var counted int
	for dev := range device.Index(260) {
		v := s.view(dev)
		counted += int(v.Resyncs.OK + v.Resyncs.Failed)
	}
	if counted != ok+failed {
		t.Errorf("the devices count %d resyncs, the events %d", counted, ok+failed)
	}
}

func TestFleetThatHasEndedSaysSo(t *testing.T) {
	s := start(t, newNetwork(), fleet.Config{Groups: []fleet.Group{ata(t, 2, "Resync_On_Reset=No")}, Loops: 1})
	s.stop()
	if err := s.f.Run(t.Context()); err == nil {
		t.Error("Run runs twice")
	}
	if err := s.f.Await(t.Context(), func() bool { return false }); err == nil {
		t.Error("Await waits for what cannot come")
	}
	ctx, stop := context.WithTimeout(t.Context(), patience)
	defer stop()
	var err error
	for range 5000 { // the inbox takes some, which nobody will read
		if err = s.f.Do(ctx, 0, device.Command{Order: device.Resync}); err != nil {
			break
		}
	}
	if err == nil || ctx.Err() != nil {
		t.Errorf("Do after the end: %v", err)
	}
}

func TestAwaitEndsWithItsContext(t *testing.T) {
	s := start(t, newNetwork(), fleet.Config{Groups: []fleet.Group{ata(t, 1)}})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.f.Await(ctx, func() bool { return false }); err != context.Canceled {
		t.Errorf("error %v", err)
	}
	if err := s.f.Await(ctx, func() bool { return true }); err != nil {
		t.Errorf("what holds is an error: %v", err)
	}
}

// Neither the start nor what repeats comes in bursts once a second: each
// twentieth of a second has its part of the attempts.
func TestStartsAreEvenWithinTheSecond(t *testing.T) {
	const devices, slots = 8_000, 20
	var starts [2][slots]int // at first, and by the periodic timer
	f, err := fleet.New(fleet.Config{
		Seed: 1, Clock: fleet.Virtual, InProcess: &modelled.Network{}, // nobody answers
		Groups: []fleet.Group{ata(t, devices, "Resync_Random_Delay=2", "Resync_Periodic=60", "Resync_Error_Retry_Delay=60")},
		Tell: func(events []device.Event) {
			for i := range events {
				if e := &events[i]; e.Kind == device.ResyncStarted {
					slot := e.At % int64(time.Second) / (int64(time.Second) / slots)
					starts[min(e.N/8, 1)][slot]++
				}
			}
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	begun := f.Now()
	watch := func() bool { return f.Now() > begun+int64(3*time.Minute) }
	go func() {
		defer stop()
		_ = f.Await(ctx, watch)
	}()
	if err := f.Run(ctx); err != nil {
		t.Fatal(err)
	}
	for kind := range starts {
		all := 0
		for _, n := range starts[kind] {
			all += n
		}
		for slot, n := range starts[kind] {
			if even := all / slots; all < devices || n < even*4/5 || n > even*6/5 {
				t.Errorf("round %d: %d of %d starts in slot %d of a second, want about %d", kind, n, all, slot, even)
			}
		}
	}
}

// In virtual time nothing is sent to anybody: an address where nobody is is
// silent, however public it is.
func TestNobodyIsGuardedInVirtualTime(t *testing.T) {
	var story []string
	f, err := fleet.New(fleet.Config{
		Seed: 1, Clock: fleet.Virtual, InProcess: &modelled.Network{},
		Groups: []fleet.Group{ata(t, 1, "Profile_Rule=tftp://203.0.113.1/a")},
		Tell: func(events []device.Event) {
			for i := range events {
				if e := &events[i]; e.Kind == device.FetchFailed {
					story = append(story, e.Result.String())
				}
			}
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if len(story) != 1 || story[0] != "timeout" {
		t.Errorf("%q, want one timeout", story)
	}
}
