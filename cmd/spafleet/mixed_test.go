package main

import (
	"bytes"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"spafleet/device"
	"spafleet/device/devicetest"
	"spafleet/scenarios/report"
)

// A day of hourly resyncs against nginx, where time jumps from one to the next:
// each device comes once an hour, none fails, and the day is the same day again,
// to the byte. With SPAFLEET_SLOW it is a thousand devices, else few and a
// morning.
func TestADayOfJumpsAgainstNginx(t *testing.T) {
	devices, hours := 40, 6
	if os.Getenv("SPAFLEET_SLOW") != "" {
		devices, hours = 1000, 24
	}
	root := readable(t)
	web := newNginx(t, root)
	web.start(t)
	row := devicetest.Row(t, "SPA2102", "5.2.10")
	for i := range device.Index(devices) {
		u := device.NewUnit(row, 1, i, netip.Addr{})
		write(t, filepath.Join(root, u.MAC.String()+".xml"), fmt.Appendf(nil, "<flat-profile><GPP_A>%s</GPP_A></flat-profile>", u.MAC))
	}
	var logs [2][]byte
	for i := range logs {
		file := filepath.Join(t.TempDir(), "events.jsonl")
		began := time.Now()
		r := runJSON(t, "run", "--model", "SPA2102", "--firmware", "5.2.10", "--count", strconv.Itoa(devices), "--json", "--events", file,
			"--clock", "mixed", "--duration", strconv.Itoa(hours)+"h", "--profile-rule", "http://"+web.addr+"/$MA.xml", "--set", "Resync_Periodic=3600")
		log, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		logs[i] = log
		if want := int64(devices * hours); r.Verdict != report.Finished || r.Resyncs.Failed != 0 || r.Resyncs.OK != want || r.DurationSeconds != float64(hours)*3600 {
			t.Errorf("%s: %+v in %gs, want %d", r.Verdict, r.Resyncs, r.DurationSeconds, want)
		}
		t.Logf("%d devices, %dh: %s", devices, hours, time.Since(began).Round(10*time.Millisecond))
	}
	if !bytes.Equal(logs[0], logs[1]) {
		t.Error("the second day was another one")
	}
	if n := bytes.Count(logs[0], []byte(`"kind":"resync_ok"`)); n != devices*hours {
		t.Errorf("%d resyncs in the log", n)
	}
}
