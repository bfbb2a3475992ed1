package fleet

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"spafleet/certs"
	"spafleet/certs/ssl"
	"spafleet/device"
	"spafleet/device/model"
	"spafleet/device/profile"
	"spafleet/resync"
	"spafleet/resync/fault"
)

// A visit is one HTTP request that is not spoken: when its parts end, and how.
type visit struct {
	a       *actor
	r       *resync.Request
	took    device.Phases
	server  resync.Responder
	verdict certs.Verdict
	trouble *fault.Trouble // nil for none
}

var (
	errClosedPort = errors.New("connection refused")
	errSilence    = errors.New("no answer in time")
	errBroken     = errors.New("the connection was closed")
	errTooLarge   = errors.New("answer is larger than the device takes")
)

// fetchHTTP waits twice: until the request is at the server, and until the
// answer is here. What takes time in between is drawn beforehand and adds up to
// the whole.
func (a *actor) fetchHTTP(r *resync.Request) (resync.Response, error) {
	v := visit{a: a, r: r}
	if err := v.connect(); err != nil {
		return resync.Response{}, err
	}
	if r.Scheme == "https" {
		if err := v.shakeHands(); err != nil {
			return resync.Response{}, err
		}
	}
	return v.exchange()
}

// fail waits and then fails.
func (v *visit) fail(result device.Result, wait int64, phase *int64, cause error) error {
	*phase += wait
	if err := v.a.wait(v.a.Now() + wait); err != nil {
		return err
	}
	return &resync.Error{Result: result, Took: v.took, Cause: cause}
}

// connect opens a connection, which takes a round trip.
func (v *visit) connect() error {
	w, to := v.a.s.world, v.r.Server
	trip := v.a.roundTrip()
	if err := v.befall(&trip); err != nil {
		return err
	}
	if to.Addr().Unmap() != w.Addr {
		return v.fail(device.Timeout, int64(v.r.Unit.Row.Behaviour.HTTPConnect), &v.took.Connect, errSilence)
	}
	secure := w.secure(to.Port())
	if secure == nil && (to.Port() != w.HTTP || w.HTTP == 0) {
		return v.fail(device.NoConnect, trip, &v.took.Connect, errClosedPort)
	}
	v.took.Connect, v.server = trip, w.Server
	switch {
	case secure == nil:
	case v.r.Scheme == "http": // it takes a hello
		v.server = puzzled{}
	case secure.Responder != nil:
		v.server = secure.Responder
	}
	return nil
}

// puzzled is a server that cannot read what it is asked.
type puzzled struct{}

func (puzzled) Respond(int64, *resync.Request) resync.Response {
	return resync.Response{Status: http.StatusBadRequest, Body: []byte("400 Bad Request")}
}

// headerWait is how long a server waits for the end of a header.
const headerWait = 10 * time.Second

func (w *InProcess) secure(port uint16) *Secure {
	for i := range w.HTTPS {
		if w.HTTPS[i].Port == port {
			return &w.HTTPS[i]
		}
	}
	return nil
}

// shakeHands is judged: two round trips, or until one side has had enough.
func (v *visit) shakeHands() error {
	w, row := v.a.s.world, v.r.Unit.Row
	v.took.TLS = v.a.roundTrip() + v.a.roundTrip() + int64(row.Behaviour.TLS.Think)
	if err := v.shakeBadly(); err != nil {
		return err
	}
	secure := w.secure(v.r.Server.Port())
	if secure == nil {
		v.took.TLS = int64(min(headerWait, row.Behaviour.HTTPRead)) // it takes the hello for the beginning of a header
		return v.refused(certs.Failure{Alert: ssl.NoAlert}, certs.LogLines(0, v.r.Host))
	}
	devices := w.Certs
	if v.r.CA != "" {
		devices = devices.With(v.r.CA)
	}
	visit := certs.Visit{Unit: v.r.Unit, Params: v.r.Params, Now: time.Unix(0, v.r.Now), Host: v.r.Host, Addr: v.r.Server.Addr()}
	server := secure.facing(row)
	if name, ok := certs.NameToResolve(row, server.Chain[0]); ok {
		visit.Found = w.Hosts[strings.ToLower(name)]
	}
	var err error
	if v.verdict, err = devices.Judge(visit, server); err != nil {
		return v.fail(device.NoConnect, v.took.Connect+v.took.TLS, new(int64), err)
	}
	return v.heed()
}

// facing returns the side of a listener that a firmware meets.
func (s *Secure) facing(row *model.Row) *certs.Server {
	if s.Server == nil || s.Modern != nil && certs.Speaks12(row) {
		return s.Modern
	}
	return s.Server
}

// heed does what the verdict says.
func (v *visit) heed() error {
	d := &v.verdict
	said := certs.Failure{Number: d.Number, Alert: d.Alert, Sent: d.By == certs.TheDevice}
	row := v.r.Unit.Row
	read := int64(row.Behaviour.HTTPRead)
	switch {
	case d.OK, d.Status != 0:
		return nil
	case d.By == certs.TheDevice && d.Number == 0 && d.Alert == ssl.NoAlert && row.Behaviour.TLS.OnLongDH == model.ReactSilence:
		return v.fail(device.Timeout, v.took.Connect+read, new(int64), errSilence)
	case len(d.Log) > 0:
		return v.refused(said, d.Log)
	case d.By != certs.Nobody: // after the request
		return v.fail(device.NoConnect, v.took.Connect+v.took.TLS+v.a.roundTrip(), new(int64), errBroken)
	}
	return v.fail(device.Timeout, v.took.Connect+v.took.TLS+read, new(int64), errSilence)
}

// refused is a handshake that one side ended.
func (v *visit) refused(f certs.Failure, log []string) error {
	err := v.fail(device.TLSFailed, v.took.Connect+v.took.TLS, new(int64), errBroken)
	var e *resync.Error
	if !errors.As(err, &e) {
		return err
	}
	e.TLS = resync.Handshake{Verify: f.Number, Log: log, Hint: f.Hint(v.r.Unit.Row)}
	if f.Alert != ssl.NoAlert {
		e.TLS.Alert = uint8(f.Alert)
	}
	return err
}

// exchange is the request and its answer.
func (v *visit) exchange() (resync.Response, error) {
	trip := v.a.roundTrip()
	sent := v.a.Now() + v.took.Connect + v.took.TLS
	if err := v.a.wait(sent + trip/2); err != nil {
		return resync.Response{}, err
	}
	if err := v.askBadly(); err != nil {
		return resync.Response{}, err
	}
	ready := v.a.think()
	resp := v.ask()
	if resp.Fails != nil {
		return resync.Response{}, v.failAs(resp.Fails, sent)
	}
	v.took.FirstByte = ready + trip - trip/2 - sent
	late, answer := v.late(&resp)
	v.took.FirstByte += late
	if read := int64(v.r.Unit.Row.Behaviour.HTTPRead); v.took.FirstByte > read {
		v.took.FirstByte = 0
		return resync.Response{}, v.fail(device.Timeout, sent+read-v.a.Now(), &v.took.FirstByte, errSilence)
	}
	v.took.Body = v.arrival(len(resp.Body)) + resp.Took.Body + int64(answer.Body)
	if err := v.a.wait(sent + v.took.FirstByte + v.took.Body); err != nil {
		return resync.Response{}, err
	}
	if err := v.cut(answer, &resp); err != nil {
		return resync.Response{}, err
	}
	return v.receive(resp)
}

// ask is what the server says to the request. A certificate that it refuses by
// an answer it refuses before it looks at what is asked.
func (v *visit) ask() resync.Response {
	if v.verdict.Status != 0 {
		return resync.Response{Status: v.verdict.Status}
	}
	if strings.Contains(v.r.Path, "%") {
		if _, err := url.ParseRequestURI(v.r.Path); err != nil {
			v.server = puzzled{}
		}
	}
	return v.server.Respond(v.a.Now(), v.r)
}

// firstFlight is how much a server sends before it waits for the first ACK: ten
// segments (RFC 6928). With each round trip it sends twice as much.
const firstFlight = 10 * 1460

// arrival returns how long the body takes from its first byte on.
func (v *visit) arrival(size int) (took int64) {
	for flight := firstFlight; size > flight; flight *= 2 {
		size -= flight
		took += v.a.roundTrip()
	}
	return took
}

// receive is what the device makes of the answer, within its limit.
func (v *visit) receive(resp resync.Response) (resync.Response, error) {
	if resp.Status != http.StatusOK && v.server != (puzzled{}) {
		resp.Body = nil
		if resp.Status != http.StatusNoContent && resp.Status != http.StatusNotModified {
			resp.Body = fmt.Appendf(nil, "%d %s\n", resp.Status, http.StatusText(resp.Status))
		}
	}
	if len(resp.Body) > v.r.Max {
		if resp.Status/100 == 2 {
			return resync.Response{}, &resync.Error{Result: device.Corrupt, TooBig: true, Cut: true, Took: v.took, Cause: errTooLarge}
		}
		resp.Body = nil
	}
	resp.Took = v.took
	resp.TLS, resp.Mutual = v.r.Scheme == "https", v.verdict.Protection&profile.Mutual != 0
	return resp, nil
}
