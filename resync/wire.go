package resync

import (
	"errors"
	"fmt"

	"spafleet/device"
	"spafleet/device/phase"
)

// Who broke a connection or a transfer off.
const (
	fromDevice = "device"
	fromServer = "server"
)

// exchange is one connection or transfer. Where the device's line is tapped, it has an
// event.
func (x *transfer) exchange(r *Request) (Response, error) {
	resp, err := x.env.Fetch(x.ctx, r)
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
