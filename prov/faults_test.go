package prov_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"net/netip"
	"testing"
	"time"

	"spafleet/certs"
	"spafleet/certs/ssl"
	"spafleet/certs/trust"
	"spafleet/device"
	"spafleet/device/devicetest"
	"spafleet/prov"
	"spafleet/resync"
	"spafleet/resync/fault"
	"spafleet/resync/fault/faulttest"
	"spafleet/resync/fetch"
)

const goodText = "<flat-profile><GPP_A>"

// hasty returns a device that waits for nobody.
func hasty(t *testing.T) *device.Unit {
	t.Helper()
	row := devicetest.Turned(t, "SPA2102", "5.2.12", map[string]string{"http_read_wait": "700ms", "tftp_wait": "250ms", "tftp_tries": "2"})
	u := device.NewUnit(row, 1, 3, netip.MustParseAddr("127.64.0.4"))
	return &u
}

// request returns a device's request for a file of a server.
func request(t *testing.T, scheme string, at netip.AddrPort) *resync.Request {
	u := hasty(t)
	return &resync.Request{
		Unit: u, Params: device.Reset(u.Row.Factory), Source: u.IP, Server: at, Host: "prov.test", Scheme: scheme, Method: "GET",
		Path: "/spa2102.cfg", Max: 128 << 10, Now: time.Date(2015, 1, 1, 0, 0, 0, 0, time.UTC).UnixNano(),
	}
}

var (
	authorities = certs.New(1)
	sockets     = &fetch.Sockets{
		Certs: &trust.Devices{PKI: authorities, Holder: &certs.Holder{PKI: authorities}},
		Hosts: map[string][]netip.Addr{"prov.test": {netip.MustParseAddr("127.0.0.1")}},
	}
)

// known finds the hasty device by its address.
func known(t *testing.T) func(netip.Addr) (*device.Unit, bool) {
	u := hasty(t)
	return func(a netip.Addr) (*device.Unit, bool) { return u, a == u.IP }
}

// serveBadly serves a file by all schemes, with the faults of a plan.
func serveBadly(t *testing.T, body string, p *fault.Plan) (*prov.Server, map[string]netip.AddrPort) {
	t.Helper()
	cert, err := authorities.Server(certs.ServerRequest{CA: certs.Sipura1, CN: "prov.test"})
	if err != nil {
		t.Fatal(err)
	}
	c := newCore(t, map[string]prov.Entry{"/spa2102.cfg": {Body: body}}, prov.Options{Faults: p, Who: known(t)})
	s := &prov.Server{Core: c, TFTPAddr: "127.0.0.1:0", HTTPAddr: "127.0.0.1:0",
		HTTPS: []prov.HTTPS{{Addr: "127.0.0.1:0", SSL: &ssl.Server{Min: ssl.TLS10, Max: ssl.TLS10, Suites: []ssl.Suite{ssl.AES256SHA}, Certificate: cert}}}}
	if err := s.Open(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s, map[string]netip.AddrPort{"tftp": s.TFTP(), "http": s.HTTP(), "https": s.HTTPSAt()[0]}
}

// A fault that breaks an answer needs to know whose transfer it breaks.
func TestABrokenAnswerNeedsItsDevice(t *testing.T) {
	c := newCore(t, map[string]prov.Entry{"/a": {Body: "a"}}, prov.Options{Faults: faulttest.Plan(t, "", "", fault.Effects{StallAfter: fault.After(0)})})
	defer func() {
		if recover() == nil {
			t.Error("it was answered")
		}
	}()
	c.Respond(1, &resync.Request{Method: "GET", Scheme: "tftp", Path: "/a"})
}

// The n-th request of each device for a path, and no other.
func TestTheServerCountsRequests(t *testing.T) {
	u := hasty(t)
	other := device.NewUnit(u.Row, 1, 4, netip.MustParseAddr("127.64.0.5"))
	c := newCore(t, map[string]prov.Entry{"/a": {Body: "a"}, "/b": {Body: "b"}}, prov.Options{
		Faults: faulttest.Plan(t, "http /a", "2", fault.Effects{HasStatus: true, Status: 503}),
		Who: func(a netip.Addr) (*device.Unit, bool) {
			return map[netip.Addr]*device.Unit{u.IP: u, other.IP: &other}[a], a == u.IP || a == other.IP
		},
	})
	ask := func(from *device.Unit, path string, want int) {
		t.Helper()
		if r := c.Respond(1, &resync.Request{Method: "GET", Scheme: "http", Path: path, Source: from.IP}); r.Status != want {
			t.Errorf("device %d, %s: %d, want %d", from.Index, path, r.Status, want)
		}
	}
	ask(u, "/a", 200)
	ask(u, "/b", 200)
	ask(&other, "/a", 200)
	ask(u, "/a", 503)
	ask(u, "/a", 200)
	ask(&other, "/a?x", 503)
}

func TestADownServerRefusesAndComesBack(t *testing.T) {
	s, at := serveBadly(t, goodText, nil)
	ask := func(scheme string) device.Result {
		t.Helper()
		_, err := sockets.Fetch(t.Context(), request(t, scheme, at[scheme]))
		var e *resync.Error
		if errors.As(err, &e) {
			return e.Result
		}
		if err != nil {
			t.Fatal(err)
		}
		return 0
	}
	s.Down("http")
	if a, b := ask("http"), ask("https"); a != device.NoConnect || b != 0 {
		t.Errorf("http is down: %v, https %v", a, b)
	}
	if err := s.Up("http"); err != nil || ask("http") != 0 {
		t.Errorf("http is back: %v", err)
	}
	s.Down("")
	if a, b := ask("http"), ask("https"); a != device.NoConnect || b != device.NoConnect {
		t.Errorf("all is down: %v, %v", a, b)
	}
	if err := s.Up(""); err != nil || ask("http") != 0 || ask("https") != 0 || s.HTTP() != at["http"] {
		t.Errorf("all is back: %v", err)
	}
}

// A server that closes takes its bad answers with it.
func TestCloseEndsBadAnswers(t *testing.T) {
	for _, e := range []fault.Effects{{StallAfter: fault.After(0)}, {Hostile: fault.Endless}, {Hostile: fault.Drip}, {Down: true}} {
		s, at := serveBadly(t, goodText, faulttest.Plan(t, "", "", e))
		for scheme := range at {
			if _, err := sockets.Fetch(t.Context(), request(t, scheme, at[scheme])); err == nil && e.Hostile != fault.Drip {
				t.Errorf("%s, %+v: an answer", scheme, e)
			}
		}
		begun := time.Now()
		s.Close()
		if took := time.Since(begun); took > 5*time.Second {
			t.Errorf("%+v: closing took %v", e, took)
		}
	}
}

func TestABombUnpacksToMuch(t *testing.T) {
	c := newCore(t, map[string]prov.Entry{"/a": {Body: "a"}}, prov.Options{Faults: faulttest.Plan(t, "", "", fault.Effects{Hostile: fault.Bomb})})
	bomb := get(c, "/a").Body
	z, err := gzip.NewReader(bytes.NewReader(bomb))
	if err != nil {
		t.Fatal(err)
	}
	n, err := io.Copy(io.Discard, z) // checks sum and size
	if err != nil || n != 48<<20 || len(bomb) > 64<<10 {
		t.Errorf("%d bytes of %d, %v", n, len(bomb), err)
	}
}
