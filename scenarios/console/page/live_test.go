package page_test

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"spafleet/bench/extproc"
	"spafleet/scenarios/console/page"
)

func live(t *testing.T, o *page.Overview) string {
	t.Helper()
	var b bytes.Buffer
	if err := page.WriteLive(&b, o); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func liveDevice(t *testing.T, d *page.Device) string {
	t.Helper()
	var b bytes.Buffer
	if err := page.WriteLiveDevice(&b, d); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func nothingWrong(t *testing.T, c *extproc.Chromium) {
	t.Helper()
	for _, wrong := range c.Wrong() {
		t.Error(wrong)
	}
}

// What comes takes the place of what was there; where a reader has the focus, has scrolled
// to, has opened and has selected stays.
func TestChromiumKeepsWhatTheReaderDoes(t *testing.T) {
	s, c := newStage(t), extproc.OpenChromium(t)
	resize(c, 800, 500)
	c.Visit(s.URL + "/device")
	s.listening(c)
	c.Eval(`document.querySelector('#params details').open = true; document.querySelector('.facts a').focus(); scrollTo(0, 200);
		const own = [...document.querySelectorAll('.story span')].at(-1), range = document.createRange(); range.selectNodeContents(own); getSelection().addRange(range); window.chosen = String(getSelection())`)
	d := oneDevice()
	d.State, d.Resyncs.OK = "SEC-PRV-2", 4
	d.Moves = append(d.Moves, page.Move{State: "SEC-PRV-2", At: d.Now, Event: "secured"})
	d.Now = d.Now.Add(time.Second)
	d.Events = append(d.Events, page.Event{Key: "new", At: d.Now, Text: "reboot, asked for by the console", Begin: true})
	s.send("live", liveDevice(t, d))
	c.Await(`document.querySelector('.facts').textContent.includes('4 ok')`)
	for what, script := range map[string]string{
		"the focus":       `document.activeElement.matches('.facts a')`,
		"the place":       `scrollY === 200`,
		"what is open":    `document.querySelector('#params details').open`,
		"what is chosen":  `window.chosen.length > 5 && String(getSelection()) === window.chosen`,
		"the new state":   `document.querySelector('.life text.name.here').textContent === 'SEC-PRV-2'`,
		"the new event":   `document.querySelector('.story li').textContent.includes('asked for by the console')`,
		"the older ones":  `document.querySelectorAll('.story li').length === 5`,
		"one live part":   `document.querySelectorAll('#life').length === 1`,
		"a picture still": `document.querySelector('.life rect.here').getBBox().width > 100`,
	} {
		if c.Eval(script) != "true" {
			t.Errorf("%s is not there: %s", what, script)
		}
	}
	nothingWrong(t, c)
}

// hostile are texts of which none may run or break the page.
var hostile = []string{
	`<script>window.broken=1</script>`, `"><img src=x onerror="window.broken=1">`, `</section></main></script><svg onload="window.broken=1">`,
	strings.Repeat("M", 64), "\u202eevil\u202c", "مرحبا بالعالم", "data: x\n\nevent: ended\ndata: no", "\x00\x1b[31m\xff",
}

func TestChromiumShowsHostileTextsAsTexts(t *testing.T) {
	s, c := newStage(t), extproc.OpenChromium(t)
	o, d := overview(), oneDevice()
	o.Run, d.Run = hostile[0], hostile[1]
	o.Said = hostile[0]
	o.Expectations, o.Failures = nil, nil
	for i, text := range hostile {
		o.Expectations = append(o.Expectations, page.Expectation{Name: text, Held: 1, Devices: 2})
		o.Failures = append(o.Failures, page.Failure{Count: i, What: text, Err: text, Hint: text, Models: text, URL: text, MAC: text})
		o.Timeline[0].Name = text
		o.Faults = append(o.Faults, page.Fault{What: text})
		d.Events = append(d.Events, page.Event{Key: text, At: d.Now, Text: text})
		d.Params.Rows = append(d.Params.Rows, page.Param{Name: text, Value: text, Origin: page.Own, Default: text})
		d.Timers = append(d.Timers, page.Timer{Name: text, At: d.Now, Why: text})
		d.Moves = append(d.Moves, page.Move{State: "SP-CUST", At: d.Now, Event: text})
		d.Keypad.Said = append(d.Keypad.Said, text)
	}
	d.Serial, d.Group, d.Waits, d.Certificate.Subject, d.Web = hostile[2], hostile[1], hostile[2], hostile[0], "javascript:window.broken=1"
	list := devices(3)
	list.Filter = page.Filter{MAC: hostile[1], Serial: hostile[0], Model: hostile[2]}
	list.Rows[0].Serial = hostile[1]
	sure := confirm()
	sure.Filter = list.Filter
	s.set("/o", func(w io.Writer) error { return page.WriteOverview(w, o) })
	s.set("/d", func(w io.Writer) error { return page.WriteDevice(w, d) })
	s.set("/l", func(w io.Writer) error { return page.WriteDevices(w, list) })
	s.set("/c", func(w io.Writer) error { return page.WriteConfirm(w, sure) })
	resize(c, 400, 800)
	for _, path := range []string{"/o", "/d", "/l", "/c"} {
		c.Visit(s.URL + path)
		if path == "/o" || path == "/d" {
			s.listening(c)
			text := live(t, o)
			if path == "/d" {
				text = liveDevice(t, d)
			}
			s.send("live", text)
			c.Await(`document.documentElement.dataset.link === 'live'`)
			s.drop()
		}
		if c.Eval(`'broken' in window`) != "false" || c.Eval(`document.querySelectorAll('img, script:not([src])').length`) != "0" {
			t.Errorf("%s: a text runs", path)
		}
		if wide := c.Eval("document.documentElement.scrollWidth"); wide != "400" {
			t.Errorf("%s is %s wide: %s", path, wide, c.Eval(`[...document.querySelectorAll("body *"), document.body].filter(e => e.scrollWidth > 400 || e.getBoundingClientRect().right > 401).map(e => e.outerHTML.slice(0, 60)).slice(0, 6).join("; ")`))
		}
		if n := c.Eval(`document.querySelectorAll('a[href^="javascript"]').length`); n != "0" {
			t.Errorf("%s: a link runs", path)
		}
	}
	c.Visit(s.URL + "/o")
	if c.Eval(`document.querySelector('h1').textContent`) != hostile[0] {
		t.Error("the name of the run is not shown as it is")
	}
	nothingWrong(t, c)
}

// A lost connection, its return and the end of the run are said in words, and a reader of
// the screen hears them.
func TestChromiumSaysWhenTheConsoleIsAway(t *testing.T) {
	s, c := newStage(t), extproc.OpenChromium(t)
	c.Visit(s.URL + "/overview")
	s.listening(c)
	s.send("live", live(t, overview()))
	c.Await(`document.documentElement.dataset.link === 'live'`)
	s.drop()
	c.Await(`!document.getElementById('link').hidden`)
	said := `document.getElementById('link').textContent`
	if text := c.Eval(said); !strings.Contains(text, "does not answer; trying again") || c.Eval(`document.getElementById('heard').textContent`) != text {
		t.Error(text)
	}
	s.listening(c)
	o := overview()
	o.Provisioned = 10000
	s.send("live", live(t, o))
	c.Await(`document.getElementById('link').hidden && document.querySelector('.tiles').textContent.includes('10\u202f000')`)
	s.send("ended", "Everything that was expected held.")
	c.Await(said + `.includes('The run has ended. Everything that was expected held.')`)
	s.drop()
	if text := c.Eval(`new Promise(done => setTimeout(() => done(` + said + `), 500))`); !strings.Contains(text, "has ended") {
		t.Error("the end is not the last word:", text)
	}
	nothingWrong(t, c)
}

// A console that refuses is asked again.
func TestChromiumAsksAConsoleThatRefusesAgain(t *testing.T) {
	s, c := newStage(t), extproc.OpenChromium(t)
	c.Visit(s.URL + "/overview")
	s.listening(c)
	s.mu.Lock()
	s.away = true
	s.mu.Unlock()
	s.drop()
	c.Await(`!document.getElementById('link').hidden`)
	s.mu.Lock()
	s.away = false
	s.mu.Unlock()
	s.listening(c)
	s.send("live", live(t, overview()))
	c.Await(`document.getElementById('link').hidden`)
}

// Who is logged out meanwhile, by a new run with another token, comes to the login.
func TestChromiumGoesToTheLogin(t *testing.T) {
	s, c := newStage(t), extproc.OpenChromium(t)
	for _, do := range []string{"", `document.querySelector('.keys button').click()`} {
		c.Visit(s.URL + "/device")
		s.listening(c)
		s.mu.Lock()
		s.out = true
		s.mu.Unlock()
		if do == "" {
			s.drop()
		} else {
			c.Eval(do)
		}
		c.Await(`location.pathname === '/login' && document.getElementById('token')`)
		s.drop()
		s.mu.Lock()
		s.out = false
		s.mu.Unlock()
	}
}

// A page that nobody sees takes no connection.
func TestChromiumListensWhileItIsSeen(t *testing.T) {
	s, c := newStage(t), extproc.OpenChromium(t)
	c.Visit(s.URL + "/overview")
	s.listening(c)
	seen := func(is bool) {
		c.Eval(fmt.Sprintf(`Object.defineProperty(document, 'hidden', {value: %t, configurable: true}); document.dispatchEvent(new Event('visibilitychange'))`, !is))
	}
	seen(false)
	c.Await(`new Promise(done => setTimeout(() => done(document.getElementById('link').hidden), 300))`)
	s.drop()
	seen(true)
	s.listening(c)
	s.send("live", live(t, overview()))
	c.Await(`document.documentElement.dataset.link === 'live'`)
	nothingWrong(t, c)
}

// Without a mouse the first key leads to a link over the bar, whose focus can be seen, and
// each button and field can be reached.
func TestChromiumWithKeysAlone(t *testing.T) {
	s, c := newStage(t), extproc.OpenChromium(t)
	c.Visit(s.URL + "/device")
	tab := func() {
		for _, kind := range []string{"keyDown", "keyUp"} {
			c.Call("Input.dispatchKeyEvent", map[string]any{"type": kind, "key": "Tab", "code": "Tab", "windowsVirtualKeyCode": 9}, nil)
		}
	}
	tab()
	if c.Eval(`document.activeElement.className === 'skip' && document.activeElement.getBoundingClientRect().left >= 0`) != "true" {
		t.Error("the first key does not lead over the bar")
	}
	want := c.Eval(`window.wanted = new Set(document.querySelectorAll('a[href], button, input:not([type=hidden]), select, summary')); window.wanted.delete(document.activeElement); String(window.wanted.size)`)
	if want == "0" {
		t.Fatal("nothing to reach")
	}
	for range 100 {
		tab()
		if c.Eval(`window.wanted.delete(document.activeElement); getComputedStyle(document.activeElement).outlineStyle !== 'none' || document.activeElement === document.body`) != "true" {
			t.Errorf("one does not see where the focus is: %s", c.Eval(`document.activeElement.outerHTML.slice(0, 100)`))
		}
		if c.Eval(`String(window.wanted.size)`) == "0" {
			return
		}
	}
	t.Errorf("not reached by keys: %s", c.Eval(`[...window.wanted].map(e => e.outerHTML.slice(0, 80)).join(', ')`))
}

// Keys go out one by one, and the page stays.
func TestChromiumDials(t *testing.T) {
	s, c := newStage(t), extproc.OpenChromium(t)
	s.set("/after", func(w io.Writer) error {
		d := oneDevice()
		d.Said = "Dialled 5"
		d.Keypad.Said = []string{"five"}
		return page.WriteDevice(w, d)
	})
	c.Visit(s.URL + "/device")
	c.Eval(`window.stays = 1; const key = document.querySelector('.keys button[value="5"]'); key.focus(); key.click()`)
	c.Await(`document.querySelector('#keypad .ivr').textContent === 'five'`)
	c.Eval(`document.querySelector('input[name=dial]').value = '110#'; document.querySelector('.dial button').click()`)
	c.Await(`document.querySelector('input[name=dial]').value === ''`)
	if c.Eval(`window.stays === 1 && document.activeElement.value === '5' && document.getElementById('notice').textContent === 'Dialled 5'`) != "true" {
		t.Error("the page was left, or the focus, or nothing was said")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if got := strings.Join(s.posted, "; "); got != "/devices/7/keys csrf=c5rf&dial=5 1; /devices/7/keys csrf=c5rf&dial=110%23 1" {
		t.Error(got)
	}
	nothingWrong(t, c)
}

// Without script a page is whole, and its forms work.
func TestChromiumWithoutScript(t *testing.T) {
	s, c := newStage(t), extproc.OpenChromium(t)
	s.set("/after", every()["device"])
	c.Call("Emulation.setScriptExecutionDisabled", map[string]any{"value": true}, nil)
	c.Visit(s.URL + "/device")
	var found struct{ Root struct{ NodeID int } }
	c.Call("DOM.getDocument", nil, &found)
	press := func(selector string) {
		var node struct{ NodeID int }
		c.Call("DOM.getDocument", nil, &found)
		c.Call("DOM.querySelector", map[string]any{"nodeId": found.Root.NodeID, "selector": selector}, &node)
		c.Call("DOM.focus", map[string]any{"nodeId": node.NodeID}, nil)
		for _, kind := range []string{"keyDown", "keyUp"} {
			params := map[string]any{"type": kind, "key": "Enter", "code": "Enter", "windowsVirtualKeyCode": 13, "text": "\r"}
			if kind == "keyUp" {
				delete(params, "text")
				c.Call("Input.dispatchKeyEvent", params, nil)
				continue
			}
			c.Load("Input.dispatchKeyEvent", params)
		}
	}
	press(`.orders button`)
	press(`.keys button[value="3"]`)
	s.mu.Lock()
	defer s.mu.Unlock()
	if got := strings.Join(s.posted, "; "); got != "/devices/7/resync csrf=c5rf ; /devices/7/keys csrf=c5rf&dial=3 " {
		t.Error(got)
	}
}
