package resync_test

import (
	"testing"
	"time"

	"spafleet/device"
	"spafleet/device/model"
	"spafleet/resync"
)

// schedule returns what a model's factory parameters and some changes say.
func schedule(t *testing.T, model, firmware string, switches, changes map[string]string) resync.Schedule {
	t.Helper()
	u := unit(t, model, firmware, switches)
	var layers device.Layers
	p := device.Reset(u.Row.Factory)
	for name, value := range changes {
		param, ok := u.Row.Factory.Lookup(name)
		if !ok {
			t.Fatalf("%s has no parameter %q", model, name)
		}
		p, _ = p.With(&layers, []device.Set{{ID: param.ID, Value: value, Has: true}})
	}
	return resync.ScheduleOf(u.Row, p)
}

type change = map[string]string

// T1, T5, T6, T7, T9 and the gates of provisioning.md §2.1. See device-surface.md §4.6.
func TestScheduleAtBoot(t *testing.T) {
	none := time.Duration(-1)
	g2, g4 := [2]string{"SPA2102", "5.2.10"}, [2]string{"SPA112", "1.3.5"}
	tests := []struct {
		name     string
		model    [2]string
		switches change
		changes  change
		reason   device.Reason
		want     time.Duration // at a draw of 0.5
		cause    model.Cause
	}{
		{"power on", g2, nil, nil, device.ByPower, 20 * time.Second, model.ByPowerOn},
		{"factory reset", g2, nil, nil, device.ByReset, 20 * time.Second, model.ByPowerOn},
		{"changed parameters resync again", g2, nil, nil, device.ByParams, 20 * time.Second, model.ByPowerOn},
		{"upgrade resyncs as any reset", g2, nil, nil, device.ByUpgradeOK, 20 * time.Second, model.ByPowerOn},
		{"no random delay", g2, nil, change{"Resync_Random_Delay": "0"}, device.ByPower, 0, model.ByPowerOn},
		{"Resync_On_Reset off", g2, nil, change{"Resync_On_Reset": "No"}, device.ByPower, none, 0},
		{"Resync_On_Reset off, after a good upgrade", g2, nil, change{"Resync_On_Reset": "No"}, device.ByUpgradeOK, 0, model.ByUpgrade},
		{"Resync_On_Reset off, after a bad upgrade", g2, nil, change{"Resync_On_Reset": "No"}, device.ByUpgradeFailed, 0, model.ByUpgrade},
		{"both off, after an upgrade", g2, nil, change{"Resync_On_Reset": "No", "Resync_After_Upgrade_Attempt": "No"}, device.ByUpgradeOK, none, 0},
		{"Provision_Enable off", g2, nil, change{"Provision_Enable": "No"}, device.ByPower, none, 0},
		{"Provision_Enable off, after an upgrade", g2, nil, change{"Provision_Enable": "No"}, device.ByUpgradeOK, none, 0},
		{"switch: parameters do not resync", g2, change{"resync_after_param_reboot": "no"}, nil, device.ByParams, time.Hour, model.ByPeriodic},
		{"generation 4, power on", g4, nil, nil, device.ByPower, 20 * time.Second, model.ByPowerOn},
		{"generation 4, changed parameters: periodic only", g4, nil, nil, device.ByParams, time.Hour, model.ByPeriodic},
		{"generation 4, changed parameters, no periodic", g4, nil, change{"Resync_Periodic": "0"}, device.ByParams, none, 0},
		{"generation 4, upgrade", g4, nil, nil, device.ByUpgradeOK, 0, model.ByUpgrade},
		{"generation 4, upgrade, not after upgrades", g4, nil, change{"Resync_After_Upgrade_Attempt": "No"}, device.ByUpgradeOK, time.Hour, model.ByPeriodic},
		{"generation 4, reboot by the web page", g4, nil, nil, device.ByWebReboot, 20 * time.Second, model.ByPowerOn},
		{"switch: parameters resync in generation 4 too", g4, change{"resync_after_param_reboot": "yes"}, nil, device.ByParams, 20 * time.Second, model.ByPowerOn},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := schedule(t, tt.model[0], tt.model[1], tt.switches, tt.changes)
			at, cause, ok := s.AtBoot(noon, tt.reason, 0.5)
			got := time.Duration(at - noon)
			if !ok {
				got = none
			}
			if got != tt.want || cause != tt.cause {
				t.Errorf("contact after %s by %d, want %s by %d", got, cause, tt.want, tt.cause)
			}
		})
	}
}

func TestRandomDelayHasTheUnitOfItsFirmware(t *testing.T) {
	tests := []struct {
		model, firmware, value string
		switches               change
		want                   time.Duration
	}{
		{"SPA2000", "2.0.11", "2", nil, 2 * time.Second},
		{"SPA2000", "3.1.5", "2", nil, 40 * time.Second},
		{"SPA942", "6.1.5(a)", "3", nil, time.Minute},
		{"SPA504G", "7.5.5", "2", nil, 40 * time.Second},
		{"SPA504G", "7.5.5", "2", change{"random_delay_unit": "1s"}, 2 * time.Second},
		{"SPA2000", "2.0.11", "2", change{"random_delay_unit": "20s"}, 40 * time.Second},
		{"SPA2102", "5.2.10", " 5 ", nil, 100 * time.Second},
		{"SPA2102", "5.2.10", "", nil, 0},
		{"SPA2102", "5.2.10", "soon", nil, 0},
		{"SPA2102", "5.2.10", "-1", nil, 0},
		{"SPA2102", "5.2.10", "99999", nil, 65535 * 20 * time.Second},
	}
	for _, tt := range tests {
		s := schedule(t, tt.model, tt.firmware, tt.switches, change{"Resync_Random_Delay": tt.value})
		if s.RandomDelay != tt.want {
			t.Errorf("%s %s %v, Resync_Random_Delay=%q: up to %s, want %s", tt.model, tt.firmware, tt.switches, tt.value, s.RandomDelay, tt.want)
		}
		at, _, ok := s.AtBoot(noon, device.ByPower, 0.999)
		if late := time.Duration(at - noon); !ok || late < 0 || late > tt.want {
			t.Errorf("%s %s, Resync_Random_Delay=%q: contact after %s, beyond %s", tt.model, tt.firmware, tt.value, late, tt.want)
		}
	}
}

// See device-surface.md §4.6.
func TestScheduleAfterAttempts(t *testing.T) {
	never := time.Duration(-1)
	const s = time.Second
	t4 := "1800+300,3600+600,7200+900"
	tests := []struct {
		list     string
		switches change
		draw     float64
		want     []time.Duration // after the 1st, 2nd, ... attempt in a row that ended alike
	}{
		{"3600", nil, 0.5, []time.Duration{3600 * s, 3600 * s}},
		{"1800,3600,7200,14400", nil, 0.5, []time.Duration{1800 * s, 3600 * s, 7200 * s, 14400 * s, 14400 * s}},
		{t4, nil, 0, []time.Duration{1800 * s, 3600 * s, 7200 * s, 7200 * s}},
		{t4, nil, 0.5, []time.Duration{1950 * s, 3900 * s, 7650 * s, 7650 * s}},
		{"1800,3600,7200,14400+3600", nil, 0.25, []time.Duration{1800 * s, 3600 * s, 7200 * s, 15300 * s, 15300 * s}},
		{" 60 , 120 + 60 ", nil, 0.5, []time.Duration{60 * s, 150 * s, 150 * s}},
		{"0+60", nil, 0.5, []time.Duration{30 * s}},
		{"60-30", nil, 0.5, []time.Duration{60 * s}},
		{"60+", nil, 0.5, []time.Duration{60 * s}},
		{"60+x", nil, 0.5, []time.Duration{60 * s}},
		{"60s,soon,120", nil, 0.5, []time.Duration{60 * s, 120 * s, 120 * s}},
		{",,60", nil, 0.5, []time.Duration{60 * s}},
		{"99999999999,60", nil, 0.5, []time.Duration{60 * s}},
		{"0", nil, 0.5, []time.Duration{never, never}},
		{"", nil, 0.5, []time.Duration{never}},
		{"soon", nil, 0.5, []time.Duration{never}},
		{"-60", nil, 0.5, []time.Duration{never}},
	}
	for _, tt := range tests {
		sched := schedule(t, "SPA2102", "5.2.10", tt.switches, change{"Resync_Periodic": tt.list, "Resync_Error_Retry_Delay": tt.list})
		for _, ok := range []bool{true, false} {
			cause := map[bool]model.Cause{true: model.ByPeriodic, false: model.ByRetry}[ok]
			for run, want := range tt.want {
				at, why, again := sched.After(noon, ok, run, tt.draw)
				got := time.Duration(at - noon)
				if !again {
					got, why = never, cause
				}
				if got != want || why != cause {
					t.Errorf("list %q, ok %v, run %d: after %s by %s, want %s by %s", tt.list, ok, run, got, why, want, cause)
				}
			}
		}
	}
}

func TestZeroRetryDelayIsASecondBySwitch(t *testing.T) {
	for list, want := range map[string]time.Duration{"0": time.Second, "": time.Second, "60": time.Minute} {
		s := schedule(t, "SPA2102", "5.2.10", change{"error_retry_zero": "at_once"}, change{"Resync_Error_Retry_Delay": list, "Resync_Periodic": "0"})
		if at, cause, ok := s.After(noon, false, 3, 0.9); !ok || time.Duration(at-noon) != want || cause != model.ByRetry {
			t.Errorf("Resync_Error_Retry_Delay=%q: %s %v %v, want %s", list, time.Duration(at-noon), cause, ok, want)
		}
		if _, _, ok := s.After(noon, true, 0, 0.9); ok {
			t.Error("Resync_Periodic=0 contacts again after a success")
		}
	}
}

func TestNothingIsScheduledWhileProvisioningIsOff(t *testing.T) {
	s := schedule(t, "SPA2102", "5.2.10", nil, change{"Provision_Enable": "No"})
	for _, ok := range []bool{true, false} {
		if at, cause, again := s.After(noon, ok, 0, 0.5); again || at != 0 || cause != 0 {
			t.Errorf("after an attempt, ok %v: %d %d %v", ok, at, cause, again)
		}
	}
}
