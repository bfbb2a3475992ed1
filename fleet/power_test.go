package fleet_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"spafleet/device"
	"spafleet/device/model"
	"spafleet/fleet"
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
	s.command(1, device.Command{Order: device.Resync, Cause: model.ByStep, Argument: "http://192.0.2.5/stale"})
	s.await("a wait for admission", func() bool { return s.f.Saturated() == 1 })
	s.do(1, device.SwitchOff)
	s.do(1, device.SwitchOn)
	s.command(1, device.Command{Order: device.Resync, Cause: model.ByStep, Argument: "http://192.0.2.5/fresh"})
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

// From the return of power until it has booted a device hears nobody and asks
// nobody, whatever its timers were.
func TestABootTakesItsTime(t *testing.T) {
	const s = time.Second
	tl := timeline{lasts: 1000 * s, files: served, set: []string{"Resync_Random_Delay=0", "Resync_Periodic=100", "Resync_Trigger_1=$PRVTMR ge 90"},
		switches: map[string]string{"boot_time": "45s"}, moves: []move{
			{after: 10 * s, order: device.SwitchOff},
			{after: 20 * s, order: device.SwitchOn},
			{after: 30 * s, order: device.Resync}, // nobody hears these
			{after: 31 * s, order: device.Reboot},
			{after: 32 * s, order: device.FactoryReset},
			{after: 33 * s, order: device.SetParams, pairs: []string{"GPP_B=no"}},
			{after: 40 * s, order: device.SwitchOff}, // before it has booted
			{after: 700 * s, order: device.SwitchOn},
			{after: 701 * s, order: device.SwitchOn},
		}}
	contacts, stand := tl.run(t)
	want := append([]contact{atBoot}, contact{745 * s, model.ByPowerOn}, contact{835 * s, model.ByTrigger}, contact{925 * s, model.ByTrigger})
	if !slices.Equal(contacts[0], want) {
		t.Errorf("contacts %v\nwant     %v", contacts[0], want)
	}
	if got := stand.value(0, "GPP_B"); got != "" {
		t.Errorf("a device that boots took an edit: %q", got)
	}
	var boots []time.Duration
	for _, e := range stand.of(0, device.Boot) {
		boots = append(boots, time.Duration(e.At-stand.of(0)[0].At))
	}
	if !slices.Equal(boots, []time.Duration{0, 20 * s, 700 * s}) {
		t.Errorf("boots begin after %v", boots)
	}
}

// Pages are not served before the firmware has started, and power without an end
// is not a resync to come.
func TestADeviceThatBootsDoesNotAnswer(t *testing.T) {
	n := newNetwork()
	n.put("/a", profileOf())
	g := ata(t, 1)
	g.Off, g.Row = true, row(t, "SPA2102", "5.2.10", map[string]string{"boot_time": "1h"})
	s := start(t, n, fleet.Config{Groups: []fleet.Group{g}})
	s.do(0, device.SwitchOn)
	s.awaitStory(0, "power_on customized:preset boot:power")
	v := s.view(0)
	if _, answers := s.f.At(v.Unit.IP); answers || !v.Powered || !v.Booting || v.Due != 0 {
		t.Errorf("answers %v, powered %v, booting %v, due %d", answers, v.Powered, v.Booting, v.Due)
	}
}

// Every family has a boot time, and the power that returns to a mixed fleet
// brings it back family by family.
func TestFamiliesComeBackOneAfterTheOther(t *testing.T) {
	for _, tt := range []struct {
		model string
		after time.Duration
	}{{"SPA2000", 12 * time.Second}, {"PAP2T", 12 * time.Second}, {"SPA942", 30 * time.Second}, {"SPA504G", 50 * time.Second}, {"SPA122", 90 * time.Second}} {
		timeline{model: tt.model, files: served, lasts: 500 * time.Second, set: []string{"Resync_Random_Delay=0", "Resync_Periodic=0"},
			moves: []move{{after: 100 * time.Second, order: device.SwitchOff}, {after: 200 * time.Second, order: device.SwitchOn}}}.
			exactly(t, atBoot, contact{200*time.Second + tt.after, model.ByPowerOn})
	}
}

// A fleet has started when every device has the power that its group says, and
// hears commands; one without power answers that it hears nothing.
func TestStartedDevicesHearCommands(t *testing.T) {
	t.Parallel()
	off := ata(t, 2, "Resync_On_Reset=No")
	off.Off = true
	s := start(t, newNetwork(), fleet.Config{Groups: []fleet.Group{ata(t, 200, "Resync_On_Reset=No"), off}, Loops: 3})
	for dev := range device.Index(202) {
		if powered := s.view(dev).Powered; powered != (dev < 200) {
			t.Errorf("device %d: power %v", dev, powered)
		}
	}
	order := func(o device.Order) device.Command { return device.Command{Order: o, Cause: model.ByStep} }
	for _, tt := range []struct {
		dev   device.Index
		order device.Order
		want  error
	}{{0, device.HookOff, nil}, {200, device.Resync, fleet.ErrNoPower}, {200, device.SwitchOn, nil}, {200, device.HookOff, nil}, {201, device.Reboot, fleet.ErrNoPower}} {
		if err := s.f.Ask(t.Context(), tt.dev, order(tt.order)); !errors.Is(err, tt.want) {
			t.Errorf("device %d, asked to %s, says %v, want %v", tt.dev, tt.order, err, tt.want)
		}
	}
	if n := s.f.Unheard(); n != 2 {
		t.Errorf("%d commands were not heard, want 2", n)
	}
	if err := s.f.Ask(t.Context(), 999, order(device.Resync)); err == nil || errors.Is(err, fleet.ErrNoPower) {
		t.Errorf("a device that there is not says %v", err)
	}
}
