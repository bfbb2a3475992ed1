package fleettest_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"spafleet/device"
	"spafleet/fleet"
	"spafleet/fleet/fleettest"
)

// accounts is a server that gives each device the account of its MAC address.
func accounts(t testing.TB) *httptest.Server {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/none" {
			http.NotFound(w, r)
			return
		}
		fmt.Fprintf(w, "<flat-profile><User_ID_1_>%s</User_ID_1_></flat-profile>", strings.Trim(r.URL.Path, "/"))
	}))
	t.Cleanup(server.Close)
	return server
}

func TestDevicesProvisionThemselves(t *testing.T) {
	server := accounts(t)
	f := fleettest.Start(t,
		fleettest.Phones("SPA942", 3).Set("Profile_Rule", server.URL+"/$MA"),
		fleettest.Phones("SPA2102", 2).Firmware("5.2.10").Switch("tftp_tries", "2").Set("Profile_Rule", server.URL+"/$MA").Off())
	f.Until(t, "phones have their accounts", func(v device.View) bool {
		return v.Unit.Index >= 3 || v.Get("User_ID_1_") == v.Unit.MAC.String()
	})
	f.Do(t, 3, device.SwitchOn)
	f.Do(t, 4, device.SwitchOn)
	f.Until(t, "all have", func(v device.View) bool { return v.Get("User_ID_1_") == v.Unit.MAC.String() })
	if v, _ := f.View(4); v.Unit.Row.Firmware.Version != "5.2.10" {
		t.Errorf("device 4 runs %s", v.Unit.Row.Firmware.Version)
	}
	for _, want := range []string{"power_on", "boot power", "resync_started power_on", server.URL + "/000e08", "customized", "values"} {
		if story := f.Story(0); !strings.Contains(story, want) {
			t.Errorf("the story of device 0 has no %q:\n%s", want, story)
		}
	}
}

// fake is a test that may fail.
type fake struct {
	testing.TB
	failed string
}

func (f *fake) Fatalf(format string, args ...any) {
	f.failed = fmt.Sprintf(format, args...)
	panic(f)
}

// failure returns with what a test fails.
func failure(t *testing.T, run func(testing.TB)) string {
	f := &fake{TB: t}
	func() {
		defer func() {
			if r := recover(); r != nil && r != any(f) {
				panic(r)
			}
		}()
		run(f)
	}()
	return f.failed
}

func TestAFailureTellsTheDevicesStory(t *testing.T) {
	server := accounts(t)
	f := fleettest.Start(t, fleettest.Phones("SPA942", 2).Set("Profile_Rule", server.URL+"/none"))
	f.Until(t, "they have failed", func(v device.View) bool { return v.Resyncs.Failed == 1 })
	f.Patience = 20 * time.Millisecond
	got := failure(t, func(t testing.TB) {
		f.Until(t, "device 1 is happy", func(v device.View) bool { return v.Unit.Index == 0 })
	})
	for _, want := range []string{"device 1 is happy: not true of device 1", "fetch_failed http://127.0.0.1", "/none status 404 not_found", "resync_failed"} {
		if !strings.Contains(got, want) {
			t.Errorf("it fails without %q:\n%s", want, got)
		}
	}
	unknown := fleettest.Phones("SPA942", 1).Set("No_Such", "1")
	if got := failure(t, func(t testing.TB) { fleettest.Start(t, unknown) }); !strings.Contains(got, `"No_Such"`) {
		t.Errorf("an unknown parameter fails with %q", got)
	}
}

func TestCommandsToDevicesWithoutPowerFail(t *testing.T) {
	f := fleettest.Start(t, fleettest.Phones("SPA942", 1).Off())
	if got := failure(t, func(t testing.TB) { f.Do(t, 0, device.Resync) }); !strings.Contains(got, fleet.ErrNoPower.Error()) {
		t.Errorf("it fails with %q", got)
	}
}

// Nothing leaves this machine, neither by address nor by name.
func TestLoopbackAlone(t *testing.T) {
	f := fleettest.Start(t,
		fleettest.Phones("SPA942", 1).Set("Profile_Rule", "http://192.0.2.1/a"),
		fleettest.Phones("SPA942", 1).Set("Profile_Rule", "http://prov.example.com/a"))
	f.Until(t, "they fail", func(v device.View) bool { return v.Resyncs.Failed == 1 })
	for dev, want := range []string{"connect", "dns"} {
		if story := f.Story(device.Index(dev)); !strings.Contains(story, want) {
			t.Errorf("device %d does not say %s:\n%s", dev, want, story)
		}
	}
}
