package modelled

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"spafleet/certs/ssl"
	"spafleet/certs/trust"
	"spafleet/device"
	"spafleet/device/model"
	"spafleet/device/phase"
	"spafleet/device/profile"
	"spafleet/resync"
	"spafleet/resync/fault"
	"spafleet/resync/tftp"
)

// An exchange is one HTTP request that is not spoken: when its parts end, and how.
type exchange struct {
	c           *Client
	r           *resync.Request
	took        device.Phases
	at          phase.Phase // where the exchange is
	server      resync.Responder
	verdict     trust.Verdict
	shown       [][]byte           // the server's certificates
	disturbance *fault.Disturbance // nil for none
	tired       bool               // the whole answer takes longer than the device waits
}

var (
	errClosedPort = errors.New("connection refused")
	errSilence    = errors.New("no answer in time")
	errBroken     = errors.New("the connection was closed")
)

// fetchHTTP waits twice: until the request is at the server, and until the
// answer is here. What takes time in between is drawn beforehand and adds up to
// the whole.
func (c *Client) fetchHTTP(r *resync.Request) (resync.Response, error) {
	x := exchange{c: c, r: r, at: phase.Connect}
	if err := x.connect(); err != nil {
		return resync.Response{}, err
	}
	if r.Scheme == "https" {
		x.at = phase.TLS
		if err := x.handshake(); err != nil {
			return resync.Response{}, err
		}
	}
	x.at = phase.FirstByte
	return x.converse()
}

// fail waits and then fails.
func (x *exchange) fail(result device.Result, wait int64, phase *int64, cause error) error {
	*phase += wait
	if err := x.c.p.Wait(x.c.p.Now() + wait); err != nil {
		return err
	}
	return &resync.Error{Result: result, Phase: x.at, Took: x.took, Cause: cause}
}

// connect opens a connection, which takes a round trip.
func (x *exchange) connect() error {
	w, to := x.c.s.network, x.r.Server
	trip := x.c.roundTrip()
	if err := x.disturb(&trip); err != nil {
		return err
	}
	if !w.has(to.Addr().Unmap()) {
		return x.fail(device.Timeout, int64(x.r.Unit.Row.Behaviour.HTTPConnect), &x.took.Connect, errSilence)
	}
	secure := w.secure(to.Port())
	closed := secure == nil && (to.Port() != w.HTTP || w.HTTP == 0)
	if !closed && x.disturbance.Down() {
		x.disturbance.Did(fault.Effects{Down: true})
		closed = true
	}
	if closed {
		return x.fail(device.NoConnect, trip, &x.took.Connect, errClosedPort)
	}
	x.took.Connect, x.server = trip, w.Server
	switch {
	case secure == nil:
	case x.r.Scheme == "http": // it takes a hello
		x.server = badRequestServer{}
	case secure.Responder != nil:
		x.server = secure.Responder
	}
	return nil
}

// badRequestServer is a server that cannot read what it is asked.
type badRequestServer struct{}

func (badRequestServer) Respond(int64, *resync.Request) resync.Response {
	return resync.Response{Status: http.StatusBadRequest, Body: []byte("400 Bad Request")}
}

func (n *Network) secure(port uint16) *Secure {
	for i := range n.HTTPS {
		if n.HTTPS[i].Port == port {
			return &n.HTTPS[i]
		}
	}
	return nil
}

// handshake is judged, not spoken: two round trips, or until one side gives up.
func (x *exchange) handshake() error {
	w, row := x.c.s.network, x.r.Unit.Row
	x.took.TLS = x.c.roundTrip() + x.c.roundTrip() + int64(row.Behaviour.TLS.Think)
	if err := x.disturbHandshake(); err != nil {
		return err
	}
	secure := w.secure(x.r.Server.Port())
	if secure == nil {
		wait := int64(w.HeaderWait) // it takes the hello for the beginning of a header
		if read := int64(row.Behaviour.HTTPRead); read < wait {
			x.took.TLS = read
			return x.fail(device.Timeout, x.took.Connect+read, new(int64), errSilence)
		}
		x.took.TLS = wait
		return x.refused(trust.Failure{Alert: ssl.NoAlert}, trust.LogLines(0, x.r.Host))
	}
	if greeter, ok := x.server.(resync.Greeter); ok {
		if e := greeter.Greet(x.c.p.Now(), x.r); e != nil {
			err := x.refused(trust.Failure{Alert: alertOf(e)}, e.TLS.Log)
			x.logged(e.TLS)
			return err
		}
	}
	connection := trust.Visit{Unit: x.r.Unit, Params: x.r.Params, Now: time.Unix(0, x.r.Now), Host: x.r.Host, Addr: x.r.Server.Addr()}
	server := secure.Facing(row)
	x.shown = server.Chain
	if name, ok := trust.NameToResolve(row, server.Chain[0]); ok {
		connection.Found = w.Hosts[strings.ToLower(name)]
	}
	var err error
	if x.verdict, err = x.devices().Judge(connection, server); err != nil {
		return x.fail(device.NoConnect, x.took.Connect+x.took.TLS, new(int64), err)
	}
	return x.obey()
}

// logged tells the server how a handshake failed.
func (x *exchange) logged(h resync.Handshake) {
	if log, ok := x.server.(resync.Greeter); ok {
		log.LogHandshake(x.c.p.Now(), x.r, h)
	}
}

// devices are what the device trusts and shows.
func (x *exchange) devices() *trust.Devices {
	if x.r.CA != "" {
		return x.c.s.network.Certs.With(x.r.CA)
	}
	return x.c.s.network.Certs
}

// alertOf returns the alert of a failed handshake.
func alertOf(e *resync.Error) ssl.Alert {
	if e.TLS.Alert == 0 {
		return ssl.NoAlert
	}
	return ssl.Alert(e.TLS.Alert)
}

// Facing returns the side of a listener that a firmware meets.
func (s *Secure) Facing(row *model.Row) *trust.Server {
	if s.Server == nil || s.Modern != nil && trust.Speaks12(row) {
		return s.Modern
	}
	return s.Server
}

// obey does what the verdict says. The server logs a connection that one side ended.
func (x *exchange) obey() error {
	err, d := x.end(), &x.verdict
	if err != nil && d.Alert != ssl.NoAlert {
		x.logged(resync.Handshake{Alert: uint8(d.Alert), Sent: d.By == trust.TheDevice, Verify: d.Client})
	}
	return err
}

// end ends what the verdict ends.
func (x *exchange) end() error {
	d := &x.verdict
	said := trust.Failure{Number: d.Number, Alert: d.Alert, Sent: d.By == trust.TheDevice, Chain: x.shown, DHBits: d.DHBits}
	row := x.r.Unit.Row
	read := int64(row.Behaviour.HTTPRead)
	switch {
	case d.OK, d.Status != 0:
		return nil
	case d.By == trust.TheDevice && d.Number == 0 && d.Alert == ssl.NoAlert && row.Behaviour.TLS.OnLongDH == model.ReactSilence:
		return x.refusedAs(said, d.Log, x.fail(device.Timeout, x.took.Connect+read, new(int64), errSilence))
	case len(d.Log) > 0:
		return x.refused(said, d.Log)
	case d.By != trust.Nobody: // after the request
		x.at = phase.FirstByte
		return x.fail(device.NoConnect, x.took.Connect+x.took.TLS+x.c.roundTrip(), new(int64), errBroken)
	}
	x.at = phase.FirstByte
	return x.fail(device.Timeout, x.took.Connect+x.took.TLS+read, new(int64), errSilence)
}

// refused is a handshake that one side ended.
func (x *exchange) refused(f trust.Failure, log []string) error {
	return x.refusedAs(f, log, x.fail(device.TLSFailed, x.took.Connect+x.took.TLS, new(int64), errBroken))
}

// refusedAs adds to an error what the device's side knows of a handshake.
func (x *exchange) refusedAs(f trust.Failure, log []string, err error) error {
	var e *resync.Error
	if !errors.As(err, &e) {
		return err
	}
	f.Host, f.Now = x.r.Host, time.Unix(0, x.r.Now)
	e.TLS = resync.Handshake{Verify: f.Number, Sent: f.Sent, Log: log, Hint: x.devices().Hint(x.r.Unit.Row, f)}
	if f.Alert != ssl.NoAlert {
		e.TLS.Alert = uint8(f.Alert)
	}
	return err
}

// converse is the request and its answer.
func (x *exchange) converse() (resync.Response, error) {
	trip := x.c.roundTrip()
	sent := x.c.p.Now() + x.took.Connect + x.took.TLS
	if err := x.c.p.Wait(sent + trip/2); err != nil {
		return resync.Response{}, err
	}
	if err := x.disturbRequest(); err != nil {
		return resync.Response{}, err
	}
	ready := x.c.think()
	resp := x.ask()
	if resp.Fails != nil {
		return resync.Response{}, x.failAs(resp.Fails, sent)
	}
	x.took.FirstByte = ready + trip - trip/2 - sent
	late, answer := x.disturbAnswer(&resp)
	x.took.FirstByte += late
	if read := int64(x.r.Unit.Row.Behaviour.HTTPRead); x.took.FirstByte > read {
		x.took.FirstByte = 0
		return resync.Response{}, x.fail(device.Timeout, sent+read-x.c.p.Now(), &x.took.FirstByte, errSilence)
	}
	x.took.Body = x.arrival(resp.Len()) + resp.Took.Body + int64(answer.Body)
	if whole := int64(x.r.Unit.Row.Behaviour.HTTPWhole()); x.took.FirstByte+x.took.Body > whole {
		x.took.Body, x.tired = whole-x.took.FirstByte, true
	}
	if err := x.c.p.Wait(sent + x.took.FirstByte + x.took.Body); err != nil {
		return resync.Response{}, err
	}
	if err := x.cut(answer, &resp); err != nil {
		return resync.Response{}, err
	}
	if resp.Status == http.StatusOK {
		resp.Announced = resp.Len() // servers say it
	}
	return x.receive(resp)
}

// ask is what the server says to the request. A certificate that it refuses by
// an answer it refuses before it looks at what is asked.
func (x *exchange) ask() resync.Response {
	if x.verdict.Status != 0 {
		return resync.Response{Status: x.verdict.Status}
	}
	if strings.Contains(x.r.Path, "%") {
		if _, err := url.ParseRequestURI(x.r.Path); err != nil {
			x.server = badRequestServer{}
		}
	}
	r := x.r
	if x.disturbance != nil && r.Has != 0 {
		all := *r
		all.Has, r = 0, &all // what happens to its bytes counts
	}
	return x.server.Respond(x.c.p.Now(), r)
}

// firstFlight is how much a server sends before it waits for the first ACK: ten
// segments (RFC 6928). With each round trip it sends twice as much.
const firstFlight = 10 * 1460

// arrival returns how long the body takes from its first byte on.
func (x *exchange) arrival(size int) (took int64) {
	for flight := firstFlight; size > flight; flight *= 2 {
		size -= flight
		took += x.c.roundTrip()
	}
	return took
}

// receive is the answer as the device gets it, within its limit.
func (x *exchange) receive(resp resync.Response) (resync.Response, error) {
	if resp.Status != http.StatusOK && x.server != (badRequestServer{}) {
		resp.Body = nil
		if resp.Status != http.StatusNoContent && resp.Status != http.StatusNotModified {
			resp.Body = fmt.Appendf(nil, "%d %s\n", resp.Status, http.StatusText(resp.Status))
		}
	}
	if resp.Len() > x.r.Max {
		if resp.Status/100 == 2 {
			return resync.Response{}, &resync.Error{Result: device.Corrupt, TooBig: true, Cut: true, Phase: phase.Size, Took: x.took, Cause: tftp.ErrTooBig}
		}
		resp.Body, resp.Passed = nil, 0
	}
	resp.Took = x.took
	resp.TLS, resp.Mutual = x.r.Scheme == "https", x.verdict.Protection&profile.Mutual != 0
	if x.verdict.Asked {
		resp.Refusal = trust.ShownHint(x.verdict.Shown)
	}
	return resp, nil
}
