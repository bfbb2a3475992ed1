package resync

import (
	"errors"
	"fmt"
	"strings"

	"spafleet/device"
	"spafleet/device/phase"
	"spafleet/device/profile"
)

// Who broke a connection or a transfer off.
const (
	fromDevice = "device"
	fromServer = "server"
)

// exchange is one connection or transfer. Where the device's line is tapped, it has an
// event.
func (x *transfer) exchange(r *Request) (Response, error) {
	x.asked(r)
	x.release()
	resp, err := x.env.Fetch(x.ctx, r)
	x.latest = resp.Buffer
	if x.in.Tapped {
		x.tap(r, &resp, err)
	}
	return resp, err
}

// tap tells what a tap on the line sees of an exchange: of HTTPS neither path nor
// status, and no name of the server. What was never sent, and what a power loss cut
// off, leaves nothing to see.
func (x *transfer) tap(r *Request, resp *Response, err error) {
	var fe *Error
	if err != nil && (!errors.As(err, &fe) || fe.Phase == phase.Admission || fe.Phase == phase.Route || fe.Result == device.BadScheme) {
		return
	}
	f := &device.File{Scheme: r.Scheme, Host: r.Server.Addr().String(), Server: r.Server}
	if r.Scheme != "https" {
		f.Path, f.Status = clipped(r.Path), resp.Status
	}
	if r.Scheme == "http" {
		f.Host = clipped(r.Host)
	}
	f.Bytes = resp.Len()
	e := device.Event{Kind: device.Wire, File: f}
	if fe != nil {
		f.Result, f.Phase, f.Alert, f.Refusal = fe.Result, fe.Phase, fe.TLS.Alert, fe.Code
		e.Result, e.From = fe.Result, fe.brokenBy()
	}
	e.Text = wireText(f, e.From)
	x.tell(e)
}

// brokenBy returns who broke off a transfer that failed. A device that waits in vain
// gives up.
func (e *Error) brokenBy() string {
	switch {
	case e.TLS.Sent, e.TLS.Verify != 0, e.TooBig, e.Result == device.Timeout:
		return fromDevice
	case e.Result == device.Corrupt && !e.Cut: // it is not the protocol
		return fromDevice
	}
	return fromServer
}

// wireText is an exchange in words.
func wireText(f *device.File, from string) string {
	text := fmt.Sprintf("%s %s%s", f.Scheme, f.Host, f.Path)
	switch {
	case f.Alert != 0:
		return fmt.Sprintf("%s: fatal alert %d from the %s", text, f.Alert, from)
	case from != "":
		return fmt.Sprintf("%s: %s, broken off by the %s", text, f.Result, from)
	case f.Status != 0:
		return fmt.Sprintf("%s: %d, %d bytes", text, f.Status, f.Bytes)
	}
	return fmt.Sprintf("%s: %d bytes", text, f.Bytes)
}

// leastSecret is the length of the shortest value that is looked for in a path.
const leastSecret = 4

// asked notes what the request itself shows of secrets to a tap on the line: Basic
// credentials, and the values of passwords in the path.
func (x *transfer) asked(r *Request) {
	if r.Scheme == "https" {
		return
	}
	if strings.HasPrefix(r.Authorization, "Basic ") {
		x.credentials = true
	}
	if x.in.Profiles.Secrets && x.secretIn(r.Path) {
		x.inPath = true
	}
	x.file.Secrets = x.shown()
}

// shown returns how many secrets the requests for a file have shown so far.
func (x *transfer) shown() (n int) {
	for _, seen := range []bool{x.credentials, x.inPath} {
		if seen {
			n++
		}
	}
	return n
}

func (x *transfer) secretIn(path string) bool {
	holds := func(value string) bool { return len(value) >= leastSecret && strings.Contains(path, value) }
	if holds(x.options.PWD) {
		return true
	}
	for i := range x.in.Unit.Row.Factory.Params {
		if p := &x.in.Unit.Row.Factory.Params[i]; p.Secret() && holds(x.params.Get(p.ID)) {
			return true
		}
	}
	return false
}

// readable reports whether a tap on the line can read a file that came: nobody needs a
// key for what is scrambled only.
func (x *transfer) readable(resp Response, p profile.Protection) bool {
	return !resp.TLS && x.scheme != "https" && p&^profile.Scrambled == 0
}

// countSecrets adds what of a file could be read on the line. The same file as before is
// not decoded again but for that.
func (x *transfer) countSecrets(resp Response, r *ParsedProfile, d Digest) {
	if !x.in.Profiles.Secrets || !x.readable(resp, x.file.Protection) {
		return
	}
	if r == nil {
		again, err := x.in.Profiles.Read(x.ctx, &x.in.Unit, resp.Body, d, x.decodeOptions(&resp))
		if err != nil {
			return // the time is up: it has been decoded before
		}
		r = again
	}
	x.file.Secrets += r.Secrets
}
