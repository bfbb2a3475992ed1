package fleet_test

import (
	"strings"
	"testing"
	"time"

	"spafleet/device"
	"spafleet/device/model"
	"spafleet/fleet"
)

// slack is how much later than asked for a busy machine may do something.
const slack = 1500 * time.Millisecond

func nanoseconds(a, b int64) time.Duration { return time.Duration(b - a) }

// T1 and T2: each contact comes its delay after the end of the one before, as
// its cause says.
func TestContactsKeepTheSchedule(t *testing.T) {
	tests := []struct {
		name    string
		presets []string
		served  bool
		cause   model.Cause
		waits   []time.Duration
	}{
		{"periodic", []string{"Resync_Periodic=1"}, true, model.ByPeriodic, []time.Duration{time.Second, time.Second, time.Second}},
		{"error retry list, its last element again", []string{"Resync_Error_Retry_Delay=1,2"}, false, model.ByRetry,
			[]time.Duration{time.Second, 2 * time.Second, 2 * time.Second}},
		{"not found as success", []string{"Resync_Periodic=1", "Resync_Fails_On_FNF=No"}, false, model.ByPeriodic, []time.Duration{time.Second, time.Second}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			n := newNetwork()
			if tt.served {
				n.put("/a", profileOf("GPP_A=1"))
			}
			s := start(t, n, fleet.Config{Groups: []fleet.Group{ata(t, 1, tt.presets...)}})
			s.await("the contacts", func() bool { return len(s.of(0, device.ResyncStarted)) > len(tt.waits) })
			starts, ends := s.of(0, device.ResyncStarted), s.of(0, device.ResyncOK, device.ResyncFailed)
			if first := nanoseconds(s.of(0, device.Boot)[0].At, starts[0].At); first < 0 || first > slack || starts[0].Cause != model.ByPowerOn {
				t.Errorf("first contact %s after boot by %s", first, starts[0].Cause)
			}
			for i, want := range tt.waits {
				wait := nanoseconds(ends[i].At, starts[i+1].At)
				if wait < want || wait > want+slack || starts[i+1].Cause != tt.cause {
					t.Errorf("contact %d: %s after the one before by %s, want %s by %s", i+2, wait, starts[i+1].Cause, want, tt.cause)
				}
			}
		})
	}
}

// T4, T5 and the reset of the list after a success, seen in when a device says
// that it is due.
func TestDueTimes(t *testing.T) {
	n := newNetwork()
	s := start(t, n, fleet.Config{Groups: []fleet.Group{ata(t, 1, "Resync_Periodic=86400+600", "Resync_Error_Retry_Delay=1800+300,3600+600,7200+900")}})
	next := func(kind device.Kind) time.Duration {
		events := s.of(0, kind)
		v := s.view(0)
		return nanoseconds(events[len(events)-1].At, v.Due).Round(time.Second)
	}
	between := func(what string, got, low, high time.Duration) {
		t.Helper()
		if got < low || got > high+time.Second {
			t.Errorf("%s: due after %s, want %s to %s", what, got, low, high)
		}
	}
	ended := func(count int) func() bool {
		return func() bool { r := s.view(0).Resyncs; return int(r.OK+r.Failed) == count && s.view(0).Due != 0 }
	}
	s.await("the first failure", ended(1))
	between("first failure", next(device.ResyncFailed), 1800*time.Second, 2100*time.Second)
	s.do(0, device.Resync)
	s.await("the second failure", ended(2))
	between("second failure", next(device.ResyncFailed), 3600*time.Second, 4200*time.Second)
	s.do(0, device.Resync)
	s.await("the third failure", ended(3))
	between("third failure", next(device.ResyncFailed), 7200*time.Second, 8100*time.Second)
	n.put("/a", profileOf())
	s.do(0, device.Resync)
	s.await("a success", ended(4))
	between("success", next(device.ResyncOK), 86400*time.Second, 87000*time.Second)
	n.look(func(n *network) { n.down = true })
	s.do(0, device.Resync)
	s.await("a failure again", ended(5))
	between("failure after a success", next(device.ResyncFailed), 1800*time.Second, 2100*time.Second)
	if r := s.view(0).Resyncs; r.OK != 1 || r.Failed != 4 {
		t.Errorf("%d ok and %d failed, want 1 and 4", r.OK, r.Failed)
	}
}

func TestDeviceThatHasNoTimerWaitsToBeTold(t *testing.T) {
	tests := []struct {
		name    string
		presets []string
		story   string
	}{
		{"Resync_Periodic=0", nil, "power_on customized:preset boot:power start:power_on ok"},
		{"Resync_On_Reset=No", []string{"Resync_On_Reset=No", "Resync_Periodic=1"}, "power_on customized:preset boot:power"},
		{"Provision_Enable=No", []string{"Provision_Enable=No", "Resync_Periodic=1"}, "power_on customized:preset boot:power"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			n := newNetwork()
			n.put("/a", profileOf())
			s := start(t, n, fleet.Config{Groups: []fleet.Group{ata(t, 1, tt.presets...)}})
			s.awaitStory(0, tt.story)
			s.settle(0)
			if due := s.view(0).Due; due != 0 {
				t.Errorf("due at %d", due)
			}
		})
	}
}

// T6: the periodic timer begins with the first success since boot.
func TestPeriodicTimerBeginsWithAnOrderedSuccess(t *testing.T) {
	n := newNetwork()
	n.put("/a", profileOf())
	s := start(t, n, fleet.Config{Groups: []fleet.Group{ata(t, 1, "Resync_On_Reset=No", "Resync_Periodic=3600")}})
	s.do(0, device.Resync)
	s.awaitStory(0, "power_on customized:preset boot:power start:step ok")
	s.await("a timer", func() bool { return s.view(0).Due != 0 })
	if wait := nanoseconds(s.of(0, device.ResyncOK)[0].At, s.view(0).Due); wait < time.Hour || wait > time.Hour+slack {
		t.Errorf("due %s after the success", wait)
	}
}

// K14: a mass power-up spreads over the random delay, the same way for a seed. With
// this one the first device waits 20 s: none is at work when the test looks.
func TestBootsSpreadOverTheRandomDelay(t *testing.T) {
	dues := func(loops int) (list []time.Duration) {
		s := start(t, newNetwork(), fleet.Config{Seed: 9, Loops: loops, Groups: []fleet.Group{ata(t, 400, "Resync_Random_Delay=100")}})
		s.await("all boots", func() bool { return s.count(device.Boot) == 400 })
		for dev := range device.Index(400) {
			v := s.view(dev)
			list = append(list, nanoseconds(v.Booted, v.Due))
		}
		return list
	}
	one, four := dues(1), dues(4)
	const longest = 2000 * time.Second
	var quarters [4]int
	for i, d := range one {
		if d < 0 || d >= longest {
			t.Fatalf("device %d: %s after boot, beyond %s", i, d, longest)
		}
		quarters[d*4/longest]++
		if d != four[i] {
			t.Errorf("device %d: %s with one loop, %s with four", i, d, four[i])
		}
	}
	for i, n := range quarters {
		if n < 60 || n > 140 {
			t.Errorf("%d of 400 boots in quarter %d of the delay, want about 100", n, i)
		}
	}
}

func TestProvisionEnableGatesTimersAndCommands(t *testing.T) {
	t.Parallel()
	n := newNetwork()
	n.put("/a", profileOf())
	s := start(t, n, fleet.Config{Groups: []fleet.Group{ata(t, 1, "Resync_Periodic=1")}})
	s.await("the first contact", func() bool { return s.view(0).Resyncs.OK == 1 })
	s.do(0, device.SetParams, "Provision_Enable=No")
	s.await("the timer to run out", func() bool { return s.view(0).Due == 0 })
	s.do(0, device.Resync)
	s.settle(0)
	if got := s.story(0); strings.Count(got, "start") != 1 {
		t.Errorf("contacts though Provision_Enable is off: %s", got)
	}
}
