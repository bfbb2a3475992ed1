package extproc

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// A Chromium is a browser without a window, with one page. It is driven over a pair of
// pipes by its DevTools protocol. What goes wrong ends its test.
type Chromium struct {
	t       *testing.T
	in      io.Writer
	out     *bufio.Reader
	last    int
	session string
	wrong   []string
}

// OpenChromium starts a browser, which ends with the test.
func OpenChromium(t *testing.T) *Chromium {
	t.Helper()
	path := Need(t, "chromium", "chromium")
	toThem, in, err := os.Pipe()
	Must(t, err)
	out, toUs, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--force-device-scale-factor=1",
		"--disable-background-networking", "--disable-component-update", "--no-first-run", "--no-proxy-server", "--user-data-dir="+t.TempDir(), "--remote-debugging-pipe", "about:blank")
	cmd.ExtraFiles = []*os.File{toThem, toUs}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	toThem.Close()
	toUs.Close()
	c := &Chromium{t: t, in: in, out: bufio.NewReader(out)}
	t.Cleanup(func() {
		in.Close() // ends the browser
		_, _ = io.Copy(io.Discard, c.out)
		_ = cmd.Wait()
		out.Close()
	})
	Must(t, out.SetReadDeadline(time.Now().Add(2*time.Minute)))
	var targets struct {
		TargetInfos []struct{ TargetID, Type string }
	}
	c.Call("Target.getTargets", nil, &targets)
	for _, target := range targets.TargetInfos {
		if target.Type == "page" {
			var attached struct{ SessionID string }
			c.Call("Target.attachToTarget", map[string]any{"targetId": target.TargetID, "flatten": true}, &attached)
			c.session = attached.SessionID
		}
	}
	if c.session == "" {
		t.Fatal("chromium has no page")
	}
	for _, events := range []string{"Page", "Log", "Runtime"} {
		c.Call(events+".enable", nil, nil)
	}
	return c
}

// message is one of the protocol, either way.
type message struct {
	ID      int             `json:"id,omitempty"`
	Session string          `json:"sessionId,omitempty"`
	Method  string          `json:"method,omitempty"`
	Params  json.RawMessage `json:"params,omitempty"`
	Result  json.RawMessage `json:"result,omitempty"`
	Error   json.RawMessage `json:"error,omitempty"`
}

func (c *Chromium) send(method string, params any) {
	c.t.Helper()
	c.last++
	m := message{ID: c.last, Session: c.session, Method: method}
	if params != nil {
		m.Params, _ = json.Marshal(params)
	}
	b, err := json.Marshal(m)
	if err == nil {
		_, err = c.in.Write(append(b, 0))
	}
	if err != nil {
		c.t.Fatalf("%s: %v", method, err)
	}
}

func (c *Chromium) next() message {
	c.t.Helper()
	b, err := c.out.ReadBytes(0)
	if err != nil {
		c.t.Fatalf("chromium says no more: %v", err)
	}
	var m message
	if err := json.Unmarshal(b[:len(b)-1], &m); err != nil {
		c.t.Fatalf("%s: %v", b, err)
	}
	c.note(m)
	return m
}

// note keeps what the browser found wrong with the page.
func (c *Chromium) note(m message) {
	var p struct {
		Entry            struct{ Level, Text, URL string }
		ExceptionDetails struct {
			Text      string
			Exception struct{ Description string }
		}
	}
	if m.Method != "Log.entryAdded" && m.Method != "Runtime.exceptionThrown" || json.Unmarshal(m.Params, &p) != nil {
		return
	}
	if text := strings.TrimSpace(p.Entry.Text + " " + p.Entry.URL + p.ExceptionDetails.Text + " " + p.ExceptionDetails.Exception.Description); m.Method == "Runtime.exceptionThrown" || p.Entry.Level == "error" {
		c.wrong = append(c.wrong, text)
	}
}

// Wrong returns what the browser has found wrong since it was last asked: what a page's
// policy forbids, requests that failed, exceptions of scripts.
func (c *Chromium) Wrong() []string {
	c.t.Helper()
	c.Eval("0") // what it has said before is read
	list := c.wrong
	c.wrong = nil
	return list
}

// Await waits until a script's expression is true, on this page or on one that follows.
func (c *Chromium) Await(expression string) {
	c.t.Helper()
	const look = `new Promise(done => { const end = Date.now() + 5000, look = () => { let is = false; try { is = !!(%s) } catch {} is || Date.now() > end ? done(is) : setTimeout(look, 20) }; look() })`
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); {
		var r evaluated
		// An error is of a page that was left meanwhile.
		if err := c.ask("Runtime.evaluate", evaluate(fmt.Sprintf(look, expression)), &r); err == nil && r.Result.Value == true {
			return
		}
	}
	c.t.Fatalf("not within 30 s: %s", expression)
}

// Call sends a command and returns its answer. Events before it are lost.
func (c *Chromium) Call(method string, params, result any) {
	c.t.Helper()
	if err := c.ask(method, params, result); err != nil {
		c.t.Fatal(err)
	}
}

func (c *Chromium) ask(method string, params, result any) error {
	c.t.Helper()
	c.send(method, params)
	for id := c.last; ; {
		m := c.next()
		switch {
		case m.ID != id:
			continue
		case m.Error != nil:
			return fmt.Errorf("%s: %s", method, m.Error)
		case result == nil:
			return nil
		}
		if err := json.Unmarshal(m.Result, result); err != nil {
			return fmt.Errorf("%s: %w", method, err)
		}
		return nil
	}
}

// Load does something that leads to another page, and waits until that is there.
func (c *Chromium) Load(method string, params any) {
	c.t.Helper()
	for c.send(method, params); ; {
		m := c.next()
		if m.Error != nil {
			c.t.Fatalf("%s: %s", method, m.Error)
		}
		if m.Method == "Page.loadEventFired" {
			return
		}
	}
}

// Visit opens a page, and waits until it is there.
func (c *Chromium) Visit(url string) {
	c.t.Helper()
	c.Load("Page.navigate", map[string]any{"url": url})
}

// evaluated is what a script came to.
type evaluated struct {
	Result           struct{ Value any }
	ExceptionDetails any
}

func evaluate(script string) map[string]any {
	return map[string]any{"expression": script, "returnByValue": true, "awaitPromise": true}
}

// Eval returns what a script comes to, or what its promise does, as text.
func (c *Chromium) Eval(script string) string {
	c.t.Helper()
	var r evaluated
	c.Call("Runtime.evaluate", evaluate(script), &r)
	if r.ExceptionDetails != nil {
		c.t.Fatalf("%s: %v", script, r.ExceptionDetails)
	}
	return fmt.Sprint(r.Result.Value)
}

// Shot returns a picture of the page.
func (c *Chromium) Shot(width, height int) []byte {
	c.t.Helper()
	c.Call("Emulation.setDeviceMetricsOverride", map[string]any{"width": width, "height": height, "deviceScaleFactor": 1, "mobile": false}, nil)
	var r struct{ Data string }
	c.Call("Page.captureScreenshot", map[string]any{"format": "png"}, &r)
	b, err := base64.StdEncoding.DecodeString(r.Data)
	if err != nil {
		c.t.Fatal(err)
	}
	return b
}
