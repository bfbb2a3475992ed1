package prov

import (
	"bytes"
	"fmt"
	"net/http"

	"spafleet/resync"
	"spafleet/resync/body"
)

// make makes the answer of a route.
func (c *Core) make(r *route, x *exchange) (resync.Response, error) {
	if r.entry.Status != 0 {
		location, err := c.expanded(r.entry.Location, x)
		return resync.Response{Status: r.entry.Status, Location: location}, err
	}
	if r.fixed != nil {
		if x.mayLeaveOut() && x.request.Has == r.sum {
			return unchanged(len(r.fixed)), nil
		}
		x.shared = true
		return resync.Response{Status: http.StatusOK, Body: r.fixed}, nil
	}
	if !r.stable || x.asker.Unit == nil {
		body, err := c.body(r, x)
		return resync.Response{Status: http.StatusOK, Body: body}, err
	}
	return c.stable(r, x)
}

// stable makes the answer of a route that follows from device, path and generations,
// unless it was made before.
func (c *Core) stable(r *route, x *exchange) (resync.Response, error) {
	if response, ok := c.hasBySource(x); ok {
		return response, nil
	}
	if body := c.kept.find(r, x); body != nil {
		x.shared = true
		return resync.Response{Status: http.StatusOK, Body: body}, nil
	}
	body, err := c.body(r, x)
	if err == nil && (!x.tellsWhatItHas() || c.noteSum(x, body)) {
		c.kept.keep(r, x, body)
	}
	return resync.Response{Status: http.StatusOK, Body: body}, err
}

// mayLeaveOut reports whether the bytes of an answer may be left out: the device says
// what it has, and nothing is done to them on the way.
func (x *exchange) mayLeaveOut() bool {
	return x.tellsWhatItHas() && x.request.Has != 0 && x.disturbance == nil
}

// unchanged is the answer to a device that has it.
func unchanged(size int) resync.Response {
	return resync.Response{Status: http.StatusOK, Unchanged: true, Passed: size}
}

// hasByRequest answers a request that was answered before, for a device that has that
// answer, where nothing has changed since that could change it and nobody listens.
func (c *Core) hasByRequest(r *resync.Request) (resync.Response, bool) {
	if r.Has == 0 || r.Unit == nil || r.Method != http.MethodGet || c.options.Log != nil || c.auth.Load() != nil || !c.options.Faults.Idle() {
		return resync.Response{}, false
	}
	a, ok := c.sums.find(r.Unit.Index)
	now := c.moment()
	if !ok || a.of != r.Has || a.changes != now.secrets || a.request != now.requestSum(r) {
		return resync.Response{}, false
	}
	return unchanged(int(a.size)), true
}

// hasBySource does that for an exchange whose route was found.
func (c *Core) hasBySource(x *exchange) (resync.Response, bool) {
	if !x.mayLeaveOut() {
		return resync.Response{}, false
	}
	a, ok := c.sums.find(x.request.Unit.Index)
	now := x.sum()
	if !ok || a.of != x.request.Has || a.source != now.source {
		return resync.Response{}, false
	}
	now.of, now.size = a.of, a.size
	c.sums.keep(x.request.Unit.Index, now)
	return unchanged(int(a.size)), true
}

// mark is how a body begins that a device may take for something else than a file; it
// is looked at each time.
var mark = []byte("####")

// noteSum notes the answer to an exchange, and reports whether it was noted before: the
// device wants it again and does not have it.
func (c *Core) noteSum(x *exchange, made []byte) (again bool) {
	if bytes.HasPrefix(made, mark) {
		return true
	}
	now := x.sum()
	now.of, now.size = body.SumOf(made), int32(len(made))
	before := c.sums.keep(x.request.Unit.Index, now)
	return before.of == now.of && before.source == now.source
}

func (c *Core) moment() moment {
	return moment{c.changes.Load(), c.options.Pairs.changes.Load()}
}

func (c *Core) body(r *route, x *exchange) ([]byte, error) {
	text, err := c.text(r, x)
	if err != nil || x.streams {
		return nil, err
	}
	key, err := c.expanded(r.entry.Key, x)
	if err != nil {
		return nil, err
	}
	return r.entry.encode(text, sealing{path: x.target().whole(), key: key, mac: x.asker.MAC})
}

// text returns what is to be encoded, nil for a file that is sent from the disk.
func (c *Core) text(r *route, x *exchange) ([]byte, error) {
	if r.entry.File == "" {
		expanded, err := c.expanded(r.entry.Body, x)
		return []byte(expanded), err
	}
	var err error
	if x.file, err = c.files.take(r.entry.File); err != nil {
		return nil, err
	}
	if x.streams = x.mayStream && x.file.disk != nil && r.entry.isPlain(); x.streams {
		return nil, nil
	}
	text, err := x.file.whole()
	if err != nil || !x.file.template {
		x.shared = true
		return text, err
	}
	expanded, err := c.expanded(string(text), x)
	return []byte(expanded), err
}

// expanded returns a text with its {{ }} replaced.
func (c *Core) expanded(text string, x *exchange) (string, error) {
	if c.expand == nil || !isTemplate(text) {
		return text, nil
	}
	out, err := c.expand(text, x)
	if err != nil {
		return "", fmt.Errorf("expand %s: %w", x.request.Path, err)
	}
	return out, nil
}

// take keeps an upload.
func (c *Core) take(x *exchange) {
	r := x.request
	c.uploads.take(Upload{
		At: x.at, Asker: x.asker, Scheme: r.Scheme, Method: r.Method, Path: r.Path,
		Body: bytes.Clone(r.Body),
	})
}
