package webui_test

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"testing"
	"time"

	"spafleet/bench/extproc"
)

// chromium is a browser without a window, with one page. It is driven over a pair of
// pipes by its DevTools protocol.
type chromium struct {
	t       *testing.T
	in      io.Writer
	out     *bufio.Reader
	last    int
	session string
}

func openChromium(t *testing.T) *chromium {
	t.Helper()
	path := extproc.Need(t, "chromium", "chromium")
	toThem, in, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
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
	c := &chromium{t: t, in: in, out: bufio.NewReader(out)}
	t.Cleanup(func() {
		in.Close() // ends the browser
		_, _ = io.Copy(io.Discard, c.out)
		_ = cmd.Wait()
		out.Close()
	})
	out.SetReadDeadline(time.Now().Add(2 * time.Minute))
	var targets struct {
		TargetInfos []struct{ TargetID, Type string }
	}
	c.call("Target.getTargets", nil, &targets)
	for _, target := range targets.TargetInfos {
		if target.Type == "page" {
			var attached struct{ SessionID string }
			c.call("Target.attachToTarget", map[string]any{"targetId": target.TargetID, "flatten": true}, &attached)
			c.session = attached.SessionID
		}
	}
	if c.session == "" {
		t.Fatal("chromium has no page")
	}
	c.call("Page.enable", nil, nil)
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

func (c *chromium) send(method string, params any) {
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

func (c *chromium) next() message {
	c.t.Helper()
	b, err := c.out.ReadBytes(0)
	if err != nil {
		c.t.Fatalf("chromium says no more: %v", err)
	}
	var m message
	if err := json.Unmarshal(b[:len(b)-1], &m); err != nil {
		c.t.Fatalf("%s: %v", b, err)
	}
	return m
}

// call sends a command and returns its answer. Events before it are lost.
func (c *chromium) call(method string, params, result any) {
	c.t.Helper()
	c.send(method, params)
	for id := c.last; ; {
		m := c.next()
		if m.ID != id {
			continue
		}
		if m.Error != nil {
			c.t.Fatalf("%s: %s", method, m.Error)
		}
		if result != nil {
			if err := json.Unmarshal(m.Result, result); err != nil {
				c.t.Fatalf("%s: %v", method, err)
			}
		}
		return
	}
}

// load does something that leads to another page, and waits until that is there.
func (c *chromium) load(method string, params any) {
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

func (c *chromium) visit(url string) {
	c.t.Helper()
	c.load("Page.navigate", map[string]any{"url": url})
}

// eval returns what a script comes to, as text.
func (c *chromium) eval(script string) string {
	c.t.Helper()
	var r struct {
		Result           struct{ Value any }
		ExceptionDetails any
	}
	c.call("Runtime.evaluate", map[string]any{"expression": script, "returnByValue": true}, &r)
	if r.ExceptionDetails != nil {
		c.t.Fatalf("%s: %v", script, r.ExceptionDetails)
	}
	return fmt.Sprint(r.Result.Value)
}

// shot returns a picture of the page.
func (c *chromium) shot(width, height int) []byte {
	c.t.Helper()
	c.call("Emulation.setDeviceMetricsOverride", map[string]any{"width": width, "height": height, "deviceScaleFactor": 1, "mobile": false}, nil)
	var r struct{ Data string }
	c.call("Page.captureScreenshot", map[string]any{"format": "png"}, &r)
	b, err := base64.StdEncoding.DecodeString(r.Data)
	if err != nil {
		c.t.Fatal(err)
	}
	return b
}
