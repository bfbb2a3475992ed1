package fleet_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"spafleet/device"
	"spafleet/device/model"
	"spafleet/fleet"
)

// A server of one's own is tested as its devices see it: a fleet asks an httptest
// server, and the test waits for what should come of it. Nothing sleeps.
func Example() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mac := strings.TrimSuffix(strings.TrimPrefix(r.URL.Path, "/"), ".xml")
		fmt.Fprintf(w, "<flat-profile><User_ID_1_>%s</User_ID_1_></flat-profile>", mac[8:])
	}))
	defer server.Close()

	row, err := model.NewRow("SPA942", "", nil) // its newest firmware
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx, stop := context.WithTimeout(context.Background(), time.Minute)
	defer stop()
	run, err := fleet.Start(ctx, fleet.Config{Seed: 1, Groups: []fleet.Group{{Row: row, Count: 3, Presets: map[string]string{
		"Profile_Rule": server.URL + "/$MA.xml", "Resync_Random_Delay": "0",
	}}}})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer run.Close()

	for dev := range device.Index(3) {
		v, err := run.Fleet.WaitFor(ctx, dev, func(v device.View) bool { return v.Get("User_ID_1_") != "" })
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(v.Unit.MAC.String()[8:] == v.Get("User_ID_1_"), v.State)
	}
	// Output:
	// true SP-CUST
	// true SP-CUST
	// true SP-CUST
}

// Events tell what devices do, in the order of each.
func ExampleConfig_events() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/missing.xml" {
			http.NotFound(w, r)
			return
		}
		_, _ = io.WriteString(w, "<flat-profile><GPP_A>hello</GPP_A></flat-profile>")
	}))
	defer server.Close()

	row, err := model.NewRow("SPA2102", "5.2.10", nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	preset := func(path string) map[string]string {
		return map[string]string{"Profile_Rule": server.URL + path, "Resync_Random_Delay": "0"}
	}
	heard := make(chan string, 100)
	ctx, stop := context.WithTimeout(context.Background(), time.Minute)
	defer stop()
	run, err := fleet.Start(ctx, fleet.Config{
		Seed: 1, Loops: 1,
		Groups: []fleet.Group{{Row: row, Count: 1, Presets: preset("/there.xml")}, {Row: row, Count: 1, Presets: preset("/missing.xml")}},
		Tell: func(events []device.Event) { // must not block
			for _, e := range events {
				switch e.Kind {
				case device.ResyncOK, device.ResyncFailed:
					heard <- fmt.Sprintf("device %d: %s %s %s", e.Dev, e.Name(), e.File.Path, e.Err)
				}
			}
		},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer run.Close()
	for _, line := range inOrder(<-heard, <-heard) {
		fmt.Println(strings.TrimSpace(line))
	}
	// Output:
	// device 0: resync_ok /there.xml
	// device 1: resync_failed /missing.xml file not found
}

func inOrder(a, b string) []string {
	if b < a {
		a, b = b, a
	}
	return []string{a, b}
}

// A command is what a person at the phone, a page or a program asks of a device.
// WaitFor then sees what came of it.
func ExampleFleet_Do() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "<flat-profile><GPP_B>from %s</GPP_B></flat-profile>", r.URL.Path)
	}))
	defer server.Close()

	row, err := model.NewRow("SPA504G", "", nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx, stop := context.WithTimeout(context.Background(), time.Minute)
	defer stop()
	run, err := fleet.Start(ctx, fleet.Config{Seed: 1, Groups: []fleet.Group{{Row: row, Count: 1, Presets: map[string]string{"Resync_On_Reset": "No"}}}})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer run.Close()

	if err := run.Fleet.Do(ctx, 0, device.Command{Order: device.Resync, Argument: server.URL + "/by-hand.xml", Cause: model.ByStep}); err != nil {
		fmt.Println(err)
		return
	}
	v, err := run.Fleet.WaitFor(ctx, 0, func(v device.View) bool { return v.Resyncs.OK > 0 })
	fmt.Println(v.Get("GPP_B"), err)
	// Output: from /by-hand.xml <nil>
}
