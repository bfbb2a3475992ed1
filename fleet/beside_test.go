package fleet_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"spafleet/device"
	"spafleet/fleet"
	"spafleet/resync"
	"spafleet/resync/modelled"
)

// busyHalfHour is a fleet whose devices do much at the same moments: all of them boot at once,
// reboot for what they fetch, lose power, and are cut off at the end.
func busyHalfHour(t *testing.T, loops, count int) virtualRun {
	some := func(order device.Order) func(func(device.Index, device.Order, ...string)) {
		return func(do func(device.Index, device.Order, ...string)) {
			for dev := range count {
				if dev = count - 1 - dev; dev%3 == 0 {
					do(device.Index(dev), order)
				}
			}
		}
	}
	return virtually(t, fleet.Config{Loops: loops, Groups: slices.Concat(
		asking(t, count/2, byTFTP, "Resync_Periodic=600"),
		asking(t, count-count/2, []string{"Profile_Rule=http://127.0.0.1/$MA"}, "Resync_Periodic=300", "Resync_Error_Retry_Delay=120"),
	)}, map[string]string{"/a": profileOf("User_ID_1_=new", "GPP_A="+strings.Repeat("x", 2000))}, 30*time.Minute, script{
		10 * time.Minute:                    some(device.SwitchOff),
		15 * time.Minute:                    some(device.SwitchOn),
		20 * time.Minute:                    some(device.Resync),
		20*time.Minute + time.Millisecond:   some(device.Reboot),
		30*time.Minute - 3*time.Millisecond: some(device.Resync),
	})
}

// Loops side by side tell the same bytes, however many there are, and each device does
// what it does where one loop takes turns.
func TestLoopsSideBySideTellTheSame(t *testing.T) {
	count := 4200 // more than one block
	if raceEnabled {
		count = 420
	}
	first := busyHalfHour(t, 1, count)
	if ok, failed := first.count(device.ResyncOK), first.count(device.ResyncFailed); ok < count || failed < count {
		t.Fatalf("%d resyncs went well, %d did not", ok, failed)
	}
	if first.f.Aborted() == 0 {
		t.Error("nothing was cut off at the end")
	}
	for _, loops := range []int{2, 5} {
		again := busyHalfHour(t, loops, count)
		if again.log != first.log {
			t.Errorf("%d loops: %s", loops, firstDifference(first.log, again.log))
		}
		if a, b := again.f.Aborted(), first.f.Aborted(); a != b {
			t.Errorf("%d loops cut %d attempts off, one %d", loops, a, b)
		}
	}
	turns := busyHalfHour(t, 0, count)
	for _, dev := range []device.Index{0, 1, device.Index(count/2 - 1), device.Index(count / 2), device.Index(count - 1)} {
		if a, b := first.story(dev), turns.story(dev); a != b {
			t.Errorf("device %d: side by side\n%s\nin turns\n%s", dev, a, b)
		}
	}
	if a, b := strings.Count(first.log, "\n"), strings.Count(turns.log, "\n"); a != b {
		t.Errorf("%d events side by side, %d in turns", a, b)
	}
}

// firstDifference names the first line in which two logs differ.
func firstDifference(a, b string) string {
	x, y := strings.Split(a, "\n"), strings.Split(b, "\n")
	for i := range x {
		if i >= len(y) || x[i] != y[i] {
			return x[i] + "\nis now\n" + append(y, "")[min(i, len(y))]
		}
	}
	return "it goes on after the end"
}

// A run side by side that is interrupted tells what happened, and ends.
func TestLoopsSideBySideAreInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	const end = 10_000 * time.Hour
	told, latest := 0, int64(0)
	f, err := fleet.New(fleet.Config{
		Seed: 1, Clock: fleet.Virtual, Loops: 2, Groups: asking(t, 100, byHTTP, "Resync_Periodic=60"),
		InProcess: &modelled.Network{Server: &library{files: map[string]string{"/a": profileOf("GPP_A=1")}}, Addr: inProcess, HTTP: 80},
		Conduct:   func(now int64, _ func(device.Index, device.Command)) (int64, bool) { return now + int64(end), false },
		Tell: func(events []device.Event) {
			for _, e := range events {
				if e.At < latest {
					t.Errorf("device %d at %d, after %d", e.Dev, e.At, latest)
				}
				latest = e.At
			}
			if told += len(events); told > 100_000 {
				cancel()
			}
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Run(ctx); err != nil {
		t.Fatal(err)
	}
	if told < 100_000 || told > 400_000 {
		t.Errorf("%d events were told", told)
	}
	if passed := time.Duration(f.Now() - f.Start()); passed <= 0 || passed >= end/2 {
		t.Errorf("it says that %s have passed", passed)
	}
}

// Without a conductor loops side by side end when nothing can happen any more.
func TestLoopsSideBySideEnd(t *testing.T) {
	ok := 0
	f, err := fleet.New(fleet.Config{
		Seed: 1, Clock: fleet.Virtual, Loops: 4, Groups: asking(t, 3, byHTTP, "Resync_Periodic=0"),
		InProcess: &modelled.Network{Server: oneAnswer("<flat-profile/>"), Addr: inProcess, HTTP: 80},
		Tell: func(events []device.Event) {
			for i := range events {
				if events[i].Kind == device.ResyncOK {
					ok++
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
	if ok != 3 {
		t.Errorf("%d resyncs went well, want 3", ok)
	}
}

// oneAnswer is a server with one answer.
type oneAnswer string

func (a oneAnswer) Respond(int64, *resync.Request) resync.Response {
	return resync.Response{Status: 200, Body: []byte(a)}
}
