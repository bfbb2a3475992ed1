package fleet

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
func (v *visit) befall(trip *int64) error {
	v.trouble = v.a.s.world.Faults.Exchange(fault.Exchange{Device: uint32(v.a.dev), Scheme: v.r.Scheme, Path: v.r.Path})
	if v.trouble == nil {
		return nil
	}
	late, ok := v.trouble.Connect()
	*trip += int64(late)
	if wait := int64(v.r.Unit.Row.Behaviour.HTTPConnect); !ok || *trip >= wait {
		return v.fail(device.Timeout, wait, &v.took.Connect, errSilence)
	}
	return nil
}

// shakeBadly is a handshake on a connection that has troubles.
func (v *visit) shakeBadly() error {
	if v.trouble == nil {
		return nil
	}
	read := int64(v.r.Unit.Row.Behaviour.HTTPRead)
	for _, size := range []int64{flightSize, shakeSize} {
		out := v.trouble.Request(helloSize)
		a := v.trouble.Answer(size)
		v.took.TLS += int64(a.FirstByte + a.Body)
		switch {
		case a.Ending == fault.Silent, v.took.TLS > read:
			v.took.TLS = read
			return v.fail(device.Timeout, v.took.Connect+read, new(int64), errSilence)
		case a.Ending != fault.Whole, !out:
			return v.refused(certs.Failure{Alert: ssl.NoAlert}, []string{certs.LogNoSSL})
		}
	}
	return nil
}

// askBadly is a request that may not get out.
func (v *visit) askBadly() error {
	switch {
	case v.trouble == nil || v.trouble.Request(requestSize+int64(len(v.r.Body))):
		return nil
	case v.trouble.Silenced():
		return v.fail(device.Timeout, int64(v.r.Unit.Row.Behaviour.HTTPRead), &v.took.FirstByte, errSilence)
	}
	return v.fail(device.NoConnect, v.a.roundTrip(), &v.took.FirstByte, errBroken) // the server closes its half too
}

// failAs is what the device makes of a bad server.
func (v *visit) failAs(e *resync.Error, sent int64) error {
	v.took.FirstByte = v.a.Now() - sent
	err := v.fail(e.Result, e.Took.FirstByte+e.Took.Body, &v.took.Body, e.Cause)
	if failed, ok := err.(*resync.Error); ok { //nolint:errorlint // fail returns it as it is
		failed.TooBig, failed.Cut, failed.TLS = e.TooBig, e.Cut, e.TLS
	}
	return err
}

// late returns what becomes of an answer on a connection that has troubles.
func (v *visit) late(resp *resync.Response) (late int64, a fault.Answer) {
	if v.trouble == nil {
		return 0, a
	}
	a = v.trouble.Answer(headerSize + int64(len(resp.Body)))
	return int64(a.FirstByte), a
}

// cut is an answer that ends before it is whole.
func (v *visit) cut(a fault.Answer, resp *resync.Response) error {
	behaviour := &v.r.Unit.Row.Behaviour
	began := a.Received >= headerSize && resp.Status/100 == http.StatusOK/100
	var err error
	switch {
	case v.took.Body > patience*int64(behaviour.HTTPRead):
		err, began = v.fail(device.Timeout, 0, &v.took.Body, errSilence), true
	case a.Ending == fault.Whole:
		return nil
	case a.Ending == fault.Silent:
		phase := &v.took.Body
		if a.Received == 0 {
			phase = &v.took.FirstByte
		}
		err = v.fail(device.Timeout, int64(behaviour.HTTPRead), phase, errSilence)
	case a.Received == 0:
		err = v.fail(device.NoConnect, 0, &v.took.FirstByte, errBroken)
	case a.Received >= headerSize && !began:
		return nil // of an error page, what came is enough
	default:
		err = v.fail(device.Corrupt, 0, &v.took.Body, errBroken)
	}
	if failed, ok := err.(*resync.Error); ok { //nolint:errorlint // fail returns it as it is
		failed.Cut = began
	}
	return err
}

// patience is how many read waits a device waits for a whole file (inferred).
const patience = 10
