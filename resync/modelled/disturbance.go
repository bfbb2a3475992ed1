package modelled

import (
	"net/http"

	"spafleet/certs/ssl"
	"spafleet/certs/trust"
	"spafleet/device"
	"spafleet/device/phase"
	"spafleet/resync"
	"spafleet/resync/fault"
)

// What an HTTP exchange weighs beside its bodies, in bytes, as far as faults
// count them.
const (
	requestSize = 250
	headerSize  = 150
	helloSize   = 100  // of a handshake, what the device sends at first
	flightSize  = 1300 // and what the server sends, with its certificate
	shakeSize   = 60   // and its last word
)

// disturb looks for the faults of an exchange and of its connection.
func (x *exchange) disturb(trip *int64) error {
	x.disturbance = x.c.s.network.Faults.Exchange(fault.Exchange{Device: uint32(x.r.Unit.Index), Scheme: x.r.Scheme, Path: x.r.Path, Server: x.r.Server.Addr()})
	if x.disturbance == nil {
		return nil
	}
	late, ok := x.disturbance.Connect()
	*trip += int64(late)
	if wait := int64(x.r.Unit.Row.Behaviour.HTTPConnect); !ok || *trip >= wait {
		return x.fail(device.Timeout, wait, &x.took.Connect, errSilence)
	}
	return nil
}

// disturbHandshake lets the faults of the connection happen to a handshake, which
// as a whole has the time of one read.
func (x *exchange) disturbHandshake() error {
	read := int64(x.r.Unit.Row.Behaviour.HTTPRead)
	if x.disturbance == nil {
		if x.took.TLS <= read {
			return nil
		}
		x.took.TLS = read
		return x.fail(device.Timeout, x.took.Connect+read, new(int64), errSilence)
	}
	for _, size := range []int64{flightSize, shakeSize} {
		out := x.disturbance.Request(helloSize)
		a := x.disturbance.Answer(size)
		x.took.TLS += int64(a.FirstByte + a.Body)
		switch {
		case a.Ending == fault.Silent, x.took.TLS > read:
			x.took.TLS = read
			return x.fail(device.Timeout, x.took.Connect+read, new(int64), errSilence)
		case a.Ending != fault.Whole, !out:
			return x.refused(trust.Failure{Alert: ssl.NoAlert}, []string{trust.LogNoSSL})
		}
	}
	return nil
}

// disturbRequest is a request that may not get out.
func (x *exchange) disturbRequest() error {
	switch {
	case x.disturbance == nil || x.disturbance.Request(requestSize+int64(len(x.r.Body))):
		return nil
	case x.disturbance.Silenced():
		return x.fail(device.Timeout, int64(x.r.Unit.Row.Behaviour.HTTPRead), &x.took.FirstByte, errSilence)
	}
	return x.fail(device.NoConnect, x.c.roundTrip(), &x.took.FirstByte, errBroken) // the server closes its half too
}

// failAs ends a transfer as a bad server does.
func (x *exchange) failAs(e *resync.Error, sent int64) error {
	x.took.FirstByte = x.c.p.Now() - sent
	err := x.fail(e.Result, e.Took.FirstByte+e.Took.Body, &x.took.Body, e.Cause)
	if failed, ok := err.(*resync.Error); ok { //nolint:errorlint // fail returns it as it is
		failed.TooBig, failed.Cut, failed.TLS, failed.Phase = e.TooBig, e.Cut, e.TLS, e.Phase
	}
	return err
}

// disturbAnswer returns what happens to an answer on a disturbed connection.
func (x *exchange) disturbAnswer(resp *resync.Response) (late int64, a fault.Answer) {
	if x.disturbance == nil {
		return 0, a
	}
	size := headerSize + int64(len(resp.Body))
	a = x.disturbance.Answer(size)
	if x.r.Scheme == "https" && a.Ending != fault.Whole {
		a.Received = unsealed(a.Received, size)
	}
	return int64(a.FirstByte), a
}

// firstRecord is how much of an answer the embedded server writes first, and so
// seals in its first record: net/http's buffer.
const firstRecord = 4 << 10

// unsealed returns how many of the received bytes of an answer can be read, as far
// as it matters: none before the first record is whole.
func unsealed(received, size int64) int64 {
	if received < min(firstRecord, size) {
		return 0
	}
	return received
}

// cut is an answer that ends before it is whole.
func (x *exchange) cut(a fault.Answer, resp *resync.Response) error {
	behaviour := &x.r.Unit.Row.Behaviour
	began := a.Received >= headerSize && resp.Status/100 == http.StatusOK/100
	if a.Received > 0 || x.tired {
		x.at = phase.Header
	}
	if began || x.tired {
		x.at = phase.Body
	}
	var err error
	switch {
	case x.tired:
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
