package webui

import (
	"net/http"
	"net/url"
	"strings"

	"spafleet/device"
	"spafleet/device/model"
	"spafleet/device/rule"
)

// resync orders a resync. While Provision_Enable is off the page is the same and
// nothing happens (device-surface.md §1.2: documented; §9 row 5). The argument is
// not checked here: a wrong one fails the attempt.
func (q *request) resync() answer {
	a := q.order("resync", device.Command{Order: device.Resync, Argument: q.argument()})
	return a.unless(!q.view.Params.Bool("Provision_Enable", true))
}

// upgrade orders an upgrade. Upgrade_Enable forbids it in the same way.
func (q *request) upgrade() answer {
	a := q.order("upgrade", device.Command{Order: device.Upgrade, Argument: q.argument()})
	return a.unless(!q.view.Params.Bool("Upgrade_Enable", true))
}

// reboot orders a reboot, which nothing forbids.
func (q *request) reboot() answer {
	return q.order("reboot", device.Command{Order: device.Reboot})
}

// ringTone orders a ring tone, and updateCA an authority (device-surface.md §1.1: texts of
// 7.6.2f; an authority from 7.5 on). What their pages say is not known; they say what is
// ordered. A phone that has no custom authority has no such URL.
func (q *request) ringTone() answer {
	if !is5xx(q) {
		return q.failure(http.StatusNotFound)
	}
	return q.order("fetch", device.Command{Order: device.RingTone, Argument: q.argument()})
}

func (q *request) updateCA() answer {
	r := q.view.Unit.Row
	if _, ok := r.Lookup("Custom_CA_RULE"); !ok || !is5xx(q) || rule.CompareVersions(r.Firmware.Version, "7.5", false) < 0 {
		return q.failure(http.StatusNotFound)
	}
	return q.order("fetch", device.Command{Order: device.UpdateCA, Argument: q.argument()})
}

// order returns the page that acknowledges a command, with the command.
func (q *request) order(page string, c device.Command) answer {
	a := q.render(http.StatusOK, page, message{Title: q.look().title, Home: q.home(), Seconds: q.refresh()})
	c.Cause, c.Requester = model.ByWeb, q.from
	a.command = &c
	return a
}

// unless removes the command if it is forbidden; the page stays.
func (a answer) unless(forbidden bool) answer {
	if forbidden {
		a.command = nil
	}
	return a
}

// argument returns what follows the first ? of the request line, decoded; a second
// ? is part of it (device-surface.md §1.1: field).
func (q *request) argument() string {
	_, raw, _ := strings.Cut(q.uri, "?")
	return lenientUnescape(raw)
}

// lenientUnescape decodes the escapes of a query. An invalid one is left as it is
// (inferred).
func lenientUnescape(raw string) string {
	var b strings.Builder
	for i := 0; i < len(raw); i++ {
		if i+3 <= len(raw) {
			if c, err := url.QueryUnescape(raw[i : i+3]); raw[i] == '%' && err == nil {
				b.WriteString(c)
				i += 2
				continue
			}
		}
		if raw[i] == '+' {
			b.WriteByte(' ')
			continue
		}
		b.WriteByte(raw[i])
	}
	return b.String()
}

// A message is a page of a few words.
type message struct {
	Title   string
	Text    string
	Home    string // target of its link
	Seconds int    // until a browser follows the link by itself
}

// refresh is how long a browser waits for a reboot: 50 s on 7.x (field), 10 s
// before (inferred).
func (q *request) refresh() int {
	if q.view.Unit.Row.Generation >= 3 {
		return 50
	}
	return 10
}
