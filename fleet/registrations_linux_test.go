package fleet_test

import (
	"context"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"spafleet/bench/extproc"
	"spafleet/bench/harness"
	"spafleet/bench/workload"
	"spafleet/device"
	"spafleet/fleet"
	"spafleet/host"
)

// A registry is a fleet whose devices have profiles of their own, registered or not, with
// what they tell of it.
type registry struct {
	run              *fleet.Run
	registered, lost atomic.Int64
	why              atomic.Pointer[string] // one was lost
	took             float64                // bytes of live heap
}

// register starts devices and waits until they are at rest: in SEC-PRV-2, and registered if
// there is a registrar.
func register(t *testing.T, devices int, speed float64, registrar string) *registry {
	t.Helper()
	row, err := workload.Row()
	extproc.Must(t, err)
	text := func(seconds float64) string { return strconv.FormatFloat(seconds, 'g', -1, 64) }
	profile := []string{"Resync_Random_Delay", "0", "Password_1_", "secret", "SIP_Port_1_", "5060", "Proxy_1_", registrar, "Register_Expires_1_", "60",
		"SIP_T1", text(.5 * speed), "SIP_T2", text(4 * speed), "SIP_Timer_F", text(32 * speed)} // Kamailio answers in real time
	presets, err := workload.Presets("Profile_Rule", workload.SealedRule("http://127.0.1.1/$MA.cfg"), "GPP_B", workload.Key, "Resync_Random_Delay", "0")
	extproc.Must(t, err)
	r := &registry{}
	before := liveHeap()
	seen := harness.NewWatcher(devices) // the report's part of a device
	c := fleet.Config{Seed: workload.Seed, Network: workload.Direct{Pairs: profile}, Speed: speed, Outstanding: 64, Groups: []fleet.Group{{Name: "phones", Row: row, Count: devices, Presets: presets}}}
	c.Tell = func(events []device.Event) {
		seen.Tell(events)
		for i := range events {
			switch events[i].Kind {
			case device.Registered:
				r.registered.Add(1)
			case device.RegistrationFailed, device.Unregistered:
				r.lost.Add(1)
				r.why.Store(&events[i].Err)
			}
		}
	}
	if registrar != "" {
		c.SIP = fleet.SIP{Register: true, Port: sipBlock(t)}
	}
	r.run, err = fleet.Start(context.Background(), c)
	extproc.Must(t, err)
	r.await(t, "all are provisioned", func() bool { return seen.OK.Load() >= int64(2*devices) })
	if registrar != "" {
		r.await(t, "all are registered", func() bool { return r.lines() == devices })
	}
	r.took = liveHeap() - before
	return r
}

// most is how long five refreshes take, and more.
const most = 10 * time.Minute

func (r *registry) await(t *testing.T, what string, held func() bool) {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), most)
	defer stop()
	if err := r.run.Fleet.Await(ctx, held); err != nil {
		why := r.why.Load()
		if why == nil {
			why = new(string)
		}
		t.Fatalf("%s: %v; %d registrations, %d lost: %s", what, err, r.registered.Load(), r.lost.Load(), *why)
	}
}

// lines counts the devices that say that they are registered.
func (r *registry) lines() (n int) {
	for dev := range device.Index(r.run.Fleet.Len()) {
		if v, _ := r.run.Fleet.View(dev); v.Registered == 1 {
			n++
		}
	}
	return n
}

func (r *registry) close(t *testing.T) {
	t.Helper()
	if err := r.run.Close(); err != nil {
		t.Error(err)
	}
}

// liveHeap returns the bytes of heap that are in use.
func liveHeap() float64 {
	runtime.GC()
	runtime.GC() // pools keep their own for one more
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc)
}

// each returns what a device of a fleet takes: what a fleet of one takes beside is not the
// devices'.
func each(t *testing.T, devices int, registrar string) float64 {
	t.Helper()
	one, all := register(t, 1, 1, registrar), register(t, devices, 1, registrar)
	defer all.close(t)
	defer one.close(t)
	return (all.took - one.took) / float64(devices-1)
}

// Ten thousand devices are registered with Kamailio for a minute at a time, and hold for
// five refreshes, in real time: none is lost, neither in their eyes nor in Kamailio's.
// Without SPAFLEET_SLOW it is a hundred devices, whose time goes two hundred times as fast.
func TestRegistrationsHold(t *testing.T) {
	if _, alone := loaded(); !alone { // other tests have memory and work of their own
		c := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v", "-test.timeout=20m")
		c.Env = append(os.Environ(), "SPAFLEET_TEST_LOAD=1")
		out, err := c.CombinedOutput()
		if t.Logf("%s", out); err != nil {
			t.Error(err)
		}
		return
	}
	devices, speed, slow := 100, 200.0, os.Getenv("SPAFLEET_SLOW") != ""
	if slow {
		devices, speed = 10_000, 1
	}
	kamailio := extproc.StartKamailio(t, "secret")
	if slow {
		rest, registered := each(t, devices, ""), each(t, devices, kamailio.At)
		t.Logf("live heap for each device without SIP: %.0f B", rest)
		v := harness.AtMost("live heap for each registered device", registered, 350, "B")
		if t.Log(v); !v.Met {
			t.Error("a registered device takes more than it should")
		}
	}
	r := register(t, devices, speed, kamailio.At)
	defer r.close(t)
	r.lost.Store(0) // a device ends its registration before a reboot
	begun, used, from := time.Now(), host.CPUTime(), r.registered.Load()
	const refreshes = 5
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for r.registered.Load()-from < int64(refreshes*devices) && time.Since(begun) < most { // Await would look at each turn of the loops
		<-tick.C
	}
	n := r.registered.Load() - from
	cpu := (host.CPUTime() - used).Seconds() * 1e6 / float64(n)
	t.Logf("%d refreshes of %d devices in %.0f s, %.1f µs CPU each", n, devices, time.Since(begun).Seconds(), cpu)
	if lost := r.lost.Load(); n < int64(refreshes*devices) || lost != 0 || r.lines() != devices || kamailio.Figure("registered_users") != devices {
		t.Errorf("%d lost, %d are registered, Kamailio has %d", lost, r.lines(), kamailio.Figure("registered_users"))
	}
	if slow { // no failure: it doubles where other work has the caches
		t.Log(harness.AtMost("a refresh", cpu, 60, "µs"))
	}
}
