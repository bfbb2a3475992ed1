package console

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"spafleet/device"
	"spafleet/scenarios"
	"spafleet/scenarios/run"
)

// The built-in server of an interrupted run ends by itself, once its last transfer has.
func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("spafleet/prov.(*Server).Close"), goleak.IgnoreAnyFunction("spafleet/prov.(*Server).readTFTP"))
}

// A lab is a fleet at work with a console.
type lab struct {
	*Server
	live *run.Live
	mu   sync.Mutex
	told []string
}

// fleetOf is a scenario whose devices provision themselves, and then stay up.
const fleetOf = `
name: console
clock: {mode: CLOCK}
fleet:
  town: {model: SPA2102, count: 3, switches: {boot_time: 0s, reboot_time: 0s}, set: {Resync_Random_Delay: 0, Admin_Passwd: hunter2}}
  desks: {model: SPA942, count: 2, switches: {boot_time: 0s, reboot_time: 0s}, set: {Resync_Random_Delay: 0}}
server:
  files:
    "/spa2102.cfg": {body: "<flat-profile><GPP_K>{{ mac }}</GPP_K></flat-profile>"}
expect: []
`

// newLab runs a fleet until the test ends. Its clock is real.
func newLab(t *testing.T) *lab {
	t.Helper()
	return newLabOf(t, strings.Replace(fleetOf, "CLOCK", "real", 1))
}

func newLabOf(t *testing.T, text string) *lab {
	t.Helper()
	s, err := scenarios.Load("console.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	l, rec := newBareLab(t), &Recorder{Redact: s.Redact}
	ctx, cancel := context.WithCancel(context.Background())
	started, ended := make(chan *run.Live, 1), make(chan error, 1)
	go func() {
		_, err := run.Run(ctx, s, run.Options{
			Machine: scenarios.Machine{Addresses: netip.MustParsePrefix("127.83.0.0/16")},
			Tell:    rec.Tell, Keep: true, Started: func(l *run.Live) { started <- l },
		})
		ended <- err
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	select {
	case l.live = <-started:
	case err := <-ended:
		ended <- nil
		t.Fatal(err)
	}
	l.Show(Of(l.live, rec))
	return l
}

// newBareLab is a console without a fleet.
func newBareLab(t *testing.T) *lab {
	t.Helper()
	return newLabWith(t, usual)
}

func newLabWith(t *testing.T, p patience) *lab {
	t.Helper()
	l := &lab{}
	var err error
	l.Server, err = open(Options{Addr: "127.0.0.1:0", Tell: func(line string) {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.told = append(l.told, line)
	}}, p)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	return l
}

// An answer is what came of a request.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// ask sends a request, which change may change, and returns the answer.
func (l *lab) ask(t *testing.T, method, path, body string, change func(*http.Request)) answer {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, l.URL()+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+l.Token())
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	if change != nil {
		change(r)
	}
	client := http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	a, err := client.Do(r)
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	defer a.Body.Close()
	text, err := io.ReadAll(a.Body)
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	return answer{a.StatusCode, a.Header, text}
}

// get asks for a value.
func get[T any](t *testing.T, l *lab, path string) (v T) {
	t.Helper()
	a := l.ask(t, "GET", path, "", nil)
	if a.status != http.StatusOK {
		t.Fatalf("GET %s: %d %s", path, a.status, a.body)
	}
	d := json.NewDecoder(bytes.NewReader(a.body))
	d.DisallowUnknownFields()
	if err := d.Decode(&v); err != nil {
		t.Fatalf("GET %s: %v: %s", path, err, a.body)
	}
	return v
}

// until waits until a device of the fleet is so.
func (l *lab) until(t *testing.T, dev device.Index, held func(device.View) bool) device.View {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	v, err := l.live.Fleet.WaitFor(ctx, dev, held)
	if err != nil {
		t.Fatalf("device %d: %v", dev, err)
	}
	return v
}

func TestAnErrorSaysWhatWouldHelp(t *testing.T) {
	l := newLab(t)
	v := l.until(t, 0, func(v device.View) bool { return v.Resyncs.OK > 0 })
	for _, tt := range []struct {
		method, path, body string
		status             int
		says               string
	}{
		{"GET", "/api/v1/nothing", "", 404, "/api/v1/openapi.json describes"},
		{"GET", "/api/v1/devices/9", "", 404, "there is no device 9 here: this process has 5 devices"},
		{"GET", "/api/v1/devices/9999999", "", 404, "there is no device 9999999 here"},
		{"GET", "/api/v1/devices/99999999", "", 404, "the fleet has no device 99999999"},
		{"GET", "/api/v1/devices/nobody", "", 404, "the fleet has no device nobody"},
		{"GET", "/api/v1/devices/" + v.Unit.MAC.String()[:11] + "x", "", 404, "the fleet has no device"},
		{"GET", "/api/v1/devices/" + strings.Repeat("x", 5000), "", 404, "… is no device"},
		{"GET", "/api/v1/devices?state=NEVER", "", 400, "there are MFG-RESET, SP-CUST, SEC-PRV-1, SEC-PRV-2"},
		{"GET", "/api/v1/devices?model=SPA943", "", 400, `did you mean "SPA941"`},
		{"GET", "/api/v1/devices?mac=0g", "", 400, "up to 12 hexadecimal digits"},
		{"GET", "/api/v1/devices?mac=0000000000000", "", 400, "up to 12 hexadecimal digits"},
		{"GET", "/api/v1/devices?serial=" + strings.Repeat("7", 33), "", 400, "up to 32 characters"},
		{"GET", "/api/v1/devices?address=town", "", 400, "neither an address nor a prefix"},
		{"GET", "/api/v1/devices?from=-1", "", 400, "from: \"-1\" is not a number from 0 to 5"},
		{"GET", "/api/v1/devices?from=6", "", 400, "is not a number from 0 to 5"},
		{"GET", "/api/v1/devices?limit=0", "", 400, "limit: a page has at least 1 device"},
		{"GET", "/api/v1/devices?limit=501", "", 400, "is not a number from 0 to 500"},
		{"GET", "/api/v1/devices?modle=SPA942", "", 400, `did you mean "model"`},
		{"GET", "/api/v1/devices?mac=00&mac=01", "", 400, `"mac" is given 2 times`},
		{"GET", "/api/v1/devices?mac=0;0", "", 400, "the query of the URL is none"},
		{"PUT", "/api/v1/devices", "", 405, "PUT is not for this path, GET is"},
		{"GET", "/api/v1/devices/0/resync", "", 405, "GET is not for this path, POST is"},
		{"POST", "/api/v1/devices/0/rsync", "", 404, `did you mean "resync"`},
		{"POST", "/api/v1/devices/0/resync", "{}", 400, "order to one device has no body"},
		{"POST", "/api/v1/devices/7/resync", "", 404, "there is no device 7 here"},
		{"POST", "/api/v1/selection/fly", "{}", 404, "; there are resync, upgrade"},
		{"POST", "/api/v1/selection/resync", "", 415, "is not application/json"},
		{"POST", "/api/v1/selection/resync", "{}", 400, "give a filter"},
		{"POST", "/api/v1/selection/resync", `{"all": true, "model": "SPA942"}`, 400, "not both"},
		{"POST", "/api/v1/selection/resync", `{"alll": true}`, 400, "unknown field"},
		{"POST", "/api/v1/selection/resync", `{"all": true} {}`, 400, "something stands behind it"},
		{"POST", "/api/v1/selection/resync", `{"model": "SPA943"}`, 400, `did you mean "SPA941"`},
		{"POST", "/api/v1/selection/resync", `["all"]`, 400, "the body is not what openapi.json says"},
	} {
		a := l.ask(t, tt.method, tt.path, tt.body, nil)
		var e struct{ Error string }
		if err := json.Unmarshal(a.body, &e); err != nil || a.status != tt.status || !strings.Contains(e.Error, tt.says) {
			t.Errorf("%s %.60s %s: %d %s, want %d with %q", tt.method, tt.path, tt.body, a.status, a.body, tt.status, tt.says)
		}
		if a.status == 405 && a.header.Get("Allow") == "" {
			t.Errorf("%s %s: 405 without Allow", tt.method, tt.path)
		}
		if len(e.Error) > 600 {
			t.Errorf("%s %.60s: an error of %d bytes", tt.method, tt.path, len(e.Error))
		}
	}
}

func TestDevicesAreFoundByEachOfTheirNames(t *testing.T) {
	l := newLab(t)
	v := l.until(t, 4, func(v device.View) bool { return v.Powered })
	for _, name := range []string{"4", v.Unit.MAC.String(), v.Unit.MAC.Colons(), v.Unit.MAC.Upper(), v.Unit.Serial, strings.ToLower(v.Unit.Serial)} {
		if d := get[Detail](t, l, "/api/v1/devices/"+name); d.Index != 4 || d.MAC != v.Unit.MAC.String() || d.Serial != v.Unit.Serial {
			t.Errorf("%s is %+v", name, d.Device)
		}
	}
	for query, want := range map[string]int{
		"":                               5,
		"model=spa942":                   2,
		"model=SPA2102&limit=2":          2,
		"from=4":                         1,
		"from=5":                         0,
		"mac=" + v.Unit.MAC.Colons()[:7]: -1,
		"mac=" + v.Unit.MAC.String():     1,
		"serial=" + v.Unit.Serial:        1,
		"serial=" + v.Unit.Serial + "0":  0,
		"address=" + v.Unit.IP.String():  1,
		"address=127.83.0.0/24":          5,
		"address=10.0.0.0/8":             0,
		"state=SEC-PRV-2":                0,
		"mac=" + v.Unit.MAC.String() + "&model=SPA2102": 0,
	} {
		p := get[Page](t, l, "/api/v1/devices?"+query)
		if want >= 0 && len(p.Devices) != want || want < 0 && len(p.Devices) == 0 {
			t.Errorf("%s: %d devices, want %d", query, len(p.Devices), want)
		}
		if query == "model=SPA2102&limit=2" && (p.Next == nil || *p.Next != 2) {
			t.Errorf("%s: next is %v", query, p.Next)
		} else if query != "model=SPA2102&limit=2" && p.Next != nil {
			t.Errorf("%s: next is %d", query, *p.Next)
		}
	}
}

// Pages that follow one another have each device once.
func TestPagesFollowOneAnother(t *testing.T) {
	l := newLab(t)
	var seen []int
	for from := "0"; from != ""; {
		p := get[Page](t, l, "/api/v1/devices?limit=2&from="+from)
		for _, d := range p.Devices {
			seen = append(seen, d.Index)
		}
		from = ""
		if p.Next != nil {
			b, _ := json.Marshal(*p.Next)
			from = string(b)
		}
	}
	if got, _ := json.Marshal(seen); string(got) != "[0,1,2,3,4]" {
		t.Errorf("%s", got)
	}
}

func TestOrdersReachDevices(t *testing.T) {
	l := newLab(t)
	before := l.until(t, 1, func(v device.View) bool { return v.Resyncs.OK > 0 })
	order := func(path, body string, devices int) {
		t.Helper()
		a := l.ask(t, "POST", path, body, nil)
		var o Ordered
		if err := json.Unmarshal(a.body, &o); err != nil || a.status != 200 || o.Devices != devices {
			t.Fatalf("%s: %d %s", path, a.status, a.body)
		}
	}
	order("/api/v1/devices/1/resync", "", 1)
	l.until(t, 1, func(v device.View) bool { return v.Resyncs.OK > before.Resyncs.OK })
	order("/api/v1/devices/1/off-hook", "", 1)
	l.until(t, 1, func(v device.View) bool { return v.InUse })
	order("/api/v1/devices/1/on-hook", "", 1)
	l.until(t, 1, func(v device.View) bool { return !v.InUse })
	order("/api/v1/selection/power-off", `{"model": "SPA2102"}`, 3)
	for dev := range device.Index(3) {
		l.until(t, dev, func(v device.View) bool { return !v.Powered })
	}
	if v := l.until(t, 3, func(v device.View) bool { return v.Powered }); v.Booted == 0 {
		t.Error("device 3 lost its power")
	}
	if a := l.ask(t, "POST", "/api/v1/devices/1/resync", "", nil); a.status != 409 || !strings.Contains(string(a.body), "no power") {
		t.Errorf("a device without power: %d %s", a.status, a.body)
	}
	if d := get[Detail](t, l, "/api/v1/devices/1"); d.Power != "off" || d.Booted != nil || d.Due != nil {
		t.Errorf("%+v", d)
	}
	order("/api/v1/selection/power-on", `{"all": true}`, 5)
	l.until(t, 1, func(v device.View) bool { return v.Answers() })
	order("/api/v1/devices/1/factory-reset", "", 1)
	order("/api/v1/devices/1/reboot", "", 1)
	order("/api/v1/devices/1/upgrade", "", 1)
}

func TestASummarySaysHowTheFleetStands(t *testing.T) {
	l := newLab(t)
	for dev := range device.Index(3) {
		l.until(t, dev, func(v device.View) bool { return v.Resyncs.OK > 0 })
	}
	l.until(t, 3, func(v device.View) bool { return v.Resyncs.Failed > 0 })
	s := get[Summary](t, l, "/api/v1/summary")
	sum := 0
	for _, n := range s.States {
		sum += n
	}
	if s.Devices != 5 || sum != 5 || s.Resyncs.OK < 3 || s.Resyncs.Failed < 1 || len(s.Errors) == 0 || s.Provisioned < 3 || s.Seconds <= 0 || len(s.Phases) == 0 || s.Phases[0].Count == 0 {
		t.Errorf("%+v", s)
	}
}

// Nothing that a scenario marks as secret is shown.
func TestADeviceShowsItsEventsAndNoSecret(t *testing.T) {
	l := newLab(t)
	l.until(t, 0, func(v device.View) bool { return v.Resyncs.OK > 0 })
	d := get[Detail](t, l, "/api/v1/devices/0")
	kinds := map[string]bool{}
	for _, e := range d.Events {
		var line struct{ Kind string }
		if err := json.Unmarshal(e, &line); err != nil {
			t.Fatal(err)
		}
		kinds[line.Kind] = true
	}
	for _, kind := range []string{"power_on", "resync_started", "resync_ok"} {
		if !kinds[kind] {
			t.Errorf("no %s among %v", kind, kinds)
		}
	}
	if a := l.ask(t, "GET", "/api/v1/devices/0", "", nil); bytes.Contains(a.body, []byte("hunter2")) {
		t.Errorf("the password is shown: %s", a.body)
	}
}

func TestInVirtualTimeOrdersAreRefused(t *testing.T) {
	l := newBareLab(t)
	l.Show(inVirtualTime{newStill(t, 3)})
	for _, path := range []string{"/api/v1/devices/0/reboot", "/api/v1/selection/reboot"} {
		body := ""
		if strings.Contains(path, "selection") {
			body = `{"all": true}`
		}
		if a := l.ask(t, "POST", path, body, nil); a.status != 409 || !strings.Contains(string(a.body), "--clock real") {
			t.Errorf("%s: %d %s", path, a.status, a.body)
		}
	}
	if p := get[Page](t, l, "/api/v1/devices"); len(p.Devices) != 3 {
		t.Errorf("%+v", p)
	}
}

func TestBeforeAFleetStartsTheConsoleSaysSo(t *testing.T) {
	l := newBareLab(t)
	if a := l.ask(t, "GET", "/api/v1/summary", "", nil); a.status != 503 || !strings.Contains(string(a.body), "has not started yet") {
		t.Errorf("%d %s", a.status, a.body)
	}
}
