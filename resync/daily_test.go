package resync_test

import (
	"testing"
	"time"

	"spafleet/device"
	"spafleet/device/model"
	"spafleet/resync"
)

// noon, the moment of these tests, is 2008-01-10 21:20 GMT.
func TestDailyResync(t *testing.T) {
	phone, ata := [2]string{"SPA504G", "7.5.5"}, [2]string{"SPA2102", "5.2.10"}
	tests := []struct {
		name    string
		model   [2]string
		changes change
		want    string // GMT, at a draw of 0.5; "": by the periodic timer, an hour
	}{
		{"its zone is eight hours behind", phone, change{"Resync_At__HHmm_": "0230"}, "2008-01-11 10:35:00"},
		{"GMT", phone, change{"Resync_At__HHmm_": "0230", "Time_Zone": "GMT"}, "2008-01-11 02:35:00"},
		{"later today", phone, change{"Resync_At__HHmm_": "2359", "Time_Zone": "GMT"}, "2008-01-11 00:04:00"},
		{"this very minute is over", phone, change{"Resync_At__HHmm_": "2120", "Time_Zone": "GMT"}, "2008-01-11 21:25:00"},
		{"2400 is midnight", phone, change{"Resync_At__HHmm_": "2400", "Time_Zone": "GMT", "Resync_At_Random_Delay": "0"}, "2008-01-11 00:00:00"},
		{"0000 is midnight", phone, change{"Resync_At__HHmm_": "0000", "Time_Zone": "GMT", "Resync_At_Random_Delay": "0"}, "2008-01-11 00:00:00"},
		{"window in whole minutes, down", phone, change{"Resync_At__HHmm_": "0230", "Time_Zone": "GMT", "Resync_At_Random_Delay": "29"}, "2008-01-11 02:30:00"},
		{"window in whole minutes, up", phone, change{"Resync_At__HHmm_": "0230", "Time_Zone": "GMT", "Resync_At_Random_Delay": "90"}, "2008-01-11 02:31:00"},
		{"daylight saving", phone, change{"Resync_At__HHmm_": "0230", "Time_Zone": "GMT", "Resync_At_Random_Delay": "0",
			"Daylight_Saving_Time_Rule": "start=10/1/7;end=4/1/7;save=1"}, "2008-01-11 01:30:00"},
		{"minute 60", phone, change{"Resync_At__HHmm_": "0260"}, ""},
		{"beyond 2400", phone, change{"Resync_At__HHmm_": "2401"}, ""},
		{"three digits", phone, change{"Resync_At__HHmm_": "230"}, ""},
		{"with a colon", phone, change{"Resync_At__HHmm_": "02:30"}, ""},
		{"signed", phone, change{"Resync_At__HHmm_": "+230"}, ""},
		{"empty", phone, nil, ""},
		{"a model that lacks it", ata, nil, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := schedule(t, tt.model[0], tt.model[1], nil, tt.changes)
			at, cause, ok := s.After(noon, true, 0, 0.5)
			want, wantCause := time.Unix(0, noon).Add(time.Hour).UTC().Format(time.DateTime), model.ByPeriodic
			if tt.want != "" {
				want, wantCause = tt.want, model.ByDaily
			}
			if got := time.Unix(0, at).UTC().Format(time.DateTime); got != want || cause != wantCause || !ok {
				t.Errorf("%s by %s, %v; want %s by %s", got, cause, ok, want, wantCause)
			}
			if _, cause, _ := s.After(noon, false, 0, 0.5); cause != model.ByRetry {
				t.Errorf("a failure is followed by %s", cause)
			}
		})
	}
}

func TestDailyResyncIsGatedByProvisionEnable(t *testing.T) {
	s := schedule(t, "SPA504G", "7.5.5", nil, change{"Resync_At__HHmm_": "0230", "Provision_Enable": "No"})
	if at, _, ok := s.After(noon, true, 0, 0); ok {
		t.Errorf("due at %d", at)
	}
}

func TestPhonesBeforeFirmware7HaveNoDailyResync(t *testing.T) {
	u := unit(t, "SPA504G", "7.5.5", nil)
	id, _ := model.LookupID("Resync_At__HHmm_")
	var layers device.Layers
	p, _ := device.Reset(u.Row.Factory).With(&layers, []device.Set{{ID: id, Value: "0230", Has: true}})
	for version, want := range map[string]model.Cause{"6.1.3": model.ByPeriodic, "7.0.0": model.ByDaily} {
		row, err := u.Row.At(version)
		if err != nil {
			t.Fatal(err)
		}
		if _, cause, _ := resync.ScheduleOf(row, p).After(noon, true, 0, 0); cause != want {
			t.Errorf("%s: by %s, want %s", version, cause, want)
		}
	}
}
