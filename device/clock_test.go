package device_test

import (
	"testing"
	"time"

	"spafleet/device"
	"spafleet/device/devicetest"
	"spafleet/device/model"
)

// clockOf returns the clock of a SPA2102 with a zone and a rule; "" leaves the
// factory's.
func clockOf(t *testing.T, zone, rule string) device.Clock {
	t.Helper()
	r := devicetest.Row(t, "SPA2102", "5.2.10")
	var layers device.Layers
	p := device.Reset(r.Factory)
	for name, value := range map[string]string{"Time_Zone": zone, "Daylight_Saving_Time_Rule": rule} {
		if value == "" {
			continue
		}
		id, _ := model.LookupID(name)
		p, _ = p.With(&layers, []device.Set{{ID: id, Value: value, Has: true}})
	}
	return p.Clock()
}

func TestLocalTime(t *testing.T) {
	const none, europe, south = "none", "start=3/-1/7/2;end=10/-1/7/3;save=1", "start=10/1/7/2;end=4/1/7/3;save=1"
	tests := []struct{ zone, rule, at, want string }{
		{"", "", "2007-01-01 08:00:00", "2007-01-01 00:00:00"},
		{"", "", "2007-07-01 07:00:00", "2007-07-01 00:00:00"},
		{"", "", "2007-04-01 07:59:59", "2007-03-31 23:59:59"}, // 1 April 2007 is a Sunday
		{"", "", "2007-04-01 08:00:00", "2007-04-01 01:00:00"},
		{"", "", "2007-10-28 06:59:59", "2007-10-27 23:59:59"},
		{"", "", "2007-10-28 07:00:00", "2007-10-27 23:00:00"}, // the hour before midnight comes twice
		{"", "", "2007-10-28 08:00:00", "2007-10-28 00:00:00"},
		{"GMT", none, "2007-07-01 12:00:00", "2007-07-01 12:00:00"},
		{"GMT+05:45", none, "2007-07-01 12:00:00", "2007-07-01 17:45:00"},
		{"GMT-03:30", none, "2007-07-01 12:00:00", "2007-07-01 08:30:00"},
		{"Moon", none, "2007-07-01 12:00:00", "2007-07-01 12:00:00"},
		{"GMT+01:00", europe, "2007-03-25 00:59:59", "2007-03-25 01:59:59"},
		{"GMT+01:00", europe, "2007-03-25 01:00:00", "2007-03-25 03:00:00"},
		{"GMT+01:00", europe, "2007-10-28 00:59:59", "2007-10-28 02:59:59"},
		{"GMT+01:00", europe, "2007-10-28 01:00:00", "2007-10-28 02:00:00"},
		{"GMT+10:00", south, "2007-01-01 00:00:00", "2007-01-01 11:00:00"},
		{"GMT+10:00", south, "2007-07-01 00:00:00", "2007-07-01 10:00:00"},
		{"GMT+10:00", south, "2007-12-01 00:00:00", "2007-12-01 11:00:00"},
		{"GMT", "start=6/15/0;end=8/-2/0;save=0:30", "2007-06-15 00:00:00", "2007-06-15 00:30:00"},
		{"GMT", "start=6/15/0;end=8/-2/0;save=0:30", "2007-08-29 23:30:00", "2007-08-29 23:30:00"},
		{"GMT", "start=13/1/0;end=8/1/0;save=1", "2007-07-01 12:00:00", "2007-07-01 12:00:00"},
		{"GMT", "start=4/1/7;save=1", "2007-07-01 12:00:00", "2007-07-01 12:00:00"},
		{"GMT", "start=4/1/x;end=8/1/0;save=1", "2007-07-01 12:00:00", "2007-07-01 12:00:00"},
	}
	for _, tt := range tests {
		at, err := time.Parse(time.DateTime, tt.at)
		if err != nil {
			t.Fatal(err)
		}
		if got := clockOf(t, tt.zone, tt.rule).Local(at.UnixNano()).Format(time.DateTime); got != tt.want {
			t.Errorf("%s GMT in %q with %q: %s, want %s", tt.at, tt.zone, tt.rule, got, tt.want)
		}
	}
}

func TestNextDaily(t *testing.T) {
	const europe = "start=3/-1/7/2;end=10/-1/7/3;save=1"
	const half = 2*time.Hour + 30*time.Minute
	tests := []struct {
		zone, rule string
		now        string
		daily      time.Duration
		want       string
	}{
		{"GMT", "none", "2007-07-01 02:29:59", half, "2007-07-01 02:30:00"},
		{"GMT", "none", "2007-07-01 02:30:00", half, "2007-07-02 02:30:00"},
		{"GMT-08:00", "none", "2007-07-01 02:30:00", half, "2007-07-01 10:30:00"},
		{"GMT+12:00", "none", "2007-07-01 02:30:00", half, "2007-07-01 14:30:00"},
		{"GMT+01:00", europe, "2007-07-01 12:00:00", half, "2007-07-02 00:30:00"},
		{"GMT+01:00", europe, "2007-12-01 12:00:00", half, "2007-12-02 01:30:00"},
		{"GMT+01:00", europe, "2007-03-24 12:00:00", half, "2007-03-25 01:30:00"}, // passed over
		{"GMT+01:00", europe, "2007-10-27 12:00:00", half, "2007-10-28 00:30:00"}, // repeated
		{"GMT+01:00", europe, "2007-10-28 00:30:00", half, "2007-10-29 01:30:00"}, // not twice
		{"GMT", "none", "2007-12-31 12:00:00", 24 * time.Hour, "2008-01-01 00:00:00"},
		{"GMT", "none", "2007-12-31 12:00:00", 0, "2008-01-01 00:00:00"},
	}
	for _, tt := range tests {
		now, err := time.Parse(time.DateTime, tt.now)
		if err != nil {
			t.Fatal(err)
		}
		got := time.Unix(0, clockOf(t, tt.zone, tt.rule).NextDaily(now.UnixNano(), tt.daily)).UTC().Format(time.DateTime)
		if got != tt.want {
			t.Errorf("%s after %s GMT in %q with %q: %s, want %s", tt.daily, tt.now, tt.zone, tt.rule, got, tt.want)
		}
	}
}

// By NTP a clock is set while some server is named and NTP is on; the other two words
// hold whatever the parameters are.
func TestCertificateTime(t *testing.T) {
	const day = int64(24 * time.Hour)
	booted, now := 18_000*day, 18_000*day+int64(time.Minute)
	right, sinceBoot := now, int64(time.Minute)
	for _, tt := range []struct {
		clock string
		set   []string
		want  int64
	}{
		{"ntp", nil, sinceBoot}, {"ntp", []string{"Primary_NTP_Server=ntp.example.com"}, right}, {"ntp", []string{"Secondary_NTP_Server=192.0.2.1"}, right},
		{"ntp", []string{"Primary_NTP_Server= "}, sinceBoot}, {"ntp", []string{"Primary_NTP_Server=192.0.2.1", "NTP_Enable=No"}, sinceBoot},
		{"always", nil, right}, {"never", []string{"Primary_NTP_Server=192.0.2.1"}, sinceBoot},
	} {
		row := devicetest.Turned(t, "SPA504G", "7.6.2f", map[string]string{"cert_clock": tt.clock})
		p := devicetest.Params(t, row.Factory, tt.set...)
		if got := p.CertificateTime(row, booted, now); got != tt.want {
			t.Errorf("cert_clock=%s, %q: %s, want %s", tt.clock, tt.set, time.Unix(0, got).UTC(), time.Unix(0, tt.want).UTC())
		}
	}
	none := devicetest.Turned(t, "SPA122", "", map[string]string{"cert_clock": "ntp"})
	if got := device.Reset(none.Factory).CertificateTime(none, booted, now); got != right {
		t.Error("a model without NTP parameters has no clock")
	}
}

// The SPA1xx have their clock in the router configuration.
func TestLocalTimeOfARouterConfiguration(t *testing.T) {
	const setup = "router-configuration/Time_Setup/"
	tests := []struct{ zone, rule, auto, at, want string }{
		{"", "", "", "2012-07-01 12:00:00", "2012-07-01 04:00:00"}, // the factory's: -08 1 1
		{"+01 2 2", "", "", "2012-01-01 12:00:00", "2012-01-01 13:00:00"},
		{"+05:30 1", "", "", "2012-01-01 12:00:00", "2012-01-01 17:30:00"},
		{"+01 2 2", "start=3/-1/7/2;end=10/-1/7/3;save=1", "1", "2012-07-01 12:00:00", "2012-07-01 14:00:00"},
		{"+01 2 2", "start=3/-1/7/2;end=10/-1/7/3;save=1", "0", "2012-07-01 12:00:00", "2012-07-01 13:00:00"},
		{"Moon", "", "", "2012-07-01 12:00:00", "2012-07-01 12:00:00"},
	}
	for _, tt := range tests {
		f := devicetest.Row(t, "SPA122", "").Factory
		var sets []string
		for name, value := range map[string]string{"Time_Zone": tt.zone, "Daylight_Saving_Time_Rule": tt.rule, "Auto_Adjust_Clock": tt.auto} {
			if value != "" {
				sets = append(sets, setup+name+"="+value)
			}
		}
		p, _ := device.Reset(f).With(&device.Layers{}, devicetest.Sets(t, f, sets...))
		at, err := time.Parse(time.DateTime, tt.at)
		if err != nil {
			t.Fatal(err)
		}
		if got := p.Clock().Local(at.UnixNano()).Format(time.DateTime); got != tt.want {
			t.Errorf("%q, %q: %s is %s, want %s", tt.zone, tt.rule, tt.at, got, tt.want)
		}
	}
}
