package console

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"spafleet/bench/extproc"
)

// A person logs in, finds a device, orders a resync and sees it happen, dials at the
// device, and is asked before all devices are reset.
func TestChromiumFindsADeviceAndOrdersAResync(t *testing.T) {
	l := newLab(t)
	c := extproc.OpenChromium(t)
	press := func(script string) {
		t.Helper()
		c.Load("Runtime.evaluate", map[string]any{"expression": script})
	}
	c.Visit(l.URL())
	press(fmt.Sprintf(`document.getElementById('token').value = %q; document.querySelector('.login button').click()`, l.Token()))
	c.Await(`document.querySelector('h1').textContent === 'console'`)
	c.Await(`document.querySelector('.tiles').textContent.includes('3 of 5 phones provisioned')`)

	mac := l.live.Fleet.MAC(1).String()
	press(fmt.Sprintf(`const find = document.querySelector('.find'); find.elements.mac.value = %q; find.querySelector('button').click()`, mac[:11]))
	if c.Eval(`document.querySelectorAll('.list tbody tr').length`) != "1" {
		t.Fatal("the list has not one device")
	}
	press(`document.querySelector('.list a').click()`)
	c.Await(`document.querySelector('h1').textContent.startsWith('` + mac + `') && document.documentElement.dataset.link === 'live'`)

	// The order is a form; what comes of it is seen without loading the page again.
	press(`[...document.querySelectorAll('.orders button')].find(b => b.textContent === 'Resync').click()`)
	c.Await(`document.querySelector('.notice').textContent.length > 5 && document.querySelector('.facts').textContent.includes('2 ok')`)
	c.Eval(`window.stays = true`)
	if a := l.ask(t, "POST", "/api/v1/devices/1/resync", "", nil); a.status != http.StatusOK {
		t.Fatalf("%d %s", a.status, a.body)
	}
	c.Await(`window.stays && document.querySelector('.facts').textContent.includes('3 ok') && document.querySelectorAll('.story .begin').length >= 3`)

	c.Eval(`document.querySelector('input[name=dial]').value = '****110#'; document.querySelector('.dial button').click()`)
	c.Await(`window.stays && document.querySelector('#keypad .ivr') && document.getElementById('keypad').textContent.includes('110#')`)

	c.Visit(l.URL() + "/devices")
	press(`[...document.querySelectorAll('.orders button')].find(b => b.textContent === 'Factory reset').click()`)
	if asked := c.Eval(`document.querySelector('h1').textContent`); asked != "Factory reset 5 phones?" {
		t.Error(asked)
	}
	press(`document.querySelector('main .button').click()`)
	if path := c.Eval(`location.pathname`); path != "/devices" {
		t.Error("Cancel leads to", path)
	}
	for _, wrong := range c.Wrong() {
		t.Error(wrong)
	}
}

// Who watches is told in words that the console has ended.
func TestChromiumIsToldThatTheConsoleIsAway(t *testing.T) {
	l := newBareLab(t)
	l.Show(newStill(t, 3))
	c := extproc.OpenChromium(t)
	c.Visit(l.URL() + "/?token=" + l.Token())
	c.Await(`document.documentElement.dataset.link === 'live'`)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	c.Await(`!document.getElementById('link').hidden`)
	if text := c.Eval(`document.getElementById('link').textContent`); !strings.Contains(text, "does not answer") && !strings.Contains(text, "has ended") {
		t.Error(text)
	}
}
