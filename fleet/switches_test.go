package fleet_test

import (
	"slices"
	"testing"
	"time"

	"spafleet/device"
	"spafleet/device/model"
)

// What turning a switch of the firmware table changes in when a device contacts
// its server. Each case is the same timeline under both values.
func TestSwitchesMoveContacts(t *testing.T) {
	const s = time.Second
	shortCall := []move{{after: 3000 * s, order: device.HookOff}, {after: 3500 * s, order: device.HookOn}}
	tests := []struct {
		name    string
		tl      timeline
		value   string // of the switch
		want    []contact
		other   string
		instead []contact
	}{
		{"error_retry_zero", timeline{down: true, lasts: 4500 * time.Millisecond, set: []string{"Resync_Error_Retry_Delay=0"}},
			"never", []contact{atBoot}, "at_once", append([]contact{atBoot}, every(model.ByRetry, s, s, 4)...)},
		{"boot_time", timeline{lasts: 500 * s, moves: []move{{after: 100 * s, order: device.SwitchOff}, {after: 200 * s, order: device.SwitchOn}}},
			"20s", []contact{atBoot, {220 * s, model.ByPowerOn}}, "0s", []contact{atBoot, {200 * s, model.ByPowerOn}}},
		{"reboot_time", timeline{lasts: 500 * s, moves: []move{{after: 100 * s, order: device.SetParams, pairs: []string{"User_ID_1_=7"}}}},
			"6s", []contact{atBoot, {106 * s, model.ByPowerOn}}, "40s", []contact{atBoot, {140 * s, model.ByPowerOn}}},
		{"forced_delay", timeline{lasts: 4500 * s, set: []string{"Forced_Resync_Delay=600"}, moves: shortCall},
			"max_wait", []contact{atBoot, {3600 * s, model.ByPeriodic}}, "countdown", []contact{atBoot, {4100 * s, model.ByPeriodic}}},
		{"forced_delay", timeline{lasts: 9000 * s, set: []string{"Forced_Resync_Delay=600"}, moves: []move{{after: 3000 * s, order: device.HookOff}, {after: 7000 * s, order: device.HookOn}}},
			"max_wait", append([]contact{atBoot}, every(model.ByPeriodic, 4200*s, 3600*s, 2)...),
			"countdown", []contact{atBoot, {7600 * s, model.ByPeriodic}}},
		{"forced_delay", timeline{lasts: 5000 * s, set: []string{"Forced_Resync_Delay=600", "Resync_Periodic=0"},
			moves: append(slices.Clone(shortCall), move{after: 3600 * s, order: device.Resync}, move{after: 3700 * s, order: device.HookOff}, move{after: 3800 * s, order: device.HookOn})},
			"max_wait", []contact{atBoot, {3600 * s, model.ByStep}}, "countdown", []contact{atBoot, {4400 * s, model.ByStep}}},
		{"prvtmr_from", timeline{lasts: 1500 * s, hold: 50 * s, set: []string{"Resync_Trigger_1=$PRVTMR ge 600"}},
			"start", append([]contact{atBoot}, every(model.ByTrigger, 600*s, 600*s, 2)...),
			"end", append([]contact{atBoot}, every(model.ByTrigger, 650*s, 650*s, 2)...)},
		{"periodic_from", timeline{lasts: 9000 * s, set: []string{"Resync_On_Reset=No"}},
			"success", nil, "boot", every(model.ByPeriodic, time.Hour, time.Hour, 2)},
		{"resync_after_param_reboot", timeline{lasts: 500 * s, moves: []move{{after: 100 * s, order: device.SetParams, pairs: []string{"User_ID_1_=7"}}}},
			"yes", []contact{atBoot, {106 * s, model.ByPowerOn}}, "no", []contact{atBoot}},
		{"trigger_mode", timeline{lasts: 200 * s, set: []string{"Resync_Trigger_1=$REGTMR1 ge 100"}},
			"level", []contact{atBoot, {100 * s, model.ByTrigger}, {160 * s, model.ByTrigger}}, "edge", []contact{atBoot, {100 * s, model.ByTrigger}}},
		{"trigger_floor", timeline{lasts: 150 * s, set: []string{"Resync_Trigger_1=$REGTMR1 ge 100"}},
			"60s", []contact{atBoot, {100 * s, model.ByTrigger}}, "20s", append([]contact{atBoot}, every(model.ByTrigger, 100*s, 20*s, 3)...)},
	}
	for _, tt := range tests {
		for value, want := range map[string][]contact{tt.value: tt.want, tt.other: tt.instead} {
			t.Run(tt.name+"="+value, func(t *testing.T) {
				tl := tt.tl
				tl.switches = map[string]string{tt.name: value}
				tl.set = append([]string{"Resync_Random_Delay=0"}, tl.set...)
				if !tl.down {
					tl.files = served
				}
				tl.exactly(t, want...)
			})
		}
	}
}

// The default of each of these switches is the value that the notes choose.
func TestDefaultsOfSwitches(t *testing.T) {
	want := map[string]string{
		"error_retry_zero": "never", "forced_delay": "max_wait", "prvtmr_from": "start", "periodic_from": "success", "trigger_mode": "level",
		"trigger_floor": "60s", "prvst_trigger": "1", "prvst_notify": "-1", "prvst_upgrade": "0", "explicit_delay": "none",
	}
	for _, setting := range row(t, "SPA2102", "5.2.10", nil).Switches {
		if v, ok := want[setting.Name]; ok && v != setting.Value {
			t.Errorf("%s is %s, want %s", setting.Name, setting.Value, v)
		}
		delete(want, setting.Name)
	}
	for name := range want {
		t.Errorf("no switch %s", name)
	}
}

func TestExplicitDelaySwitch(t *testing.T) {
	const s = time.Second
	tl := timeline{files: served, count: 200, lasts: 1000 * s, set: []string{"Resync_On_Reset=No", "Resync_Random_Delay=5", "Resync_Periodic=0"},
		moves: []move{{after: 500 * s, order: device.Resync, cause: model.ByWeb}}}
	for dev, list := range tl.play(t) {
		if !slices.Equal(list, []contact{{500 * s, model.ByWeb}}) {
			t.Fatalf("device %d: %v", dev, list)
		}
	}
	tl.switches = map[string]string{"explicit_delay": "random"}
	var delays []time.Duration
	for dev, list := range tl.play(t) {
		if len(list) != 1 || list[0].cause != model.ByWeb {
			t.Fatalf("device %d: %v", dev, list)
		}
		delays = append(delays, list[0].after)
	}
	spread(t, "ordered resync", 500*s, 600*s, delays)
}

// An order that waits its random delay is not lost to what happens meanwhile.
func TestDelayedOrderIsNotLost(t *testing.T) {
	const s = time.Second
	order := move{after: 500 * s, order: device.Resync, cause: model.ByWeb, url: "http://192.0.2.5/b"}
	tests := []struct {
		name  string
		set   []string
		hold  time.Duration
		moves []move
		want  int // resyncs by the web, of 100
	}{
		{"by a trigger", []string{"Resync_Trigger_1=$REGTMR1 eq 510"}, 0, []move{order}, 100},
		{"by the end of another", []string{"Resync_Periodic=495", "Resync_On_Reset=Yes"}, 20 * s, []move{order}, 100},
		{"by an edit that reboots", nil, 0, []move{order, {after: 500 * s, order: device.SetParams, pairs: []string{"User_ID_1_=7"}}}, 100},
		{"but it is by the power", nil, 0, []move{order, {after: 500 * s, order: device.SwitchOff}}, 0},
		{"and comes once for two", nil, 0, []move{order, order}, 100},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tl := timeline{files: map[string]string{"/a": profileOf(), "/b": profileOf()}, count: 100, lasts: 2000 * s, hold: tt.hold, moves: tt.moves, switches: map[string]string{"explicit_delay": "random"},
				set: append([]string{"Resync_On_Reset=No", "Resync_Random_Delay=5"}, tt.set...)}
			n := 0
			for _, list := range tl.play(t) {
				for _, c := range list {
					if c.cause == model.ByWeb {
						n++
					}
				}
			}
			if n != tt.want {
				t.Errorf("%d ordered resyncs, want %d", n, tt.want)
			}
		})
	}
}

// What $PRVST says to a rule, by the cause of a resync.
func TestPRVSTByCauseAndSwitch(t *testing.T) {
	const s = time.Second
	off := []string{"Resync_Random_Delay=0", "Resync_Periodic=0"}
	files := map[string]string{"/-1": profileOf(), "/0": profileOf(), "/1": profileOf(), "/2": profileOf()}
	tests := []struct {
		name     string
		switches map[string]string
		set      []string
		moves    []move
		want     string // path of the last file
	}{
		{"power-on", nil, off, nil, "/0"},
		{"periodic", nil, append(slices.Clone(off), "Resync_Periodic=100"), nil, "/1"},
		{"trigger", nil, append(slices.Clone(off), "Resync_Trigger_1=$PRVTMR ge 100"), nil, "/1"},
		{"trigger", map[string]string{"prvst_trigger": "-1"}, append(slices.Clone(off), "Resync_Trigger_1=$PRVTMR ge 100"), nil, "/-1"},
		{"web", nil, off, []move{{after: 100 * s, order: device.Resync, cause: model.ByWeb}}, "/-1"},
		{"notify", nil, off, []move{{after: 100 * s, order: device.Resync, cause: model.ByNotify}}, "/-1"},
		{"notify", map[string]string{"prvst_notify": "1"}, off, []move{{after: 100 * s, order: device.Resync, cause: model.ByNotify}}, "/1"},
		{"upgrade", nil, []string{"Resync_On_Reset=No"}, []move{{after: 100 * s, order: device.Upgrade, url: "http://192.0.2.5/image"}}, "/0"},
		{"upgrade", map[string]string{"prvst_upgrade": "1"}, []string{"Resync_On_Reset=No"}, []move{{after: 100 * s, order: device.Upgrade, url: "http://192.0.2.5/image"}}, "/1"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tl := timeline{files: files, lasts: 150 * s, switches: tt.switches, moves: tt.moves, set: append([]string{"Profile_Rule=http://192.0.2.5/$PRVST"}, tt.set...)}
			_, s := tl.run(t)
			got := ""
			for _, e := range s.of(0, device.Fetched) {
				got = e.File.Path
			}
			if got != tt.want {
				t.Errorf("asked for %q, want %q", got, tt.want)
			}
		})
	}
}
