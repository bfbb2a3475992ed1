package fleet_test

import (
	"testing"
	"time"

	"spafleet/device"
	"spafleet/device/fleet"
)

// Power loss, factory reset and every kind of reboot end a transfer at once.
func TestTransferIsCutOff(t *testing.T) {
	tests := []struct {
		order device.Order
		story string
	}{
		{device.SwitchOff, "power_off"},
		{device.Reboot, "boot:step"},
		{device.Restart, "boot:step"},
		{device.FactoryReset, "factory-reset customized:preset boot:factory_reset"},
	}
	for _, tt := range tests {
		t.Run(tt.order.String(), func(t *testing.T) {
			n := newNetwork()
			n.put("/a", profileOf("GPP_A=committed", "Resync_On_Reset=No"))
			release := n.block("/b")
			defer release()
			s := start(t, n, fleet.Config{Groups: []fleet.Group{ata(t, 1, "Profile_Rule_B=http://192.0.2.5/b", "Resync_On_Reset=No")}})
			s.do(0, device.Resync)
			s.await("the second transfer", func() bool { return n.transfers() == 2 })
			s.await("the first file", func() bool { return s.value(0, "GPP_A") == "committed" })
			asked := time.Now()
			s.do(0, tt.order)
			s.await("the end of the transfer", func() bool { return n.inFlight() == 0 && s.f.Running() == 0 })
			if took := time.Since(asked); took > time.Second {
				t.Errorf("cut off after %s", took)
			}
			s.awaitStory(0, "power_on customized:preset boot:power start:step "+tt.story)
			if s.f.Aborted() != 1 || n.cut != 1 {
				t.Errorf("%d aborted, %d transfers cut off, want 1 and 1", s.f.Aborted(), n.cut)
			}
			want := map[bool]string{true: "", false: "committed"}[tt.order == device.FactoryReset]
			if got := s.value(0, "GPP_A"); got != want {
				t.Errorf("GPP_A = %q, want %q", got, want)
			}
			if v := s.view(0); v.Powered == (tt.order == device.SwitchOff) || v.Resyncs.OK+v.Resyncs.Failed != 0 {
				t.Errorf("powered %v, resyncs %+v", v.Powered, v.Resyncs)
			}
		})
	}
}

func TestPowerOnResyncs(t *testing.T) {
	n := newNetwork()
	n.put("/a", profileOf())
	g := ata(t, 1)
	g.Off = true
	s := start(t, n, fleet.Config{Groups: []fleet.Group{g}})
	s.do(0, device.Resync)    // nobody hears it
	s.do(0, device.SetParams) // nor this
	s.do(0, device.SwitchOff) // it is off already
	s.do(0, device.FactoryReset)
	s.do(0, device.SwitchOn)
	story := "power_on customized:preset boot:power start:power_on ok"
	s.awaitStory(0, story)
	s.do(0, device.SwitchOn)
	s.do(0, device.SwitchOff)
	s.awaitStory(0, story+" power_off")
	if v := s.view(0); v.Powered || v.Due != 0 {
		t.Errorf("powered %v, due %d", v.Powered, v.Due)
	}
	if _, ok := s.f.At(s.view(0).Unit.IP); ok {
		t.Error("a device without power answers")
	}
	s.do(0, device.SwitchOn)
	s.awaitStory(0, story+" power_off power_on boot:power start:power_on ok")
}

// What an attempt committed before it was cut off voids what is known of the body
// applied last: it must be applied again.
func TestBodyIsAppliedAgainAfterACutOffAttempt(t *testing.T) {
	n := newNetwork()
	n.put("/a", profileOf("GPP_A=server"))
	release := n.block("/b")
	defer release()
	rule := `Profile_Rule=("$PRVST" eq "-1")? (a="assigned";)! http://192.0.2.5/b | http://192.0.2.5/a`
	s := start(t, n, fleet.Config{Groups: []fleet.Group{ata(t, 1, rule)}})
	s.await("the file", func() bool { return s.value(0, "GPP_A") == "server" && s.view(0).Resyncs.OK == 1 })
	s.do(0, device.Resync)
	s.await("the assignment", func() bool { return s.value(0, "GPP_A") == "assigned" && n.inFlight() == 1 })
	s.do(0, device.SwitchOff)
	s.do(0, device.SwitchOn)
	s.await("the next resync", func() bool { return s.view(0).Resyncs.OK == 2 })
	if got := s.value(0, "GPP_A"); got != "server" {
		t.Errorf("GPP_A = %q, want the server's value", got)
	}
}

// A command that waited for admission when the power went must not run after it.
func TestPowerLossForgetsWhatWaits(t *testing.T) {
	n := newNetwork()
	n.put("/fresh", profileOf())
	release := n.block("/a")
	defer release()
	groups := []fleet.Group{ata(t, 1), ata(t, 1, "Resync_On_Reset=No")}
	s := start(t, n, fleet.Config{Groups: groups, Outstanding: 1})
	s.await("a full gate", func() bool { return n.inFlight() == 1 })
	s.command(1, device.Command{Order: device.Resync, Cause: device.ByStep, Argument: "http://192.0.2.5/stale"})
	s.await("a wait for admission", func() bool { return s.f.Saturated() == 1 })
	s.do(1, device.SwitchOff)
	s.do(1, device.SwitchOn)
	s.command(1, device.Command{Order: device.Resync, Cause: device.ByStep, Argument: "http://192.0.2.5/fresh"})
	s.await("another wait", func() bool { return s.f.Saturated() == 2 })
	release()
	s.await("the end", func() bool { return s.view(1).Resyncs.OK+s.view(1).Resyncs.Failed == 1 })
	s.settle(1)
	n.look(func(n *network) {
		if len(n.asked) != 2 || n.asked[1] != "127.64.0.2/fresh" {
			t.Errorf("asked for %v, want /a and /fresh", n.asked)
		}
	})
}
