package console

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"spafleet/device"
)

// A browser is a person at the console.
type browser struct {
	http.Client
	l    *lab
	csrf string
}

// newBrowser is one that follows redirects and keeps cookies, and has not logged in.
func newBrowser(t *testing.T, l *lab) *browser {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &browser{Client: http.Client{Jar: jar, Timeout: 20 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}, l: l}
}

// loggedInto is one that has.
func loggedInto(t *testing.T, l *lab) *browser {
	t.Helper()
	b := newBrowser(t, l)
	a := b.open(t, "/?token="+l.Token())
	if a.status != 200 || !strings.Contains(string(a.body), "Log out") {
		t.Fatalf("%d %s", a.status, a.body)
	}
	b.csrf = regexp.MustCompile(`name="csrf" value="([^"]+)"`).FindStringSubmatch(string(a.body))[1]
	return b
}

func (b *browser) do(t *testing.T, r *http.Request, err error) answer {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	a, err := b.Do(r)
	if err != nil {
		t.Fatalf("%s %s: %v", r.Method, r.URL.Path, err)
	}
	defer a.Body.Close()
	text, err := io.ReadAll(a.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{a.StatusCode, a.Header, text}
}

func (b *browser) open(t *testing.T, path string) answer {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), "GET", b.l.URL()+path, nil)
	return b.do(t, r, err)
}

// post sends a form, with the console's own mark unless there is another.
func (b *browser) post(t *testing.T, path string, form url.Values) answer {
	t.Helper()
	if !form.Has("csrf") {
		form.Set("csrf", b.csrf)
	}
	r, err := http.NewRequestWithContext(t.Context(), "POST", b.l.URL()+path, strings.NewReader(form.Encode()))
	if err == nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Origin", b.l.URL())
	}
	return b.do(t, r, err)
}

func TestABrowserIsLetInByTheToken(t *testing.T) {
	l := newBareLab(t)
	l.Show(newStill(t, 3))
	b := newBrowser(t, l)
	asks := func(a answer) bool { return strings.Contains(string(a.body), "<h1>Log in</h1>") }
	for _, path := range []string{"/", "/devices", "/devices/0", "/live?of=overview"} {
		if a := b.open(t, path); a.status != 200 || !asks(a) || strings.Contains(string(a.body), "Log out") {
			t.Errorf("%s without a login: %d %s", path, a.status, a.body)
		}
	}
	for _, path := range []string{"/?token=wrong", "/login"} {
		a := b.open(t, path)
		if path != "/login" {
			if a.status != 403 || !strings.Contains(string(a.body), "not the token of this run") {
				t.Errorf("%s: %d %s", path, a.status, a.body)
			}
			continue
		}
		if a := b.post(t, path, url.Values{"token": {"wrong"}}); a.status != 403 || !asks(a) {
			t.Errorf("a wrong token: %d %s", a.status, a.body)
		}
		if a := b.post(t, path, url.Values{"token": {" " + l.Token() + "\n"}}); a.status != 200 || !strings.Contains(string(a.body), "Log out") {
			t.Errorf("the token: %d %s", a.status, a.body)
		}
	}
	b = loggedInto(t, l)
	if a := b.post(t, "/logout", url.Values{}); a.status != 200 || !asks(a) {
		t.Errorf("/logout: %d %s", a.status, a.body)
	}
	if a := b.open(t, "/devices"); !asks(a) {
		t.Errorf("after /logout: %d %s", a.status, a.body)
	}
}

// Two consoles of one host have cookies of their own, which no script and no other site
// gets at.
func TestTheCookieIsOfOneConsole(t *testing.T) {
	l := newBareLab(t)
	l.Show(newStill(t, 1))
	b := newBrowser(t, l)
	b.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	a := b.open(t, "/?token="+l.Token())
	if a.status != http.StatusSeeOther || a.header.Get("Location") != "/" || a.header.Get("Referrer-Policy") != "same-origin" {
		t.Errorf("%d %v", a.status, a.header)
	}
	cookie := a.header.Get("Set-Cookie")
	_, port, _ := net.SplitHostPort(strings.TrimPrefix(l.URL(), "http://"))
	for _, want := range []string{"spafleet_" + port + "=", "HttpOnly", "SameSite=Strict", "Path=/"} {
		if !strings.Contains(cookie, want) {
			t.Errorf("%q lacks %s", cookie, want)
		}
	}
	if strings.Contains(cookie, l.Token()) {
		t.Error("the cookie has the token")
	}
	for _, value := range []string{"", "x", l.Token()} {
		a := newBrowser(t, l).l.ask(t, "GET", "/devices", "", func(r *http.Request) {
			r.Header.Del("Authorization")
			r.AddCookie(&http.Cookie{Name: "spafleet_" + port, Value: value})
		})
		if !strings.Contains(string(a.body), "<h1>Log in</h1>") {
			t.Errorf("the cookie %q: %d", value, a.status)
		}
	}
	// A cookie is no token: the API does not take it.
	b = loggedInto(t, l)
	if a := b.open(t, "/api/v1/summary"); a.status != 401 {
		t.Errorf("the API took a cookie: %d", a.status)
	}
}

func TestAFormOfAnotherSiteOrdersNothing(t *testing.T) {
	l := newLab(t)
	b := loggedInto(t, l)
	for what, csrf := range map[string]string{"none": "", "a wrong one": strings.Repeat("A", len(b.csrf)), "the token": l.Token()} {
		for _, path := range []string{"/devices/0/power-off", "/selection/power-off", "/devices/0/hook", "/devices/0/keys", "/logout"} {
			if a := b.post(t, path, url.Values{"csrf": {csrf}, "sure": {"1"}, "all": {"1"}, "hook": {"off"}, "dial": {"1"}}); a.status != 403 || !strings.Contains(string(a.body), "orders nothing") {
				t.Errorf("%s with %s: %d %s", path, what, a.status, a.body)
			}
		}
	}
	if v, _ := l.live.Fleet.View(0); !v.Powered || v.InUse {
		t.Error("the device heard it")
	}
}

// A link of another site may lead here; nothing else of it may.
func TestAnotherSiteMayLeadHere(t *testing.T) {
	l := newBareLab(t)
	l.Show(newStill(t, 1))
	for mode, want := range map[string]int{"navigate": 200, "no-cors": 403, "cors": 403, "": 403} {
		a := l.ask(t, "GET", "/", "", func(r *http.Request) {
			r.Header.Set("Sec-Fetch-Site", "cross-site")
			r.Header.Set("Sec-Fetch-Mode", mode)
		})
		if a.status != want {
			t.Errorf("%q: %d, want %d", mode, a.status, want)
		}
	}
	for _, path := range []string{"/login", "/devices/0/reboot"} {
		a := l.ask(t, "POST", path, "x", func(r *http.Request) {
			r.Header.Set("Sec-Fetch-Site", "cross-site")
			r.Header.Set("Sec-Fetch-Mode", "navigate")
		})
		if a.status != 403 {
			t.Errorf("POST %s: %d", path, a.status)
		}
	}
}

func TestPagesShowTheFleet(t *testing.T) {
	l := newLab(t)
	v := l.until(t, 0, func(v device.View) bool { return v.Resyncs.OK > 0 && v.Answers() })
	l.until(t, 4, func(v device.View) bool { return v.Resyncs.Failed > 0 })
	b := loggedInto(t, l)
	for path, want := range map[string][]string{
		"/":                               {"<h1>console</h1>", "of 5 phones provisioned", "What fails", "How long transfers take", "/console.js"},
		"/devices":                        {"<b>5 phones</b>", v.Unit.MAC.String(), "Power off"},
		"/devices?model=SPA942":           {"<b>2 phones</b> of 5", "SPA942"},
		"/devices?from=3&limit=2":         {"4 to 5 here"},
		"/devices?from=-3&limit=100000":   {"1 to 5 here"},
		"/devices?address=x":              {"is neither an address nor a prefix", `role="alert"`},
		"/devices/0":                      {v.Unit.MAC.String(), "Lifecycle", "Keypad", "GPP_K", "next resync", "shared profile", "resync, the first after the boot"},
		"/devices/0?param=profile_rule_b": {"Profile_Rule_B"},
		"/devices/" + v.Unit.Serial:       {v.Unit.MAC.String()},
		"/devices/99":                     {"There is no such phone"},
		"/nothing":                        {"there is nothing at"},
		"/devices/4":                      {"Off hook"},
	} {
		a := b.open(t, path)
		for _, text := range want {
			if !strings.Contains(string(a.body), text) && !strings.Contains(strings.ToLower(string(a.body)), strings.ToLower(text)) {
				t.Errorf("%s: %d, no %q in\n%s", path, a.status, text, a.body)
			}
		}
		if len(a.body) > 300<<10 {
			t.Errorf("%s has %d bytes", path, len(a.body))
		}
		if csp := a.header.Get("Content-Security-Policy"); csp != pagePolicy {
			t.Errorf("%s: %q", path, csp)
		}
		if strings.Contains(string(a.body), "hunter2") {
			t.Errorf("%s shows the password", path)
		}
	}
	for path, kind := range map[string]string{"/console.js": "text/javascript", "/console.css": "text/css", "/console.svg": "image/svg+xml"} {
		if a := b.open(t, path); a.status != 200 || !strings.HasPrefix(a.header.Get("Content-Type"), kind) || len(a.body) == 0 {
			t.Errorf("%s: %d %v", path, a.status, a.header)
		}
	}
}

func TestAPageOrdersDevicesAboutAndSaysSoOnce(t *testing.T) {
	l := newLab(t)
	before := l.until(t, 0, func(v device.View) bool { return v.Resyncs.OK > 0 && v.Answers() })
	b := loggedInto(t, l)
	a := b.post(t, "/devices/0/resync", url.Values{})
	if !strings.Contains(string(a.body), "Ordered to resync.") {
		t.Errorf("%d %s", a.status, a.body)
	}
	l.until(t, 0, func(v device.View) bool { return v.Resyncs.OK > before.Resyncs.OK })
	if a := b.open(t, "/devices/0"); strings.Contains(string(a.body), "Ordered to resync.") {
		t.Error("it is said twice")
	}
	if a := b.post(t, "/devices/0/power-off", url.Values{}); !strings.Contains(string(a.body), "Power off phone ") {
		t.Errorf("it was not asked whether that is meant: %s", a.body)
	}
	if a := b.post(t, "/selection/power-off", url.Values{"model": {"SPA2102"}}); !strings.Contains(string(a.body), "Power off 3 phones") {
		t.Errorf("it was not asked whether that is meant: %s", a.body)
	}
	if v, _ := l.live.Fleet.View(0); !v.Powered {
		t.Error("it was not waited for the answer")
	}
	if a := b.post(t, "/selection/power-off", url.Values{"model": {"SPA2102"}, "sure": {"1"}}); !strings.Contains(string(a.body), "Power taken: 3 phones.") {
		t.Errorf("%d %s", a.status, a.body)
	}
	l.until(t, 2, func(v device.View) bool { return !v.Powered })
	if a := b.post(t, "/devices/0/resync", url.Values{}); !strings.Contains(string(a.body), "has no power") || !strings.Contains(string(a.body), `role="alert"`) {
		t.Errorf("%d %s", a.status, a.body)
	}
	for path, says := range map[string]string{"/devices/0/fly": "There is no action", "/selection/fly": "There is no action", "/selection/resync": "Give a filter"} {
		if a := b.post(t, path, url.Values{}); !strings.Contains(string(a.body), says) {
			t.Errorf("%s: %d %s", path, a.status, a.body)
		}
	}
}

func TestThereIsATelephoneAtADevice(t *testing.T) {
	l := newLab(t)
	l.until(t, 0, func(v device.View) bool { return v.Resyncs.OK > 0 && v.Answers() })
	b := loggedInto(t, l)
	for _, key := range strings.Split("****", "") {
		b.post(t, "/devices/0/keys", url.Values{"dial": {key}})
	}
	a := b.post(t, "/devices/0/keys", url.Values{"dial": {"110#"}})
	if !strings.Contains(string(a.body), "<b>****110#</b>") || !strings.Contains(string(a.body), "off the hook") || strings.Count(string(a.body), `class="ivr"`) < 2 {
		t.Errorf("%d %s", a.status, a.body)
	}
	if a := b.post(t, "/devices/0/hook", url.Values{"hook": {"on"}}); !strings.Contains(string(a.body), "on the hook") {
		t.Errorf("%d %s", a.status, a.body)
	}
	if a := b.post(t, "/devices/0/keys", url.Values{"dial": {"1+1"}}); !strings.Contains(string(a.body), "cannot be dialled") {
		t.Errorf("%d %s", a.status, a.body)
	}
	if a := b.post(t, "/devices/4/keys", url.Values{"dial": {"1"}}); !strings.Contains(string(a.body), "no voice menu") {
		t.Errorf("%d %s", a.status, a.body)
	}
	// 732668# asks for a reboot, which comes when the call ends.
	b.post(t, "/devices/0/keys", url.Values{"dial": {"****732668#"}})
	b.post(t, "/devices/0/hook", url.Values{"hook": {"on"}})
	l.until(t, 0, func(v device.View) bool { return v.Reason == device.ByIVRReboot })
}

// Callers at many devices press keys and hang up, as a step of a scenario has them.
func TestCallersDialAtASelection(t *testing.T) {
	l := newLab(t)
	for dev := range device.Index(3) {
		l.until(t, dev, func(v device.View) bool { return v.Resyncs.OK > 0 && v.Answers() })
	}
	a := l.ask(t, "POST", "/api/v1/selection/keys", `{"all": true, "keys": "****732668#"}`, nil)
	if string(a.body) != `{"devices":3}`+"\n" { // the phones have no voice menu
		t.Errorf("%d %s", a.status, a.body)
	}
	for dev := range device.Index(3) {
		l.until(t, dev, func(v device.View) bool { return v.Reason == device.ByIVRReboot })
	}
}

// Calls are bounded: the oldest makes room.
func TestCallsAreBounded(t *testing.T) {
	var k keypads
	first := k.of(0)
	for dev := range device.Index(mostCalls) {
		k.of(dev + 1)
	}
	if len(k.calls) != mostCalls || k.known(0) != nil || k.of(0) == first {
		t.Errorf("%d calls", len(k.calls))
	}
}

// A listener hears server-sent events.
type listener struct {
	*bufio.Reader
	net.Conn
}

func listenTo(t *testing.T, l *lab, path string) (*listener, string) {
	t.Helper()
	c := l.dial(t)
	fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: localhost\r\nCookie: %s=%s\r\n\r\n", path, l.cookieName(), l.derived("cookie"))
	_ = c.SetReadDeadline(time.Now().Add(20 * time.Second))
	r := bufio.NewReader(c)
	a, err := http.ReadResponse(r, nil)
	if err != nil {
		t.Fatal(err)
	}
	if a.StatusCode != 200 {
		text, _ := io.ReadAll(a.Body)
		return nil, fmt.Sprint(a.StatusCode, " ", string(text))
	}
	return &listener{bufio.NewReader(a.Body), c}, ""
}

// next returns the name and the text of the next event.
func (l *listener) next(t *testing.T) (name, data string) {
	t.Helper()
	_ = l.SetReadDeadline(time.Now().Add(20 * time.Second))
	for {
		line, err := l.ReadString('\n')
		if err != nil {
			return "", ""
		}
		line = strings.TrimSuffix(line, "\n")
		switch key, value, _ := strings.Cut(line, ": "); {
		case line == "":
			return name, data
		case key == "event":
			name = value
		case key == "data" || line == "data:":
			data += value + "\n"
		default:
			t.Errorf("a line of no event: %q", line)
		}
	}
}

func TestListenersHearHowItStandsAndThatTheRunHasEnded(t *testing.T) {
	l := newLab(t)
	l.until(t, 0, func(v device.View) bool { return v.Resyncs.OK > 0 })
	whole, _ := listenTo(t, l, "/live?of=overview")
	one, _ := listenTo(t, l, "/live?of=device&index=0")
	for range 2 {
		if name, data := whole.next(t); name != "live" || !strings.Contains(data, "of 5 phones") || strings.Contains(data, "<html") {
			t.Errorf("%s: %s", name, data)
		}
		if name, data := one.next(t); name != "live" || !strings.Contains(data, "Lifecycle") {
			t.Errorf("%s: %s", name, data)
		}
	}
	l.Judged("passed")
	l.End()
	for _, who := range []*listener{whole, one} {
		name, data := who.next(t)
		for name == "live" {
			name, data = who.next(t)
		}
		if name != "ended" || !strings.Contains(data, "verdict is passed") {
			t.Errorf("%s: %q", name, data)
		}
	}
	late, _ := listenTo(t, l, "/live?of=overview")
	if name, _ := late.next(t); name != "live" {
		t.Errorf("who comes later hears %s first", name)
	}
	if name, _ := late.next(t); name != "ended" {
		t.Errorf("who comes later hears %s then", name)
	}
	for _, path := range []string{"/live", "/live?of=device", "/live?of=device&index=9", "/live?of=device&index=x", "/live?of=nothing"} {
		if _, refused := listenTo(t, l, path); !strings.HasPrefix(refused, "404") {
			t.Errorf("%s: %s", path, refused)
		}
	}
}

// Close tells listeners that it is over.
func TestCloseTellsListeners(t *testing.T) {
	l := newBareLab(t)
	l.Show(newStill(t, 1))
	who, _ := listenTo(t, l, "/live?of=overview")
	who.next(t)
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	name, _ := who.next(t)
	for name == "live" {
		name, _ = who.next(t)
	}
	if name != "ended" {
		t.Errorf("%q", name)
	}
}

func TestListenersAreBounded(t *testing.T) {
	l := newBareLab(t)
	l.Show(newStill(t, 1))
	var first *listener
	for i := range mostListeners {
		who, refused := listenTo(t, l, "/live?of=overview")
		if who == nil {
			t.Fatalf("listener %d: %s", i, refused)
		}
		if i == 0 {
			first = who
		}
	}
	if _, refused := listenTo(t, l, "/live?of=device&index=0"); !strings.HasPrefix(refused, "503") {
		t.Errorf("one more: %s", refused)
	}
	if a := l.ask(t, "GET", "/api/v1/summary", "", nil); a.status != 200 {
		t.Errorf("a program beside them: %d", a.status)
	}
	first.Close()
	for deadline := time.Now().Add(20 * time.Second); ; {
		if _, refused := listenTo(t, l, "/live?of=overview"); refused == "" {
			break
		} else if time.Now().After(deadline) {
			t.Fatal(refused)
		}
	}
}

// A listener that does not read is dropped, and another one hears each event meanwhile.
func TestASlowListenerIsDropped(t *testing.T) {
	p := usual
	p.listener, p.live = time.Second, time.Millisecond
	l := newLabWith(t, p)
	l.Show(large{newStill(t, 1)})
	slow := l.dial(t)
	_ = slow.(*net.TCPConn).SetReadBuffer(4 << 10)
	fmt.Fprintf(slow, "GET /live?of=overview HTTP/1.1\r\nHost: localhost\r\nCookie: %s=%s\r\n\r\n", l.cookieName(), l.derived("cookie"))
	gone := func() bool {
		l.feeds.mu.Lock()
		defer l.feeds.mu.Unlock()
		return l.feeds.total == 1
	}
	other, refused := listenTo(t, l, "/live?of=overview")
	if other == nil {
		t.Fatal(refused)
	}
	for deadline := time.Now().Add(30 * time.Second); ; {
		if name, _ := other.next(t); name != "live" {
			t.Fatalf("the other one heard %q", name)
		}
		if gone() {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("it is still there")
		}
	}
}
