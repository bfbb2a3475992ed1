package resync_test

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"spafleet/device"
	"spafleet/device/devicetest"
	"spafleet/resync"
	"spafleet/resync/body"
)

// noon is the fleet time at which every attempt of these tests happens.
const noon = int64(1_200_000_000_000_000_000)

// An answer is what the map-backed network says to one URL.
type answer struct {
	response resync.Response
	err      error
	cut      bool // the context ends while the transfer runs
}

// mapWorld is a World made of maps. It writes down what it is asked.
type mapWorld struct {
	now     int64
	names   map[string][]netip.Addr
	answers map[string]answer // by scheme://address:port/path
	cutName string            // a name during whose lookup the context ends
	cancel  context.CancelFunc
	params  device.Params // committed last
	latest  []byte        // body of the latest answer
	lines   []string
}

var _ resync.Env = (*mapWorld)(nil)

func (w *mapWorld) say(format string, args ...any) {
	w.lines = append(w.lines, fmt.Sprintf(format, args...))
}

func (w *mapWorld) Now() int64 { return w.now }

func (w *mapWorld) Resolve(ctx context.Context, name string) ([]netip.Addr, error) {
	w.say("resolve %s", name)
	if name == w.cutName {
		w.cancel()
		return nil, ctx.Err()
	}
	if addrs := w.names[name]; len(addrs) > 0 {
		return addrs, nil
	}
	return nil, &resync.Error{Result: device.NoDNS}
}

func (w *mapWorld) Fetch(ctx context.Context, r *resync.Request) (resync.Response, error) {
	w.spoil()
	where := fmt.Sprintf("%s://%s%s", r.Scheme, r.Server, r.Path)
	line := "fetch " + r.Method + " " + where
	if host := r.Server.Addr().String(); r.Host != host {
		line += " host " + r.Host
	}
	if r.Authorization != "" {
		line += " " + r.Authorization
		if r.Proxy {
			line += " to a proxy"
		}
	}
	if r.Body != nil {
		line += fmt.Sprintf(" body %q", r.Body)
	}
	if r.ContentType != "" {
		line += " of " + r.ContentType
	}
	w.say("%s", line)
	a, ok := w.answers[where]
	if again, more := w.answers[where+" authorized"]; more && r.Authorization != "" {
		a = again
	}
	switch {
	case !ok:
		return resync.Response{Status: 404}, nil
	case a.cut:
		w.cancel()
		return resync.Response{}, ctx.Err()
	case a.err != nil:
		return resync.Response{}, a.err
	case len(a.response.Body) > r.Max:
		return resync.Response{}, &resync.Error{Result: device.Corrupt, TooBig: true}
	}
	if r.Scheme != "tftp" && a.response.Status == 200 {
		a.response.Announced = len(a.response.Body)
	}
	return w.inBuffer(a.response), nil
}

// inBuffer returns an answer in memory that is the attempt's until its next request.
func (w *mapWorld) inBuffer(r resync.Response) resync.Response {
	r.Body = append(make([]byte, 0, len(r.Body)+1), r.Body...)
	r.Buffer = &body.Buffer{Bytes: r.Body}
	w.latest = r.Body
	return r
}

// spoil overwrites the latest answer's body, which nobody may look at any more.
func (w *mapWorld) spoil() {
	for i := range w.latest {
		w.latest[i] = 0xAA
	}
}

func (w *mapWorld) Commit(p device.Params, l device.Life, events []device.Event) {
	w.tell(events)
	w.say("commit %s%s", l.State, differing(w.params, p))
	w.params = p
}

// differing lists the parameters that b has otherwise than a.
func differing(a, b device.Params) string {
	var list []string
	for _, p := range b.Factory().Params {
		if v := b.Get(p.ID); v != a.Get(p.ID) {
			list = append(list, fmt.Sprintf(" %s=%q", p.Name, v))
		}
	}
	slices.Sort(list)
	return strings.Join(list, "")
}

func (w *mapWorld) tell(events []device.Event) {
	for i := range events {
		w.say("%s", eventLine(&events[i]))
	}
}

// eventLine writes an event on one line, without what is zero.
func eventLine(e *device.Event) string {
	b := []string{"* " + e.Name()}
	add := func(format string, v any, present bool) {
		if present {
			b = append(b, fmt.Sprintf(format, v))
		}
	}
	add("%s", e.Cause, e.Kind == device.ResyncStarted || e.Kind == device.UpgradeStarted)
	add("-> %s", e.State, e.Kind == device.Moved)
	add("via %s", e.Via, e.Via != 0)
	add("%q", e.Text, e.Text != "")
	if f := e.File; f != nil && e.Kind != device.ResyncOK && e.Kind != device.ResyncFailed {
		add("%c", f.Rule, true)
		add("status %d", f.Status, f.Status != 0 && f.Status != 200)
		add("%s", f.Protection, e.Kind == device.Applied)
		add("partly %q", f.Partly, f.Partly != "")
		add("unknown %s", strings.Join(f.Unknown, ","), e.Kind == device.Applied && f.Unknown != nil)
	}
	add("changed %d", e.Count, e.Kind == device.Applied)
	add("%s", e.Result, e.Result != device.OK)
	add("$ERR %q", e.Err, e.Err != "")
	return strings.Join(b, " ")
}

// unit returns a device of an invented identity.
func unit(t testing.TB, name, firmware string, switches map[string]string) device.Unit {
	t.Helper()
	u := devicetest.Known(devicetest.Turned(t, name, firmware, switches), 0)
	u.IP = netip.MustParseAddr("192.0.2.9")
	return u
}
