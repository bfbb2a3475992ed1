package console

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"spafleet/device"
)

// begin begins a fault, and returns it.
func begin(t *testing.T, l *lab, path, body string) Fault {
	t.Helper()
	a := l.ask(t, "POST", path, body, nil)
	var f Fault
	if err := json.Unmarshal(a.body, &f); err != nil || a.status != 200 {
		t.Fatalf("%s %s: %d %s", path, body, a.status, a.body)
	}
	return f
}

// A fault is for the devices that it was begun for, until it is ended.
func TestFaultsAreForTheirDevicesUntilTheyEnd(t *testing.T) {
	l := newLab(t)
	for dev := range device.Index(2) {
		l.until(t, dev, func(v device.View) bool { return v.Resyncs.OK > 0 && v.Answers() })
	}
	f := begin(t, l, "/api/v1/devices/0/fault", `{"fault": {"match": "tftp", "status": "2"}}`)
	if f.Devices != 1 || f.Affected != 0 {
		t.Errorf("%+v", f)
	}
	for _, dev := range []string{"0", "1"} {
		l.ask(t, "POST", "/api/v1/devices/"+dev+"/resync", "", nil)
	}
	l.until(t, 0, func(v device.View) bool { return v.Resyncs.Failed > 0 })
	l.until(t, 1, func(v device.View) bool { return v.Resyncs.OK > 1 })
	if v, _ := l.live.Fleet.View(1); v.Resyncs.Failed > 0 {
		t.Error("device 1 was disturbed")
	}
	if up := get[Faults](t, l, "/api/v1/faults").Faults; len(up) != 1 || up[0].Affected == 0 || up[0].Keys["status"] != "2" {
		t.Errorf("%+v", up)
	}
	if a := l.ask(t, "DELETE", fmt.Sprint("/api/v1/faults/", f.Number), "", nil); a.status != 200 {
		t.Errorf("%d %s", a.status, a.body)
	}
	if up := get[Faults](t, l, "/api/v1/faults").Faults; len(up) != 0 {
		t.Errorf("%+v", up)
	}
	before, _ := l.live.Fleet.View(0)
	l.ask(t, "POST", "/api/v1/devices/0/resync", "", nil)
	l.until(t, 0, func(v device.View) bool { return v.Resyncs.OK > before.Resyncs.OK })
}

// What cannot be a fault is refused before anything is done.
func TestWhatCannotBeAFaultIsRefused(t *testing.T) {
	l := newLab(t)
	for body, says := range map[string]string{
		`{"all": true}`:                                             "a fault does something",
		`{"all": true, "fault": {}}`:                                "a fault does something",
		`{"all": true, "fault": {"match": "http"}}`:                 "a fault does something",
		`{"all": true, "fault": {"statsu": "503"}}`:                 `did you mean \"status\"`,
		`{"all": true, "fault": {"status": "99"}}`:                  "status: ",
		`{"all": true, "fault": {"status": 503}}`:                   "the body is not what openapi.json says",
		`{"all": true, "fault": {"delay": "soon"}}`:                 "delay: ",
		`{"all": true, "fault": {"delay": "1s", "chance": "200%"}}`: "chance: ",
		`{"all": true, "fault": {"delay": "1s", "per": "fleet"}}`:   "per: per says how nth is counted",
		`{"all": true, "fault": {"down": "3"}}`:                     "there is no replica 3",
		`{"model": "SPA942", "fault": {"down": "all"}}`:             "down is the whole server",
		`{"state": "SEC-PRV-2", "fault": {"delay": "1s"}}`:          "no device is so",
		`{"fault": {"delay": "1s"}}`:                                "give a filter",
	} {
		if a := l.ask(t, "POST", "/api/v1/selection/fault", body, nil); a.status != 400 || !strings.Contains(string(a.body), says) {
			t.Errorf("%s: %d %s, want %q", body, a.status, a.body, says)
		}
	}
	if a := l.ask(t, "POST", "/api/v1/devices/0/fault", `{"all": true, "fault": {"delay": "1s"}}`, nil); a.status != 400 || !strings.Contains(string(a.body), "leave the selection out") {
		t.Errorf("%d %s", a.status, a.body)
	}
	if up := get[Faults](t, l, "/api/v1/faults").Faults; len(up) != 0 {
		t.Errorf("%+v", up)
	}
	for range mostFaults {
		begin(t, l, "/api/v1/selection/fault", `{"all": true, "fault": {"delay": "1ms"}}`)
	}
	if a := l.ask(t, "POST", "/api/v1/devices/0/fault", `{"fault": {"delay": "1s"}}`, nil); a.status != 409 || !strings.Contains(string(a.body), "there are 16 faults at once already") {
		t.Errorf("%d %s", a.status, a.body)
	}
}

// The built-in server goes down, and comes back.
func TestTheServerGoesDownAndComesBack(t *testing.T) {
	l := newLab(t)
	l.until(t, 0, func(v device.View) bool { return v.Resyncs.OK > 0 && v.Answers() })
	f := begin(t, l, "/api/v1/selection/fault", `{"all": true, "fault": {"down": "all"}}`)
	l.ask(t, "POST", "/api/v1/devices/0/reboot", "", nil)
	l.ask(t, "DELETE", fmt.Sprint("/api/v1/faults/", f.Number), "", nil)
	before, _ := l.live.Fleet.View(1)
	l.ask(t, "POST", "/api/v1/devices/1/resync", "", nil)
	l.until(t, 1, func(v device.View) bool { return v.Resyncs.OK > before.Resyncs.OK })
}

func TestPagesBeginAndEndFaults(t *testing.T) {
	l := newLab(t)
	l.until(t, 0, func(v device.View) bool { return v.Powered })
	b := loggedInto(t, l)
	for _, tt := range []struct{ path, effect, model, says string }{
		{"/devices/0/fault", "status=503", "", "Fault 1 has begun: status=503, for 1 phone."},
		{"/selection/fault", "delay=2s", "SPA942", "Fault 2 has begun: delay=2s, for 2 phones."},
		{"/selection/fault", "delay=2s", "", "Give a filter"},
		{"/devices/0/fault", "", "", "a fault has no such key"},
		{"/devices/0/fault", "down=all", "", "down is the whole server"},
		{"/devices/0/fault", "end", "", "2 faults ended."},
	} {
		form := url.Values{"effect": {tt.effect}}
		if tt.model != "" {
			form.Set("model", tt.model)
		}
		if a := b.post(t, tt.path, form); !strings.Contains(strings.ToLower(string(a.body)), strings.ToLower(tt.says)) {
			t.Errorf("%+v: %d %s", tt, a.status, a.body)
		}
	}
	for _, f := range usualFaults {
		if a := b.post(t, "/devices/0/fault", url.Values{"effect": {f.key + "=" + f.text}}); !strings.Contains(string(a.body), "has begun") {
			t.Errorf("%s: %d %s", f.key, a.status, a.body)
		}
	}
	overview := string(b.open(t, "/").body)
	for _, want := range []string{"<code>status=503</code> for 1 phone: 0 exchanges disturbed", "6 faults of the console at work"} {
		if !strings.Contains(overview, want) {
			t.Errorf("the overview does not say %q", want)
		}
	}
}
