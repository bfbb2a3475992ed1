package forecast_test

import (
	"context"
	"fmt"
	"math"
	"net/netip"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"spafleet/device"
	"spafleet/device/devicetest"
	"spafleet/fleet"
	"spafleet/resync"
	"spafleet/scenarios"
	"spafleet/scenarios/forecast"
	"spafleet/scenarios/tally"
)

func foresee(t *testing.T, s *scenarios.Scenario, o scenarios.Machine) *forecast.Forecast {
	t.Helper()
	o.Flags = flags
	f, err := forecast.Of(s, o)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// A server that refuses gets the resyncs of the error delay, and from some firmware
// more than one request for each.
func TestForecastOfAServerThatRefuses(t *testing.T) {
	const web = "Profile_Rule=http://127.0.0.1/a"
	for _, tt := range []struct {
		model, firmware, presets, turned string
		resyncs, requests                float64
		inARow                           int
	}{
		{"SPA2102", "", web + " Resync_Error_Retry_Delay=100", "", 40, 40, 1},
		{"SPA2102", "", web + " Resync_Error_Retry_Delay=10,200", "", 20, 20, 1},
		{"SPA504G", "7.5.2b", web + " Resync_Error_Retry_Delay=100", "", 40, 120, 3},
		{"SPA504G", "7.5.2b", "Profile_Rule= Profile_Rule_B=https://127.0.0.1/a Resync_Error_Retry_Delay=100", "", 40, 120, 3},
		{"SPA504G", "7.5.2b", "Profile_Rule=tftp://127.0.0.1/a Profile_Rule_B=http://127.0.0.1/a Resync_Error_Retry_Delay=100", "", 40, 40, 1},
		{"SPA504G", "7.5.2b", web + " Resync_Error_Retry_Delay=100", "field", 40, 40, 1},
		{"SPA504G", "7.5.2b", web + " Resync_Error_Retry_Delay=0", "", 0, 0, 3},
		{"SPA504G", "7.5.2b", web + " Resync_Error_Retry_Delay=100 Provision_Enable=No", "", 0, 0, 3},
	} {
		s := aFleet(4000, strings.Fields(tt.presets)...)
		g := &s.Fleet[0]
		g.Model, g.Firmware = tt.model, tt.firmware
		if tt.turned != "" {
			g.Turn("evidence", tt.turned)
		}
		want := forecast.Failing{Resyncs: tt.resyncs, Requests: tt.requests, InARow: tt.inARow}
		if f := foresee(t, s, scenarios.Machine{}); f.Failing != want {
			t.Errorf("%s %s %s %s: %+v, want %+v", tt.model, tt.firmware, tt.presets, tt.turned, f.Failing, want)
		}
	}
}

func TestForecastOfTheResyncs(t *testing.T) {
	tests := []struct {
		presets   string
		change    func(*scenarios.Scenario)
		atOnce    int
		perSecond float64
		waiting   int
		steady    float64
	}{
		{presets: "Resync_Random_Delay=2 Resync_Periodic=3600", perSecond: 100, steady: 4000.0 / 3600}, // in units of 20 s
		{presets: "Resync_Random_Delay=2 Resync_Periodic=3600", change: func(s *scenarios.Scenario) { s.Fleet[0].Switches = map[string]string{"random_delay_unit": "1s"} }, perSecond: 2000, steady: 4000.0 / 3600},
		{presets: "Resync_Random_Delay=0 Resync_Periodic=100", atOnce: 4000, steady: 40},
		{presets: "Resync_Random_Delay=0 Resync_Periodic=5,100+200", atOnce: 4000, steady: 20},
		{presets: "Resync_Random_Delay=0 Resync_Periodic=0", atOnce: 4000},
		{presets: "Resync_On_Reset=No Resync_Periodic=0", waiting: 4000},
		{presets: "Provision_Enable=No Resync_Periodic=60", waiting: 4000},
		{presets: "Resync_Random_Delay=2 Resync_Periodic=0", change: func(s *scenarios.Scenario) { s.Fleet[0].Off = true }, waiting: 4000},
		{presets: "Resync_Random_Delay=2 Resync_Periodic=0", change: func(s *scenarios.Scenario) { s.Fleet[0].RC = "http://127.0.0.1/rc" }, atOnce: 4000},
	}
	for _, tt := range tests {
		s := aFleet(4000, strings.Fields(tt.presets)...)
		if tt.change != nil {
			tt.change(s)
		}
		f := foresee(t, s, scenarios.Machine{})
		if f.Start.AtOnce != tt.atOnce || f.Start.PerSecond != tt.perSecond || f.Start.Waiting != tt.waiting || math.Abs(f.Steady-tt.steady) > 1e-9 {
			t.Errorf("%s: %+v, steady %g; want %+v", tt.presets, f.Start, f.Steady, tt)
		}
	}
}

// What does not fit is named, with the flag that helps.
func TestForecastOfWhatDoesNotFit(t *testing.T) {
	const spread = "Resync_Random_Delay=2"
	tests := []struct {
		name    string
		count   int
		presets string
		change  func(*scenarios.Scenario, *scenarios.Machine)
		want    string // what and flag of each misfit
	}{
		{name: "a small fleet", count: 100, presets: spread},
		{name: "room", count: 300, presets: spread, change: func(_ *scenarios.Scenario, o *scenarios.Machine) {
			o.Addresses = netip.MustParsePrefix("127.64.0.0/24")
		},
			want: "addresses --addresses 127.64.0.0/10"},
		{name: "one address", count: 1000, presets: "Resync_Random_Delay=0 Profile_Rule=http://10.0.0.1/a",
			want: "ports --addresses PREFIX"},
		{name: "one address, held", count: 1000, presets: "Resync_Random_Delay=0 Profile_Rule=http://10.0.0.1/a",
			change: func(s *scenarios.Scenario, _ *scenarios.Machine) { s.Rate = 300 }},
		{name: "own addresses", count: 1000, presets: "Resync_Random_Delay=0 Profile_Rule=http://127.0.0.1/a"},
		{name: "cpu", count: 2_000_000, presets: spread, want: "cpu --set Resync_Random_Delay="},
		{name: "https", count: 5000, presets: spread + " Profile_Rule=https://127.0.0.1/a"},
	}
	for _, tt := range tests {
		s, o := aFleet(tt.count, strings.Fields(tt.presets)...), scenarios.Machine{}
		if tt.change != nil {
			tt.change(s, &o)
		}
		f := foresee(t, s, o)
		var got []string
		for _, m := range f.Misfits {
			if m.What == "memory" || m.What == "descriptors" {
				continue // this machine's
			}
			got = append(got, m.What+" "+m.Flag)
		}
		if text := strings.Join(got, "; "); !strings.HasPrefix(text, tt.want) || (text == "") != (tt.want == "") || len(got) > 1 {
			t.Errorf("%s: %q, want %q", tt.name, text, tt.want)
		}
	}
}

// A fleet that is spread as the plan says fits.
func TestAdviceOfTheForecastHelps(t *testing.T) {
	const many = 2_000_000
	f := foresee(t, aFleet(many, "Resync_Random_Delay=2"), scenarios.Machine{})
	advice := f.Misfits[len(f.Misfits)-1]
	for _, m := range f.Misfits {
		if m.What == "cpu" {
			advice = m
		}
	}
	preset := strings.TrimPrefix(advice.Flag, "--set ")
	for _, m := range foresee(t, aFleet(many, preset), scenarios.Machine{}).Misfits {
		if m.What == "cpu" {
			t.Errorf("with %s: %+v", preset, m)
		}
	}
}

func TestForecastOfTheCertificates(t *testing.T) {
	secure := aFleet(3000, "Profile_Rule=https://127.0.0.1/$MA")
	f := foresee(t, secure, scenarios.Machine{})
	if c := f.Certificates; !c.Known || c.Devices != 3000 || c.Keys != 64 || c.CPUSeconds <= 0 || c.CPUSeconds > 3600 {
		t.Errorf("%+v", c)
	}
	// How long they take is measured on a machine that others use too.
	if c := foresee(t, secure, scenarios.Machine{UniqueKeys: true}).Certificates; c.Keys != 3000 || c.CPUSeconds <= 0 {
		t.Errorf("with a key for each device %+v", c)
	}
	if c := foresee(t, aFleet(3000), scenarios.Machine{}).Certificates; c.Known || c.Devices != 3000 || c.CPUSeconds != 0 {
		t.Errorf("without https: %+v", c)
	}
	old := aFleet(3000, "Profile_Rule=https://127.0.0.1/$MA")
	old.Fleet[0].Switches = map[string]string{"client_certificate": "none"}
	if c := foresee(t, old, scenarios.Machine{}).Certificates; c.Devices != 0 {
		t.Errorf("of devices without a certificate: %+v", c)
	}
}

// A million devices are planned without being made.
func TestForecastOfAMillionTakesNoMillion(t *testing.T) {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f := foresee(t, aFleet(1_000_000, "Resync_Random_Delay=2"), scenarios.Machine{})
	runtime.ReadMemStats(&after)
	if got := after.TotalAlloc - before.TotalAlloc; got > 50<<20 || f.Devices != 1_000_000 {
		t.Errorf("%d devices planned with %d bytes", f.Devices, got)
	}
}

// files answers each device with a profile of 25 values, some of them its own.
type files struct{ own int }

func (files) Resolve(context.Context, string) ([]netip.Addr, error) {
	return nil, &resync.Error{Result: device.NoDNS}
}

func (n files) Fetch(_ context.Context, r *resync.Request) (resync.Response, error) {
	var b strings.Builder
	b.WriteString("<flat-profile>")
	for i, name := range strings.Fields(`User_ID_1_ Password_1_ Display_Name_1_ Auth_ID_1_ GPP_A GPP_B GPP_C GPP_D GPP_E GPP_F GPP_G GPP_H GPP_I
		GPP_J GPP_K GPP_L GPP_M GPP_N GPP_O Dial_Plan_1_ Proxy_1_ Proxy_2_ Primary_NTP_Server Secondary_NTP_Server Outbound_Proxy_1_`) {
		value := "shared.example"
		if i < n.own {
			value = r.Unit.MAC.String()
		}
		fmt.Fprintf(&b, "<%s>%s</%s>", name, value, name)
	}
	b.WriteString("</flat-profile>")
	return resync.Response{Status: 200, Body: []byte(b.String())}, nil
}

func liveBytes() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// The figures that the plan prints are what a device takes: no less, and not far
// more.
func TestFiguresOfTheForecast(t *testing.T) {
	const devices = 20_000
	bytesOf(t, devices/20, 0) // what is made once
	for _, tt := range []struct{ own, figure int }{{0, forecast.FreshBytes}, {8, forecast.OwnBytes}} {
		if got := bytesOf(t, devices, tt.own); got > tt.figure || got < tt.figure/2 {
			t.Errorf("%d B a device with %d values of its own; the plan says %d", got, tt.own, tt.figure)
		}
	}
}

// bytesOf measures the live bytes of a device at rest, with its part of the
// tally.
func bytesOf(t *testing.T, devices, own int) int {
	row := devicetest.Row(t, "SPA2102", "5.2.10", "boot_time=0s", "reboot_time=0s")
	before := liveBytes()
	tally := tally.New([]tally.Make{{Model: "SPA2102", Devices: devices}}, func(device.Index) int { return 0 }, device.Shard{})
	var synced atomic.Int64
	run, err := fleet.Start(t.Context(), fleet.Config{
		Seed: 1, Network: files{own}, Outstanding: 256, // attempts leave something behind, which is not the devices'
		Groups: []fleet.Group{{Name: "atas", Row: row, Count: devices, Presets: map[string]string{"Profile_Rule": "http://127.0.0.1/a", "Resync_Random_Delay": "0"}}},
		Tell: func(events []device.Event) {
			tally.Tell(events)
			for i := range events {
				switch e := &events[i]; {
				case e.Kind == device.ResyncOK:
					synced.Add(1)
				case e.Kind == device.Boot && e.Reason == device.ByParams: // and resyncs again
					synced.Add(-1)
				}
			}
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	patient, done := context.WithTimeout(t.Context(), time.Minute)
	defer done()
	if err := run.Fleet.Await(patient, func() bool { return int(synced.Load()) == devices }); err != nil {
		t.Fatal(err)
	}
	got := liveBytes() - before
	if err := run.Close(); err != nil {
		t.Fatal(err)
	}
	runtime.KeepAlive(tally)
	return int(got) / devices
}
