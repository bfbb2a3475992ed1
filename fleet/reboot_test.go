package fleet_test

import (
	"testing"

	"spafleet/device"
	"spafleet/device/devicetest"
	"spafleet/device/model"
	"spafleet/fleet"
	"spafleet/fsm"
	"spafleet/resync"
)

// T9: a change of reboot class costs two rounds in generation 2.
func TestChangedParametersRebootAndResyncAgain(t *testing.T) {
	n := newNetwork()
	n.put("/a", profileOf("User_ID_1_=100", "Profile_Rule_B=http://192.0.2.5/b"))
	n.put("/b", profileOf("GPP_B=1"))
	s := start(t, n, fleet.Config{Groups: []fleet.Group{ata(t, 1)}})
	const rounds = "power_on customized:preset boot:power start:power_on ok boot:params start:power_on ok"
	s.awaitStory(0, rounds)
	if got := n.transfers(); got != 4 {
		t.Errorf("%d files, want both rules twice", got)
	}
	n.put("/b", profileOf("GPP_B=2"))
	s.do(0, device.Resync)
	s.awaitStory(0, rounds+" start:step ok")
	s.settle(0)
	if got := s.story(0); got != rounds+" start:step ok" {
		t.Errorf("a GPP reboots: %s", got)
	}
	if v := s.value(0, "GPP_B"); v != "2" {
		t.Errorf("GPP_B = %q", v)
	}
}

func TestGeneration4DoesNotResyncAfterAChange(t *testing.T) {
	n := newNetwork()
	n.put("/a", profileOf("User_ID_1_=100"))
	g := fleet.Group{Row: row(t, "SPA112", "1.3.5", devicetest.BootsAtOnce()), Count: 1, Presets: settings(atOnce...)}
	s := start(t, n, fleet.Config{Groups: []fleet.Group{g}})
	const want = "power_on customized:preset boot:power start:power_on ok boot:params"
	s.awaitStory(0, want)
	s.settle(0)
	if got := s.story(0); got != want {
		t.Errorf("got %s", got)
	}
}

// T8: what a failed sequence changed reboots with the next that succeeds.
func TestRebootWaitsForASuccess(t *testing.T) {
	n := newNetwork()
	n.put("/a", profileOf("User_ID_1_=100"))
	s := start(t, n, fleet.Config{Groups: []fleet.Group{ata(t, 1, "Profile_Rule_B=http://192.0.2.5/b", "Resync_Error_Retry_Delay=1")}})
	s.await("the failure", func() bool { return s.view(0).Resyncs.Failed > 0 })
	n.put("/b", profileOf())
	s.awaitStory(0, "power_on customized:preset boot:power start:power_on failed start:retry ok boot:params start:power_on ok")
}

func TestEditOfARebootClassReboots(t *testing.T) {
	n := newNetwork()
	n.put("/a", profileOf())
	s := start(t, n, fleet.Config{Groups: []fleet.Group{ata(t, 1)}})
	first := "power_on customized:preset boot:power start:power_on ok"
	s.awaitStory(0, first)
	s.do(0, device.SetParams, "User_ID_1_=7")
	s.awaitStory(0, first+" boot:params start:power_on ok")
	s.do(0, device.SetParams, "User_ID_1_=7")
	s.settle(0)
	if got := s.story(0); got != first+" boot:params start:power_on ok" {
		t.Errorf("an edit that changes nothing: %s", got)
	}
}

// A person's edit is undone by the same body as before: the receipt is void.
func TestEditIsUndoneByTheServersFile(t *testing.T) {
	n := newNetwork()
	n.put("/a", profileOf("GPP_A=server"))
	s := start(t, n, fleet.Config{Groups: []fleet.Group{ata(t, 1)}})
	s.await("the file", func() bool { return s.value(0, "GPP_A") == "server" && s.view(0).Resyncs.OK == 1 })
	s.do(0, device.SetParams, "GPP_A=edited")
	s.await("the edit", func() bool { return s.value(0, "GPP_A") == "edited" })
	s.do(0, device.Resync)
	s.await("the file again", func() bool { return s.value(0, "GPP_A") == "server" })
}

func TestUpgradeChangesTheFirmwareAndKeepsSettings(t *testing.T) {
	n := newNetwork()
	n.put("/a", profileOf("GPP_A=kept"))
	turned := devicetest.BootsAtOnce("redirects=follow")
	groups := []fleet.Group{ata(t, 1), ata(t, 1), ata(t, 1, "Upgrade_Enable=No")}
	groups[0].Row = row(t, "SPA2102", "5.2.10", turned)
	groups[1].Row = row(t, "SPA2102", "5.2.12", devicetest.BootsAtOnce()) // the same model at the version to come, other switches
	image, err := resync.MakeImage(groups[0].Row.Model, "5.2.12", 500)
	if err != nil {
		t.Fatal(err)
	}
	n.put("/fw", string(image))
	s := start(t, n, fleet.Config{Groups: groups})
	first := "power_on customized:preset boot:power start:power_on ok"
	s.awaitStory(0, first)
	s.awaitStory(2, first)
	upgrade := device.Command{Order: device.Upgrade, Cause: model.ByStep, Argument: "http://192.0.2.5/fw"}
	s.command(0, upgrade)
	s.awaitStory(0, first+" upgrade_started upgrade_ok boot:upgrade_ok start:power_on ok")
	v := s.view(0)
	if v.Unit.Row.Firmware.Version != "5.2.12" || v.Unit.Row.Behaviour.Redirects != model.AllRedirects {
		t.Errorf("firmware %s, redirects followed: %v", v.Unit.Row.Firmware.Version, v.Unit.Row.Behaviour.Redirects)
	}
	if got := s.value(0, "GPP_A"); got != "kept" {
		t.Errorf("GPP_A = %q", got)
	}
	upgrade.Argument = "http://192.0.2.5/nowhere"
	s.command(0, upgrade)
	s.awaitStory(0, first+" upgrade_started upgrade_ok boot:upgrade_ok start:power_on ok upgrade_started upgrade_failed boot:upgrade_failed start:power_on ok")
	s.command(2, upgrade)
	s.settle(2)
	if got := s.story(2); got != first {
		t.Errorf("Upgrade_Enable=No: %s", got)
	}
}

func TestFactoryResetBringsThePresetsBack(t *testing.T) {
	strong := profileOf("Profile_Rule=[--key $A] http://192.0.2.5/b", "GPP_A=k")
	tests := []struct {
		state   fsm.State
		presets []string
		served  string
		story   string // after the reset
	}{
		{fsm.MfgReset, []string{"Profile_Rule="}, "", "factory-reset boot:factory_reset start:power_on ok"},
		{fsm.SpCust, nil, profileOf("GPP_B=gone"), "factory-reset customized:preset boot:factory_reset start:power_on ok"},
		{fsm.SecPrv1, []string{"Resync_On_Reset=No"}, strong, "factory-reset customized:preset boot:factory_reset"},
	}
	for _, tt := range tests {
		t.Run(tt.state.String(), func(t *testing.T) {
			n := newNetwork()
			n.put("/a", tt.served)
			s := start(t, n, fleet.Config{Groups: []fleet.Group{ata(t, 1, tt.presets...)}})
			s.do(0, device.Resync)
			s.await("the state", func() bool { return s.view(0).State == tt.state && s.f.Running() == 0 && s.view(0).Resyncs.OK > 0 })
			s.settle(0)
			s.do(0, device.SetParams, "GPP_C=edited")
			s.settle(0)
			before := s.story(0)
			n.put("/a", profileOf())
			s.do(0, device.FactoryReset)
			s.awaitStory(0, before+" "+tt.story)
			for _, name := range []string{"GPP_A", "GPP_B", "GPP_C"} {
				if v := s.value(0, name); v != "" {
					t.Errorf("%s = %q after the reset", name, v)
				}
			}
			rule := s.value(0, "Profile_Rule")
			want := "http://192.0.2.5/a"
			if tt.state == fsm.MfgReset {
				want = ""
			}
			if rule != want {
				t.Errorf("Profile_Rule = %q, want the preset %q", rule, want)
			}
		})
	}
}

func TestRebootReasonNamesWhoAsked(t *testing.T) {
	s := start(t, newNetwork(), fleet.Config{Groups: []fleet.Group{ata(t, 1, "Resync_On_Reset=No")}})
	story := "power_on customized:preset boot:power"
	for cause, words := range map[model.Cause]string{model.ByWeb: "web boot:web", model.ByKeypad: "ivr boot:ivr", model.ByNotify: "boot:notify", model.ByStep: "boot:step"} {
		s.command(0, device.Command{Order: device.Reboot, Cause: cause})
		story += " " + words
		s.awaitStory(0, story)
	}
}
