package fleettest_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"spafleet/device"
	"spafleet/fleet/fleettest"
)

// T stands for a test's *testing.T, which an example does not have.
type T struct {
	testing.TB
	cleanups []func()
}

func (*T) Helper()                           {}
func (*T) Context() context.Context          { return context.Background() }
func (*T) Fatalf(format string, args ...any) { panic(fmt.Sprintf(format, args...)) }
func (*T) Fatal(args ...any)                 { panic(fmt.Sprint(args...)) }
func (*T) Error(args ...any)                 { fmt.Println(args...) }
func (t *T) Cleanup(f func())                { t.cleanups = append(t.cleanups, f) }

func (t *T) end() {
	for _, f := range t.cleanups {
		f()
	}
}

// Three phones fetch their profiles from a server under test.
func Example() {
	t := &T{} // of func TestServer(t *testing.T)
	defer t.end()

	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "<flat-profile><User_ID_1_>%s</User_ID_1_></flat-profile>", r.URL.Path[len(r.URL.Path)-4:])
	}))
	defer server.Close()

	f := fleettest.Start(t, fleettest.Phones("SPA942", 3).Set("Profile_Rule", server.URL+"/$MA"))
	f.Until(t, "User_ID_1_ is set", func(v device.View) bool { return v.Get("User_ID_1_") != "" })
	for dev := range device.Index(3) {
		v, _ := f.View(dev)
		fmt.Println(v.Get("User_ID_1_") == v.Unit.MAC.String()[8:], v.State)
	}
	// Output:
	// true SP-CUST
	// true SP-CUST
	// true SP-CUST
}

// A device is given a command, and then looked at.
func ExampleFleet_Do() {
	t := &T{}
	defer t.end()

	requests := make(chan string, 10)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		requests <- r.Header.Get("User-Agent")
		fmt.Fprint(w, "<flat-profile><GPP_A>from the profile</GPP_A></flat-profile>")
	}))
	defer server.Close()

	f := fleettest.Start(t, fleettest.Phones("SPA2102", 1).Firmware("5.2.10").Set("Profile_Rule", server.URL+"/").Set("Resync_On_Reset", "No"))
	f.Do(t, 0, device.Resync)
	<-requests
	f.Until(t, "it has its profile", func(v device.View) bool { return v.Resyncs.OK == 1 && v.Get("GPP_A") != "" })
	f.Do(t, 0, device.FactoryReset)
	f.Until(t, "it has lost what the profile said", func(v device.View) bool { return v.Get("GPP_A") == "" })
	for _, e := range f.Events(0) {
		if e.Kind == device.Boot {
			fmt.Println("boot:", e.Reason)
		}
	}
	// Output:
	// boot: power
	// boot: factory_reset
}
