package modelled

import (
	"net/http"

	"spafleet/certs"
	"spafleet/certs/ssl"
	"spafleet/device"
	"spafleet/resync"
	"spafleet/resync/fault"
)

// What an HTTP exchange weighs beside its bodies, in bytes, as far as faults
// count them.
const (
	requestSize = 250
	headerSize  = 150
	helloSize   = 100  // of a handshake, what the device sends at first
	flightSize  = 1500 // and what the server sends, with its certificate
	shakeSize   = 60   // and its last word
)

// befall begins an exchange with what befalls its connection.
func (x *exchange) befall(trip *int64) error {
	x.trouble = x.c.network.Faults.Exchange(fault.Exchange{Device: uint32(x.r.Unit.Index), Scheme: x.r.Scheme, Path: x.r.Path})
	if x.trouble == nil {
		return nil
	}
	late, ok := x.trouble.Connect()
	*trip += int64(late)
	if wait := int64(x.r.Unit.Row.Behaviour.HTTPConnect); !ok || *trip >= wait {
		return x.fail(device.Timeout, wait, &x.took.Connect, errSilence)
	}
	return nil
}

// shakeBadly is a handshake on a connection that has troubles.
func (x *exchange) shakeBadly() error {
	if x.trouble == nil {
		return nil
	}
	read := int64(x.r.Unit.Row.Behaviour.HTTPRead)
	for _, size := range []int64{flightSize, shakeSize} {
		out := x.trouble.Request(helloSize)
		a := x.trouble.Answer(size)
		x.took.TLS += int64(a.FirstByte + a.Body)
		switch {
		case a.Ending == fault.Silent, x.took.TLS > read:
			x.took.TLS = read
			return x.fail(device.Timeout, x.took.Connect+read, new(int64), errSilence)
		case a.Ending != fault.Whole, !out:
			return x.refused(certs.Failure{Alert: ssl.NoAlert}, []string{certs.LogNoSSL})
		}
	}
	return nil
}

// askBadly is a request that may not get out.
func (x *exchange) askBadly() error {
	switch {
	case x.trouble == nil || x.trouble.Request(requestSize+int64(len(x.r.Body))):
		return nil
	case x.trouble.Silenced():
		return x.fail(device.Timeout, int64(x.r.Unit.Row.Behaviour.HTTPRead), &x.took.FirstByte, errSilence)
	}
	return x.fail(device.NoConnect, x.c.roundTrip(), &x.took.FirstByte, errBroken) // the server closes its half too
}

// failAs is what the device makes of a bad server.
func (x *exchange) failAs(e *resync.Error, sent int64) error {
	x.took.FirstByte = x.c.p.Now() - sent
	err := x.fail(e.Result, e.Took.FirstByte+e.Took.Body, &x.took.Body, e.Cause)
	if failed, ok := err.(*resync.Error); ok { //nolint:errorlint // fail returns it as it is
		failed.TooBig, failed.Cut, failed.TLS = e.TooBig, e.Cut, e.TLS
	}
	return err
}

// late returns what becomes of an answer on a connection that has troubles.
func (x *exchange) late(resp *resync.Response) (late int64, a fault.Answer) {
	if x.trouble == nil {
		return 0, a
	}
	a = x.trouble.Answer(headerSize + int64(len(resp.Body)))
	return int64(a.FirstByte), a
}

// cut is an answer that ends before it is whole.
func (x *exchange) cut(a fault.Answer, resp *resync.Response) error {
	behaviour := &x.r.Unit.Row.Behaviour
	began := a.Received >= headerSize && resp.Status/100 == http.StatusOK/100
	var err error
	switch {
	case x.took.Body > patience*int64(behaviour.HTTPRead):
		err, began = x.fail(device.Timeout, 0, &x.took.Body, errSilence), true
	case a.Ending == fault.Whole:
		return nil
	case a.Ending == fault.Silent:
		phase := &x.took.Body
		if a.Received == 0 {
			phase = &x.took.FirstByte
		}
		err = x.fail(device.Timeout, int64(behaviour.HTTPRead), phase, errSilence)
	case a.Received == 0:
		err = x.fail(device.NoConnect, 0, &x.took.FirstByte, errBroken)
	case a.Received >= headerSize && !began:
		return nil // of an error page, what came is enough
	default:
		err = x.fail(device.Corrupt, 0, &x.took.Body, errBroken)
	}
	if failed, ok := err.(*resync.Error); ok { //nolint:errorlint // fail returns it as it is
		failed.Cut = began
	}
	return err
}

// patience is how many read waits a device waits for a whole file (inferred).
const patience = 10
