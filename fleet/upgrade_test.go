package fleet_test

import (
	"strings"
	"testing"
	"time"

	"spafleet/device"
	"spafleet/device/devicetest"
	"spafleet/device/model"
	"spafleet/fleet"
	"spafleet/resync"
)

// image makes a firmware image for a model.
func image(t *testing.T, name, version string) string {
	t.Helper()
	m, err := model.FindModel(name)
	if err != nil {
		t.Fatal(err)
	}
	b, err := resync.MakeImage(m, version, 2000)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

const server = "http://192.0.2.5"

const ladder = `($SWVER lt 5.1.1)? ` + server + `/5-1-1.bin | ($SWVER lt 5.2.5)? ` + server + `/5-2-5.bin | ($SWVER lt 5.2.12)? ` + server + `/5-2-12.bin`

// upgrader is one device whose profile says nothing, with an Upgrade_Rule. It boots in
// no time, so one that tries again at each boot would do nothing else.
func upgrader(t *testing.T, model, firmware, rule string, presets ...string) fleet.Group {
	t.Helper()
	list := append([]string{}, atOnce...)
	list = append(append(list, "Upgrade_Rule="+rule), presets...)
	return fleet.Group{Name: "up", Row: row(t, model, firmware, devicetest.BootsAtOnce("upgrade_retry=kept")), Count: 1, Presets: settings(list...)}
}

func (n *network) fetches(path string) (count int) {
	n.look(func(n *network) {
		for _, a := range n.asked {
			if strings.HasSuffix(a, path) {
				count++
			}
		}
	})
	return count
}

// One hop at each boot, each image once, settings kept.
func TestADeviceClimbsALadder(t *testing.T) {
	n := newNetwork()
	images := map[string]string{"/5-1-1.bin": "5.1.1", "/5-2-5.bin": "5.2.5", "/5-2-12.bin": "5.2.12"}
	for path, version := range images {
		n.put(path, image(t, "SPA2102", version))
	}
	n.put("/a", profileOf("GPP_P=kept"))
	s := start(t, n, fleet.Config{Groups: []fleet.Group{upgrader(t, "SPA2102", "3.3.6", ladder)}})
	hop := " upgrade_started upgrade_ok boot:upgrade_ok start:power_on ok"
	s.awaitStory(0, "power_on customized:preset boot:power start:power_on ok"+hop+hop+hop)
	if v := s.view(0).Unit.Row.Firmware.Version; v != "5.2.12" {
		t.Errorf("arrived at %s", v)
	}
	if got := s.value(0, "GPP_P"); got != "kept" {
		t.Errorf("GPP_P = %q after the upgrades", got)
	}
	for path := range images {
		if got := n.fetches(path); got != 1 {
			t.Errorf("%s was fetched %d times", path, got)
		}
	}
}

// A single URL without a condition is tried once, however often the device
// resyncs, and again when it changes.
func TestAnUnconditionalUpgradeIsTriedOnce(t *testing.T) {
	n := newNetwork()
	n.put("/a", profileOf())
	n.put("/x.bin", image(t, "SPA2102", "5.2.12"))
	n.put("/y.bin", image(t, "SPA2102", "5.2.5"))
	s := start(t, n, fleet.Config{Groups: []fleet.Group{upgrader(t, "SPA2102", "5.2.10", server+"/x.bin")}})
	first := "power_on customized:preset boot:power start:power_on ok upgrade_started upgrade_ok boot:upgrade_ok start:power_on ok"
	s.awaitStory(0, first)
	s.do(0, device.Resync)
	s.awaitStory(0, first+" start:step ok")
	s.do(0, device.SetParams, "Upgrade_Rule="+server+"/y.bin")
	s.do(0, device.Resync)
	s.awaitStory(0, first+" start:step ok start:step ok upgrade_started upgrade_ok boot:upgrade_ok start:power_on ok")
	if n.fetches("/x.bin") != 1 || n.fetches("/y.bin") != 1 {
		t.Errorf("fetched x %d times, y %d times", n.fetches("/x.bin"), n.fetches("/y.bin"))
	}
}

// A failed upgrade reboots the device, and is tried again when its delay is over. See surface-2.md §4.4.
func TestAFailedUpgradeIsTriedAgainOnItsSchedule(t *testing.T) {
	n := newNetwork()
	n.put("/a", profileOf())
	s := start(t, n, fleet.Config{Groups: []fleet.Group{upgrader(t, "SPA2102", "5.2.10", server+"/x.bin", "Upgrade_Error_Retry_Delay=1,2")}})
	failure := " upgrade_started upgrade_failed boot:upgrade_failed start:power_on ok"
	s.awaitStory(0, "power_on customized:preset boot:power start:power_on ok"+failure+failure)
	n.put("/x.bin", image(t, "SPA2102", "5.2.12"))
	s.awaitStory(0, "power_on customized:preset boot:power start:power_on ok"+failure+failure+
		" upgrade_started upgrade_ok boot:upgrade_ok start:power_on ok")
	starts, fails := s.of(0, device.UpgradeStarted), s.of(0, device.UpgradeFailed)
	for i, want := range []time.Duration{time.Second, 2 * time.Second} {
		if got := nanoseconds(fails[i].At, starts[i+1].At); got < want || got > want+time.Second/2 {
			t.Errorf("try %d came %s after the failure, want %s", i+2, got, want)
		}
	}
	if err := fails[0].Err; err != "file not found" {
		t.Errorf("$ERR %q", err)
	}
}

// Without a delay a failed upgrade waits for a reboot.
func TestAFailedUpgradeWithoutDelayWaitsForAReboot(t *testing.T) {
	n := newNetwork()
	n.put("/a", profileOf())
	s := start(t, n, fleet.Config{Groups: []fleet.Group{upgrader(t, "SPA2102", "5.2.10", server+"/x.bin", "Upgrade_Error_Retry_Delay=0")}})
	failed := "power_on customized:preset boot:power start:power_on ok upgrade_started upgrade_failed boot:upgrade_failed start:power_on ok"
	s.awaitStory(0, failed)
	s.do(0, device.Resync)
	s.awaitStory(0, failed+" start:step ok")
	s.do(0, device.Reboot)
	s.awaitStory(0, failed+" start:step ok boot:step start:power_on ok upgrade_started upgrade_failed boot:upgrade_failed start:power_on ok")
}

func TestUpgradesThatAreRefused(t *testing.T) {
	tests := []struct{ name, model, firmware, rule, version, preset, err string }{
		{"a condition that would hold again", "SPA2102", "5.2.10", "($SWVER ne 5.2.12)? " + server + "/x.bin", "5.2.5", "", "infinite upgrade loop condition"},
		{"below the floor", "SPA2102", "5.2.10", server + "/x.bin", "3.3.6", "Downgrade_Rev_Limit=5.1.7", "downgrade to revision earlier than 5.1.7 not allowed"},
		{"a stage left out", "SPA504G", "7.4.9", server + "/x.bin", "7.5.5", "", "upgrade not allowed, version constraint"},
		{"another model's image", "SPA942", "5.1.8", server + "/x.bin", "SPA2102:6.1.5(a)", "", "unrecognized file format"},
		{"https where the firmware lacks it", "SPA2102", "5.2.10", "https://192.0.2.5/x.bin", "5.2.12", "", "https scheme not supported"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			n := newNetwork()
			n.put("/a", profileOf())
			model, version, other := strings.Cut(tt.version, ":")
			if !other {
				model, version = tt.model, tt.version
			}
			n.put("/x.bin", image(t, model, version))
			presets := []string{"Upgrade_Error_Retry_Delay=0"}
			if tt.preset != "" {
				presets = append(presets, tt.preset)
			}
			s := start(t, n, fleet.Config{Groups: []fleet.Group{upgrader(t, tt.model, tt.firmware, tt.rule, presets...)}})
			s.await("the refusal", func() bool { return len(s.of(0, device.UpgradeFailed)) == 1 })
			if got := s.of(0, device.UpgradeFailed)[0].Err; got != tt.err {
				t.Errorf("$ERR %q, want %q", got, tt.err)
			}
			if v := s.view(0).Unit.Row.Firmware.Version; v != tt.firmware {
				t.Errorf("it runs %s now", v)
			}
		})
	}
}

// The stage that 7.5.5 needs opens the way to it.
func TestAStageOpensTheWay(t *testing.T) {
	n := newNetwork()
	n.put("/a", profileOf())
	n.put("/7-5-2b.bin", image(t, "SPA504G", "7.5.2b"))
	n.put("/7-5-5.bin", image(t, "SPA504G", "7.5.5"))
	rule := "($SWVER lt 7.5.2b)? " + server + "/7-5-2b.bin | ($SWVER lt 7.5.5)? " + server + "/7-5-5.bin"
	s := start(t, n, fleet.Config{Groups: []fleet.Group{upgrader(t, "SPA504G", "7.4.9", rule)}})
	s.await("7.5.5", func() bool { return s.view(0).Unit.Row.Firmware.Version == "7.5.5" })
	if got := s.count(device.UpgradeFailed); got != 0 {
		t.Errorf("%d upgrades failed", got)
	}
}

// Upgrade_Enable off and a malformed rule: nothing is asked for.
func TestNoUpgradeWithoutAWish(t *testing.T) {
	for _, preset := range []string{"Upgrade_Enable=No", "Upgrade_Rule=(oops", "Upgrade_Rule=($SWVER lt 1.0)? " + server + "/x.bin"} {
		n := newNetwork()
		n.put("/a", profileOf())
		s := start(t, n, fleet.Config{Groups: []fleet.Group{upgrader(t, "SPA2102", "5.2.10", server+"/x.bin", preset)}})
		s.awaitStory(0, "power_on customized:preset boot:power start:power_on ok")
		s.do(0, device.Resync)
		s.awaitStory(0, "power_on customized:preset boot:power start:power_on ok start:step ok")
		if got := n.fetches("/x.bin"); got != 0 {
			t.Errorf("%s: %d images fetched", preset, got)
		}
	}
}
