package fleet_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"spafleet/device"
	"spafleet/device/model"
	"spafleet/fleet"
)

func TestCommandsWaitForTheEndOfAnAttempt(t *testing.T) {
	n := newNetwork()
	n.put("/a", profileOf("GPP_B=served"))
	release := n.block("/a")
	defer release()
	s := start(t, n, fleet.Config{Groups: []fleet.Group{ata(t, 1), ata(t, 1, "Resync_On_Reset=No")}, Loops: 1})
	s.await("a transfer", func() bool { return n.inFlight() == 1 })
	s.do(0, device.SetParams, "GPP_A=edited", "GPP_B=edited")
	s.do(0, device.Resync)
	s.do(0, device.Resync) // the same again is kept once
	s.settle(1)            // the loop has read the commands
	if v := s.value(0, "GPP_A"); v != "" || n.transfers() != 1 {
		t.Errorf("GPP_A = %q after %d transfers: the commands have not waited", v, n.transfers())
	}
	release()
	s.awaitStory(0, "power_on customized:preset boot:power start:power_on ok start:step ok")
	s.settle(0)
	if got := s.value(0, "GPP_A") + s.value(0, "GPP_B"); got != "editedserved" {
		t.Errorf("GPP_A and GPP_B = %q: want the edit, then the file of the second resync", got)
	}
	if n.transfers() != 2 {
		t.Errorf("%d transfers", n.transfers())
	}
}

// A busy device keeps eight commands in mind.
func TestBusyDeviceForgetsCommandsBeyondEight(t *testing.T) {
	n := newNetwork()
	n.put("/a", profileOf())
	release := n.block("/a")
	defer release()
	s := start(t, n, fleet.Config{Groups: []fleet.Group{ata(t, 1), ata(t, 1, "Resync_On_Reset=No")}, Loops: 1})
	s.await("a transfer", func() bool { return n.inFlight() == 1 })
	for letter := 'A'; letter <= 'O'; letter++ {
		s.do(0, device.SetParams, fmt.Sprintf("GPP_%c=x", letter))
	}
	s.settle(1)
	release()
	s.await("the edits", func() bool { return s.value(0, "GPP_H") == "x" })
	s.settle(0)
	for letter := 'A'; letter <= 'O'; letter++ {
		want := map[bool]string{true: "x"}[letter <= 'H']
		if got := s.value(0, fmt.Sprintf("GPP_%c", letter)); got != want {
			t.Errorf("GPP_%c = %q, want %q", letter, got, want)
		}
	}
}

// T12: a resync waits for the line.
func TestResyncWaitsForTheLine(t *testing.T) {
	n := newNetwork()
	n.put("/a", profileOf())
	s := start(t, n, fleet.Config{Groups: []fleet.Group{ata(t, 1)}})
	first := "power_on customized:preset boot:power start:power_on ok"
	s.awaitStory(0, first)
	s.do(0, device.HookOff)
	s.do(0, device.Resync)
	s.await("a held resync", func() bool { return s.view(0).Due != 0 })
	v := s.view(0)
	if wait := nanoseconds(v.Now, v.Due).Round(time.Minute); !v.InUse || wait != 4*time.Hour {
		t.Errorf("in use %v, forced in %s, want 4 h", v.InUse, wait)
	}
	if s.story(0) != first {
		t.Errorf("it has not waited: %s", s.story(0))
	}
	s.do(0, device.HookOn)
	s.awaitStory(0, first+" start:step ok")
}

func TestForcedResyncDelayEndsTheWait(t *testing.T) {
	t.Parallel()
	n := newNetwork()
	n.put("/a", profileOf("User_ID_1_=5"))
	s := start(t, n, fleet.Config{Groups: []fleet.Group{ata(t, 1, "Forced_Resync_Delay=1", "Resync_On_Reset=No")}})
	s.do(0, device.HookOff)
	asked := s.view(0).Now
	s.do(0, device.Resync)
	s.await("the forced resync", func() bool { return len(s.of(0, device.ResyncStarted)) == 1 })
	if wait := nanoseconds(asked, s.of(0, device.ResyncStarted)[0].At); wait < time.Second || wait > time.Second+slack {
		t.Errorf("forced after %s", wait)
	}
	s.awaitStory(0, "power_on customized:preset boot:power start:step ok boot:params")
	if s.view(0).InUse {
		t.Error("the reboot has not dropped the call")
	}
}

func TestPeriodicTimerWaitsForTheLineToo(t *testing.T) {
	t.Parallel()
	n := newNetwork()
	n.put("/a", profileOf())
	s := start(t, n, fleet.Config{Groups: []fleet.Group{ata(t, 1, "Resync_Periodic=1")}})
	s.await("the first resync", func() bool { return s.view(0).Resyncs.OK == 1 })
	s.do(0, device.HookOff)
	for i := range 8 { // they wait for the line, and leave no room in mind
		s.do(0, device.SetParams, fmt.Sprintf("GPP_A=%d", i))
	}
	s.await("the timer to be held", func() bool { v := s.view(0); return nanoseconds(v.Now, v.Due) > time.Hour })
	if got := s.story(0); strings.Count(got, "start") != 1 {
		t.Fatalf("it has not waited: %s", got)
	}
	s.do(0, device.HookOn)
	s.await("the held resync", func() bool { return strings.Count(s.story(0), "start:periodic") == 1 })
}

// A reboot waits until the line is free (device-surface.md §1.2).
func TestRebootWaitsForTheLine(t *testing.T) {
	s := start(t, newNetwork(), fleet.Config{Groups: []fleet.Group{ata(t, 1, "Resync_On_Reset=No"), ata(t, 1, "Resync_On_Reset=No")}, Loops: 1})
	s.do(0, device.HookOff)
	s.do(0, device.Reboot)
	s.settle(1)
	before := "power_on customized:preset boot:power"
	if got := s.story(0); got != before {
		t.Errorf("it has not waited: %s", got)
	}
	s.do(0, device.HookOn)
	s.awaitStory(0, before+" boot:step")
}

func TestPersonsCommandsAreTold(t *testing.T) {
	n := newNetwork()
	n.put("/x", profileOf())
	s := start(t, n, fleet.Config{Groups: []fleet.Group{ata(t, 1, "Resync_On_Reset=No")}})
	s.command(0, device.Command{Order: device.Resync, Cause: model.ByWeb, Argument: "http://192.0.2.5/x"})
	s.awaitStory(0, "power_on customized:preset boot:power web start:web ok")
	if e := s.of(0, device.Web)[0]; e.Text != "resync http://192.0.2.5/x" || e.Cause != model.ByWeb {
		t.Errorf("event %+v", e)
	}
}

func TestCommandToNobodyIsAnError(t *testing.T) {
	s := start(t, newNetwork(), fleet.Config{Groups: []fleet.Group{ata(t, 3)}})
	if err := s.f.Do(t.Context(), 3, device.Command{Order: device.Resync}); err == nil || !strings.Contains(err.Error(), "no device 3") {
		t.Errorf("error %v", err)
	}
	if _, ok := s.f.View(3); ok {
		t.Error("a view of no device")
	}
}

func TestEventsOfADeviceAreInOrder(t *testing.T) {
	n := newNetwork()
	n.put("/a", profileOf("User_ID_1_=1"))
	s := start(t, n, fleet.Config{Groups: []fleet.Group{ata(t, 20)}})
	s.await("two rounds each", func() bool { return s.count(device.ResyncOK) == 40 })
	for dev := range device.Index(20) {
		events := s.of(dev)
		for i := 1; i < len(events); i++ {
			if a, b := events[i-1], events[i]; b.N <= a.N || b.At < a.At {
				t.Fatalf("device %d: %s (%d, %d) before %s (%d, %d)", dev, a.Name(), a.At, a.N, b.Name(), b.At, b.N)
			}
		}
	}
}
