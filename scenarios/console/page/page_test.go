package page_test

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"spafleet/fsm"
	"spafleet/host/golden"
	"spafleet/scenarios/console/page"
	"spafleet/scenarios/report"
)

var began = time.Date(2026, 11, 30, 22, 0, 0, 0, time.UTC)

func frame() page.Frame { return page.Frame{Run: "morning-notify", CSRF: "c5rf"} }

func actions() []page.Action {
	return []page.Action{
		{Name: "resync", Label: "Resync", About: "Resync by their own rules"},
		{Name: "upgrade", Label: "Upgrade", About: "Upgrade by their own rules"},
		{Name: "reboot", Label: "Reboot", About: "Reboot"},
		{Name: "power-on", Label: "Power on", About: "Give power"},
		{Name: "power-off", Label: "Power off", About: "Take the power", Danger: true},
		{Name: "factory-reset", Label: "Factory reset", About: "Reset to the factory values", Danger: true},
		{Name: "fault", Label: "Fault", About: "Disturb what it asks for", Input: "fault", Choices: []page.Choice{{Value: "", Label: "none"}, {Value: "drop", Label: "drop"}}},
	}
}

// overview has all that one can have.
func overview() *page.Overview {
	o := &page.Overview{
		Frame: frame(), Began: began, Now: began.Add(95 * time.Second), Longest: 5 * time.Minute,
		Devices: 10000, Provisioned: 9812, Unanswered: 4, Resyncs: page.Result{OK: 12345, Failed: 67}, Rate: 32.4,
		States: map[string]int{"MFG-RESET": 88, "SP-CUST": 1204, "SEC-PRV-1": 3000, "SEC-PRV-2": 5708},
		Expectations: []page.Expectation{
			{Name: "all are provisioned", Held: 9812, Devices: 10000},
			{Name: "nobody loops", Held: 10000, Devices: 10000, OK: true},
			{Name: "notified in time", Held: 4321, Devices: 10000, Decided: true},
			{Name: "resync_duration p(99)<2s", Measured: "1.2s", OK: true, Decided: true},
		},
		Failures: []page.Failure{
			{Count: 60, What: "profile by http: status 503", Err: "http_get failed", Hint: "the server says that it is overloaded", Models: "SPA942 × 60", URL: "http://prov.test/spa942.cfg", Index: 7, MAC: "000e08000007"},
			{Count: 7, What: "image by tftp: no answer", Models: "PAP2T × 7"},
		},
		MoreFailures: 2,
		Phases:       []page.Phase{{Name: "connect", Count: 12000, Med: 400 * time.Microsecond, P95: 2 * time.Millisecond, P99: 9 * time.Millisecond}, {Name: "first byte", Count: 12000, Med: 3 * time.Millisecond, P95: 20 * time.Millisecond, P99: 120 * time.Millisecond}},
		Machine:      page.Machine{Cores: 2, CPU: .34, CPUPeak: .8, Late: 3 * time.Millisecond, Running: 21, Places: 1000, Descriptors: 60, Files: 20000},
	}
	h := &o.History
	h.Start, h.Step, h.States = began, 1, map[string][]int64{}
	for i := range int64(95) {
		h.Started, h.OK, h.Failed, h.Retries, h.Reboots = append(h.Started, 100+i%7), append(h.OK, 95+i%5), append(h.Failed, i%4), append(h.Retries, i%3), append(h.Reboots, i%2)
		for s, name := range fsm.StateNames() {
			h.States[name] = append(h.States[name], []int64{10000 - 100*i, 12 * i, 31 * i, 57 * i}[s])
		}
	}
	o.Faults = []page.Fault{{What: "status=503", Devices: 1204, Affected: 23}}
	o.Timeline = []report.StepReport{{Name: "the server is slow", Fired: true, At: 40}}
	return o
}

func devices(n int) *page.Devices {
	d := &page.Devices{Frame: frame(), Filter: page.Filter{State: "SP-CUST"}, Models: []string{"PAP2T", "SPA942"}, Fleet: 10000, Found: 1204, From: 50, Limit: n, Actions: actions()}
	for i := range n {
		d.Rows = append(d.Rows, page.Row{Index: i, MAC: fmt.Sprintf("000e08%06x", i), Serial: fmt.Sprintf("88012FA%05d", i), Address: fmt.Sprintf("127.64.0.%d", i%250), Model: "SPA942", Firmware: "6.1.5(a)",
			State: fsm.StateNames()[i%4], Power: "on", Resyncs: page.Result{OK: int64(i), Failed: int64(i % 3)}})
	}
	return d
}

func oneDevice() *page.Device {
	d := &page.Device{
		Frame: frame(), Index: 7, MAC: "000e08000007", Serial: "88012FA00007", Address: "127.64.0.8", Model: "SPA942", Firmware: "6.1.5(a)", Hardware: "1.0.0(0000)", Group: "office", Power: "on", Web: "http://127.64.0.8:8080/",
		Now: began.Add(95 * time.Second), State: "SEC-PRV-1", Waits: "It waits until 23:01:35: by Resync_Periodic.",
		Moves:   []page.Move{{State: "MFG-RESET", At: began}, {State: "SP-CUST", At: began.Add(3 * time.Second), Event: "customized"}, {State: "SEC-PRV-1", At: began.Add(5 * time.Second), Event: "keyed"}},
		Timers:  []page.Timer{{Name: "next resync", At: began.Add(time.Hour), Why: "by Resync_Periodic"}, {Name: "retry"}},
		Resyncs: page.Result{OK: 3, Failed: 1}, Lines: 4, Registered: 2,
		Certificate: page.Certificate{Says: "Installed", Subject: "000e08000007", Issuer: "spafleet device authority", To: time.Date(2030, 1, 2, 0, 0, 0, 0, time.UTC)},
		Actions:     actions(), Keypad: &page.Keypad{OffHook: true, Typed: "110#", Said: []string{"1 2 7 . 6 4 . 0 . 8"}},
	}
	for i := range 12 {
		d.Events = append(d.Events, page.Event{Key: fmt.Sprint(i), At: began.Add(time.Duration(i) * 7 * time.Second), Text: []string{"resync, by Resync_Periodic", "Profile_Rule asks for http://prov.test/spa942.cfg", "the server answers 503"}[i%3], Begin: i%3 == 0, Wrong: i%3 == 2})
	}
	d.Params.Rows = []page.Param{{Name: "Profile_Rule", Value: "[--key $B]http://prov.test/$MA.cfg", Origin: page.Own, Default: "/spa$PSN.cfg"}, {Name: "Display_Name_1_", Value: "", Origin: page.Own, Default: "x"},
		{Name: "Resync_Periodic", Value: "3600", Origin: page.Default}, {Name: "User_ID_1_", Value: "4711", Origin: page.Shared, Default: ""}}
	return d
}

// every has a page of each kind.
func every() map[string]func(io.Writer) error {
	return map[string]func(io.Writer) error{
		"overview": func(w io.Writer) error { return page.WriteOverview(w, overview()) },
		"devices":  func(w io.Writer) error { return page.WriteDevices(w, devices(20)) },
		"device":   func(w io.Writer) error { return page.WriteDevice(w, oneDevice()) },
		"login":    func(w io.Writer) error { return page.WriteLogin(w, &page.Login{}) },
		"message": func(w io.Writer) error {
			return page.WriteMessage(w, &page.Message{Frame: frame(), Heading: "No such phone", Text: "There is no device 5."})
		},
		"confirm":     func(w io.Writer) error { return page.WriteConfirm(w, confirm()) },
		"live":        func(w io.Writer) error { return page.WriteLive(w, overview()) },
		"live-device": func(w io.Writer) error { return page.WriteLiveDevice(w, oneDevice()) },
	}
}

func confirm() *page.Confirm {
	return &page.Confirm{Frame: frame(), Action: actions()[5], Filter: page.Filter{State: "SP-CUST"}, Devices: 1204}
}

func text(t *testing.T, write func(io.Writer) error) string {
	t.Helper()
	var b bytes.Buffer
	if err := write(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestPagesAreThoseOfTheGoldenFiles(t *testing.T) {
	for name, write := range every() {
		golden.File(t, "testdata/"+name+".html", []byte(text(t, write)))
	}
}

// Nothing of a page runs but the script, and no style stands in it, so that the policy of
// the console holds; what is posted carries the CSRF value.
func TestPagesKeepTheConsolesPolicy(t *testing.T) {
	for name, write := range every() {
		node, err := html.Parse(strings.NewReader(text(t, write)))
		if err != nil {
			t.Fatal(err)
		}
		for n := range node.Descendants() {
			if n.Type == html.ElementNode {
				for _, why := range wrongOf(n) {
					t.Errorf("%s: %s", name, why)
				}
			}
		}
	}
}

func attributes(n *html.Node) map[string]string {
	of := map[string]string{}
	for _, a := range n.Attr {
		of[a.Key] = a.Val
	}
	return of
}

func wrongOf(n *html.Node) (list []string) {
	of := attributes(n)
	for key := range of {
		if key == "style" || strings.HasPrefix(key, "on") {
			list = append(list, n.Data+" has "+key)
		}
	}
	switch {
	case n.Data == "style" || n.Data == "iframe" || n.Data == "object" || n.Data == "base":
		list = append(list, "there is an element "+n.Data)
	case n.Data == "script" && (of["src"] != "/console.js" || n.FirstChild != nil):
		list = append(list, "there is a script")
	case n.Data == "a" && !strings.HasPrefix(of["href"], "/") && !strings.HasPrefix(of["href"], "#") && !strings.HasPrefix(of["href"], "?") && !strings.HasPrefix(of["href"], "http"):
		list = append(list, "a link leads to "+of["href"])
	case n.Data == "form" && of["method"] == "post":
		found := false
		for c := range n.Descendants() {
			a := attributes(c)
			found = found || a["name"] == "csrf" && a["type"] == "hidden"
		}
		if !found {
			list = append(list, "the form of "+of["action"]+" has no csrf")
		}
	}
	return list
}

// mostOfPage is how large a page may be.
const mostOfPage = 300_000

func TestPagesAreBounded(t *testing.T) {
	long := strings.Repeat(`<"&'>`, 500)
	o, d := overview(), oneDevice()
	for i := range 500 {
		o.Expectations = append(o.Expectations, page.Expectation{Name: fmt.Sprint(i, long), Held: i, Devices: 500})
		o.Failures = append(o.Failures, page.Failure{Count: i, What: long, Err: long, Hint: long, Models: long, URL: "http://" + long, MAC: "000e08000001"})
		d.Events = append(d.Events, page.Event{Key: fmt.Sprint("e", i), At: d.Now, Text: long})
	}
	for i := range 3000 {
		d.Params.Rows = append(d.Params.Rows, page.Param{Name: fmt.Sprintf("Parameter_Of_A_Name_%d_", i), Value: long, Default: long, Origin: page.Origin(i % 3)})
	}
	list := devices(500)
	for i := range list.Rows {
		list.Rows[i].Serial = strings.Repeat("&", 32)
	}
	for name, write := range map[string]func(io.Writer) error{
		"overview": func(w io.Writer) error { return page.WriteOverview(w, o) },
		"device":   func(w io.Writer) error { return page.WriteDevice(w, d) },
		"devices":  func(w io.Writer) error { return page.WriteDevices(w, list) },
	} {
		got := text(t, write)
		if len(got) > mostOfPage {
			t.Errorf("%s has %d bytes", name, len(got))
		}
		if name == "overview" && (!strings.Contains(got, "444 more expectations.") || !strings.Contains(got, "484 more causes.")) {
			t.Error("the overview does not say what it leaves out")
		}
		if name == "device" && !strings.Contains(got, "parameters more have no room here; search by name.") {
			t.Error("the page of a device does not say what it leaves out")
		}
	}
	if n := len(page.Script()); n > 6<<10 {
		t.Errorf("the script has %d bytes", n)
	}
}

func TestParametersThatDifferComeFirst(t *testing.T) {
	d := oneDevice()
	got := text(t, func(w io.Writer) error { return page.WriteDevice(w, d) })
	last := 0
	for _, want := range []string{"Profile_Rule</code>", "default /spa$PSN.cfg", "own</td>", "shared profile</td>", "<details><summary>1 parameter with the default", "Resync_Periodic</code>"} {
		at := strings.Index(got[last:], want)
		if at < 0 {
			t.Fatalf("no %q behind the others", want)
		}
		last += at
	}
	d.Params.Search = "Periodic"
	d.Params.Rows = d.Params.Rows[2:3]
	got = text(t, func(w io.Writer) error { return page.WriteDevice(w, d) })
	if !strings.Contains(got, `<details open><summary>1 parameter with the default`) || !strings.Contains(got, "None of them differs from the default.") || !strings.Contains(got, `value="Periodic"`) {
		t.Error("a search does not show what it found")
	}
}

func TestTheOverviewSaysHowItGoes(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(*page.Overview)
		want   string
	}{
		{"an expectation is missed", func(*page.Overview) {}, `failing: 2 of 4 expectations met so far, 1 missed, 9 812 of 10 000 phones provisioned, 67 resyncs failed, 1 fault of the console at work`},
		{"all may still hold", func(o *page.Overview) { o.Expectations = o.Expectations[:2] }, "running: 1 of 2 expectations met so far, 9 812"},
		{"what never happened has not happened so far", func(o *page.Overview) {
			o.Expectations = []page.Expectation{{Name: "never", Held: 10000, Devices: 10000}}
		}, "running: 1 of 1 expectation met so far"},
		{"nothing is expected", func(o *page.Overview) { o.Expectations, o.Resyncs.Failed, o.Faults = nil, 0, nil }, "running: 9 812 of 10 000 phones provisioned\""},
		{"the machine is the limit", func(o *page.Overview) { o.Expectations, o.Machine.Limits = nil, []string{"CPU"} }, "this machine is too slow: 9"},
		{"it has ended", func(o *page.Overview) { o.Verdict = report.Passed }, "passed: 2 of 4 expectations met, 1 missed"},
	} {
		o := overview()
		tt.change(o)
		got := text(t, func(w io.Writer) error { return page.WriteLive(w, o) })
		if !strings.Contains(strings.ReplaceAll(got, "\u202f", " "), `data-summary="`+tt.want) {
			t.Errorf("%s: no %q in %.300s", tt.name, tt.want, got)
		}
	}
}

func TestTimesAreSaidFromNow(t *testing.T) {
	for after, want := range map[time.Duration]string{
		0: "now", 400 * time.Millisecond: "now", time.Second: "in 1s", 90 * time.Second: "in 1m 30s", 2 * time.Hour: "in 2h", 25*time.Hour + 30*time.Minute: "in 1d 1h", -61 * time.Minute: "1h 1m ago", -3 * time.Second: "3s ago",
	} {
		d := oneDevice()
		d.Timers = []page.Timer{{Name: "next resync", At: d.Now.Add(after)}}
		if got := text(t, func(w io.Writer) error { return page.WriteLiveDevice(w, d) }); !strings.Contains(got, `<td data-label="runs out">`+want+"</td>") {
			t.Errorf("%s: not %q", after, want)
		}
	}
}

func TestPagesOfTheListFollowOneAnother(t *testing.T) {
	for _, tt := range []struct {
		from, rows, found int
		want              []string // First, Previous, Next, Last as links
	}{
		{0, 50, 1204, []string{"?from=50&amp;limit=50&amp;state=SP-CUST", "?from=1200&amp;limit=50&amp;state=SP-CUST"}},
		{50, 50, 1204, []string{"?limit=50&amp;state=SP-CUST", "?limit=50&amp;state=SP-CUST", "?from=100&amp;limit=50&amp;state=SP-CUST", "?from=1200&amp;limit=50&amp;state=SP-CUST"}},
		{1200, 4, 1204, []string{"?limit=50&amp;state=SP-CUST", "?from=1150&amp;limit=50&amp;state=SP-CUST"}},
		{0, 3, 3, nil},
	} {
		d := devices(tt.rows)
		d.From, d.Found, d.Limit = tt.from, tt.found, 50
		_, pager, _ := strings.Cut(text(t, func(w io.Writer) error { return page.WriteDevices(w, d) }), `<nav class="pager"`)
		var links []string
		for _, part := range strings.Split(pager, `href="`)[1:] {
			link, _, _ := strings.Cut(part, `"`)
			links = append(links, link)
		}
		if !slices.Equal(links, tt.want) {
			t.Errorf("from %d of %d: %q, want %q", tt.from, tt.found, links, tt.want)
		}
	}
}

// Who orders many phones about is asked, and the answer carries what was selected.
func TestAnOrderToManyIsAskedFor(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(*page.Confirm)
		want   []string
	}{
		{"a selection", func(*page.Confirm) {}, []string{"Factory reset 1 204 phones?", `action="/selection/factory-reset"`, `name="sure" value="1"`, `name="state" value="SP-CUST"`, `href="/devices?state=SP-CUST"`}},
		{"all", func(c *page.Confirm) { c.Filter, c.Devices = page.Filter{}, 10000 }, []string{"Factory reset 10 000 phones?", `name="all" value="1"`, "<b>all</b> phones"}},
		{"one", func(c *page.Confirm) { c.Device, c.Index = "000e08000007", 7 }, []string{"Factory reset phone 000e08000007?", `action="/devices/7/factory-reset"`, `href="/devices/7"`}},
		{"with a value", func(c *page.Confirm) { c.Action, c.Value = actions()[6], "drop" }, []string{`name="fault" value="drop"`}},
	} {
		c := confirm()
		tt.change(c)
		got := strings.ReplaceAll(text(t, func(w io.Writer) error { return page.WriteConfirm(w, c) }), "\u202f", " ")
		for _, want := range tt.want {
			if !strings.Contains(got, want) {
				t.Errorf("%s: no %q", tt.name, want)
			}
		}
	}
}
