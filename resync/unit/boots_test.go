package unit

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"spafleet/device"
	"spafleet/device/devicetest"
	"spafleet/device/model"
	"spafleet/resync"
)

const logs = "Syslog_Server=192.0.2.6"

// patient is a device whose starts take times that no others are sums of. An upgrade
// that fails waits for its timer.
func patient(t *testing.T, presets ...string) *bench {
	row := devicetest.Row(t, "SPA2102", "5.2.10", "boot_time=100s", "reboot_time=10s", "flash_time=1000s", "upgrade_retry=kept", "dictionary_reboot=yes")
	b := newBench(t, row, 0, append([]string{"Profile_Rule=http://192.0.2.5/a", "Resync_Random_Delay=0"}, presets...)...)
	b.take(b.at().PowerOn())
	b.now += 5e9
	return b
}

// attempted is a device whose next attempt of an order ends so.
func attempted(order device.Order, o resync.Outcome) func(*bench) {
	return func(b *bench) {
		b.answers = func(int) resync.Outcome { return o }
		b.do(order)
		b.answers = func(int) resync.Outcome { return resync.Outcome{OK: true} }
	}
}

func ordered(order device.Order, cause model.Cause, sets ...string) func(*bench) {
	return func(b *bench) {
		b.take(b.at().Do(device.Command{Order: order, Cause: cause, Sets: devicetest.Sets(b.t, b.m.Row(&b.u).Factory, sets...)}))
	}
}

// causes are all that boots a device, with how long the boot takes in seconds.
var causes = []struct {
	name   string
	boots  func(*bench)
	reason device.Reason
	takes  int64
}{
	{"power returns", func(b *bench) { b.do(device.SwitchOff); b.do(device.SwitchOn) }, device.ByPower, 100},
	{"a profile changes parameters", attempted(device.Resync, resync.Outcome{OK: true, Reboot: model.WarmReboot}), device.ByParams, 10},
	{"a profile changes the network's parameters", attempted(device.Resync, resync.Outcome{OK: true, Reboot: model.ColdReboot}), device.ByParams, 100},
	{"a page changes parameters", ordered(device.SetParams, model.ByWeb, "User_ID_1_=7"), device.ByParams, 10},
	{"the keypad changes the network's parameters", ordered(device.SetParams, model.ByKeypad, "Primary_DNS=192.0.2.1"), device.ByParams, 100},
	{"an upgrade succeeds", attempted(device.Upgrade, resync.Outcome{OK: true, Version: "5.2.12"}), device.ByUpgradeOK, 1100},
	{"an upgrade fails", attempted(device.Upgrade, resync.Outcome{Err: "x"}), device.ByUpgradeFailed, 100},
	{"the web page reboots", ordered(device.Reboot, model.ByWeb), device.ByWebReboot, 100},
	{"the keypad reboots", ordered(device.Reboot, model.ByKeypad), device.ByIVRReboot, 100},
	{"a NOTIFY reboots", ordered(device.Reboot, model.ByNotify), device.ByNotifyReboot, 100},
	{"a NOTIFY restarts", ordered(device.Restart, model.ByNotify), device.ByNotifyReboot, 10},
	{"a scenario reboots", ordered(device.Reboot, model.ByStep), device.ByStepReboot, 100},
	{"a factory reset", ordered(device.FactoryReset, model.ByKeypad), device.ByReset, 100},
	{"customization", attempted(device.Customize, resync.Outcome{OK: true, Custom: &resync.Custom{}}), device.ByCustomization, 10},
	{"a new dictionary", func(b *bench) {
		b.u.doing = device.Fetch
		o := resync.Outcome{OK: true, Params: b.u.params, Life: b.u.life, Extra: &model.Extra{File: &model.ExtraFile{What: "dictionary", Stored: true}, Key: 1}}
		b.take(b.at().Ended(&o, b.now))
	}, device.ByDictionary, 100},
}

// Between the event of a boot and the device's next sign of life lies its time,
// whatever caused the boot. Meanwhile it hears nothing, and a state file keeps it. See surface-2.md §4.1.
func TestEveryBootTakesItsTime(t *testing.T) {
	tested := map[device.Reason]bool{}
	for _, tt := range causes {
		t.Run(tt.name, func(t *testing.T) {
			tested[tt.reason] = true
			b := patient(t, logs)
			if tt.reason == device.ByCustomization {
				b.u.set(rcPending, true)
			}
			tt.boots(b)
			began := float64(b.now-midnight) / 1e9
			if last := b.did[len(b.did)-1]; last != fmt.Sprintf("%g boot:%s", began, tt.reason) {
				t.Fatalf("it does %s last", last)
			}
			before := slices.Clone(b.did)
			end := b.now + tt.takes*1e9
			if b.u.Due() != end || !b.view().Booting || b.view().Due != 0 {
				t.Errorf("it is due after %g s and booting %v", float64(b.u.Due()-b.now)/1e9, b.view().Booting)
			}
			b.now = end - 1
			for o := device.Resync; o <= device.Fetch; o++ {
				if o == device.SwitchOn || o == device.SwitchOff {
					continue
				}
				if fx := b.at().Do(device.Command{Order: o, Cause: model.ByWeb}); !fx.Unheard || len(fx.Events) > 0 || fx.Start != nil || fx.Next != 0 {
					t.Errorf("it hears %s while it boots: %s", o, tell(fx))
				}
			}
			kept := b.m.Record(b.dev, &b.u)
			again := patient(t, logs)
			again.now, again.started, again.did = b.now, b.started, slices.Clone(before)
			again.m.Restore(&again.u, &kept)
			again.take(again.at().Resume(b.now, true))
			for name, x := range map[string]*bench{"it": b, "saved and resumed, it": again} {
				if x.runUntil(float64(end-1-midnight) / 1e9); !slices.Equal(x.did, before) {
					t.Fatalf("%s does %s during the boot", name, x.did[len(before):])
				}
				x.runUntil(float64(end-midnight) / 1e9)
				want := []string{fmt.Sprintf("%g log reboot reason:%s", float64(end-midnight)/1e9, tt.reason.Code()), fmt.Sprintf("%g power_on", float64(end-midnight)/1e9)}
				if got := x.did[len(before):]; !slices.Equal(got, want) {
					t.Errorf("%s does %s after the boot\nwant %s", name, strings.Join(got, ", "), strings.Join(want, ", "))
				}
				if v := x.view(); v.Booting || v.Booted != end || v.Reason != tt.reason {
					t.Errorf("%s is booting %v, booted %g s late, by %s", name, v.Booting, float64(v.Booted-end)/1e9, v.Reason)
				}
			}
		})
	}
	for r := device.ByPower; r <= device.ByDictionary; r++ {
		if !tested[r] {
			t.Errorf("no case boots by %s", r)
		}
	}
}

func (b *bench) view() device.View { return b.m.View(b.dev, &b.u, b.now) }

// What waited when a boot began goes on after it, and timers that ran out
// meanwhile count then.
func TestWhatWaitsForABoot(t *testing.T) {
	for _, tt := range []struct {
		name string
		do   func(*bench)
		want string
	}{
		{"an order that waited for an attempt", func(b *bench) {
			s := *b.at().Do(device.Command{Order: device.Resync, Cause: model.ByStep}).Start
			b.at().Admit(&s)
			b.at().Begin(&s, 7)
			b.at().Do(device.Command{Order: device.Upgrade, Cause: model.ByStep, Argument: "/x"})
			b.take(b.at().Ended(&resync.Outcome{OK: true, Params: b.u.params, Life: b.u.life, Reboot: model.WarmReboot}, b.now))
		}, "5 boot:params, 15 upgrade, 15 boot:upgrade_ok, 1115 power_on"},
		{"the retry of an upgrade, which ran out during another boot", func(b *bench) {
			b.answers = func(n int) resync.Outcome { return resync.Outcome{OK: n != 1} }
			b.do(device.SetParams, "Upgrade_Rule=http://192.0.2.5/i.bin", "Upgrade_Error_Retry_Delay=8")
			b.do(device.Resync)
			b.runUntil(110)
			b.do(device.SetParams, "User_ID_1_=7")
		}, "5 step, 5 upgrade, 5 boot:upgrade_failed, 105 power_on, 110 boot:params, 120 upgrade, 120 boot:upgrade_ok, 1220 power_on"},
		{"power that goes during a boot", func(b *bench) {
			b.do(device.Reboot)
			b.now += 50e9
			b.do(device.SwitchOff)
			b.do(device.SwitchOn)
		}, "5 boot:step, 55 off, 55 boot:power, 155 power_on"},
	} {
		b := patient(t)
		b.did = nil
		tt.do(b)
		b.runUntil(1500)
		if got := strings.Join(b.did, ", "); got != tt.want {
			t.Errorf("%s: it does %s\nwant %s", tt.name, got, tt.want)
		}
	}
}

// Older state files know boots by power alone, and have their end in the timer of
// the resync.
func TestABootOfAnOlderFile(t *testing.T) {
	b := patient(t, logs)
	b.do(device.SwitchOff)
	b.do(device.SwitchOn)
	r := b.m.Record(b.dev, &b.u)
	r.Reason, r.Timers = 0, [RecordTimers]int64{resyncTimer: r.Timers[bootTimer]}
	b.did = nil
	b.m.Restore(&b.u, &r)
	b.take(b.at().Resume(b.now, true))
	b.runUntil(200)
	if got := strings.Join(b.did, ", "); got != "105 log reboot reason:H0, 105 power_on" {
		t.Errorf("it does %s", got)
	}
}

// Events hold at most 2 KB of any text, whatever a server sends.
func TestEventsHoldLittleText(t *testing.T) {
	b := patient(t)
	long := strings.Repeat("ä", 5000)
	fx := b.at().Commit(b.u.params, b.u.life, []device.Event{{Kind: device.Syslog, Text: long, Err: long}}, 0)
	for _, text := range []string{fx.Events[0].Text, fx.Events[0].Err} {
		if len(text) > 2048 || len(text) < 2000 || !strings.HasSuffix(text, "ä…") {
			t.Errorf("%d bytes, ending in %q", len(text), text[len(text)-8:])
		}
	}
}

// New firmware brings its names and defaults; what the device has stored stays, also
// what a customized device returns to; a factory reset gives the defaults of the firmware that it has.
func TestAnUpgradeBringsNewDefaults(t *testing.T) {
	row := devicetest.Row(t, "SPA504G", "7.4.8a", "boot_time=0s", "flash_time=0s")
	b := newBench(t, row, 0, "Profile_Rule=http://192.0.2.5/a", "Resync_Random_Delay=0", "Idle_Key_List=redial")
	b.take(b.at().PowerOn())
	has := func(name, want string) {
		t.Helper()
		got := "-"
		if p, ok := b.m.Row(&b.u).Lookup(name); ok {
			got = b.u.params.Get(p.ID)
		}
		if got != want {
			t.Errorf("%s at %s: %q, want %q", name, b.m.Row(&b.u).Firmware.Version, got, want)
		}
	}
	upgrade := func(version string) {
		b.now += 1e9
		attempted(device.Upgrade, resync.Outcome{OK: true, Version: version})(b)
	}
	b.u.own().custom = &Custom{Company: "x", Defaults: b.u.params}
	has("DHCP_Option_To_Use", "66,160,159,150")
	has("Feature_Key_Sync_1_", "-")
	has("Call_Feature_Sync_Ext", "Disabled")
	upgrade("7.6.2")
	has("DHCP_Option_To_Use", "66,160,159,150,60,43,125")
	has("Feature_Key_Sync_1_", "No")
	has("Call_Feature_Sync_Ext", "-")
	has("Idle_Key_List", "redial")
	has("CISCO_XML_EXE_Auth_Mode", "Local Credential")
	now := b.m.Row(&b.u).Factory
	if d := b.u.opt.custom.Defaults; b.u.params.Factory() != now || d.Factory() != now {
		t.Error("values lie over the defaults of the firmware before")
	}
	b.u.own().custom = nil
	b.do(device.SetParams, "DHCP_Option_To_Use=66")
	b.do(device.FactoryReset)
	has("DHCP_Option_To_Use", "66,160,159,150,60,43,125")
	has("Idle_Key_List", "redial") // a preset, which stands for the factory
	b.do(device.SetParams, "DHCP_Option_To_Use=66")
	upgrade("7.4.8a")
	has("DHCP_Option_To_Use", "66")
	has("CISCO_XML_EXE_Auth_Mode", "-")
}
