package prov_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"net/netip"
	"strings"
	"testing"
	"time"

	"spafleet/certs"
	"spafleet/certs/ssl"
	"spafleet/device"
	"spafleet/device/devicetest"
	"spafleet/prov"
	"spafleet/resync"
	"spafleet/resync/fault"
	"spafleet/resync/fetch"
)

// badly returns a plan of one fault of the server.
func badly(t *testing.T, match, nth string, e fault.Effects) *fault.Plan {
	t.Helper()
	m, err := fault.ParseMatch(match)
	if err != nil {
		t.Fatal(err)
	}
	f := fault.Fault{Match: m, Effects: e}
	if nth != "" {
		if f.Nth, err = fault.ParseOrdinals(nth); err != nil {
			t.Fatal(err)
		}
	}
	p := &fault.Plan{Seed: 1}
	p.Start(f)
	return p
}

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
		Certs: &certs.Devices{PKI: authorities, Holder: &certs.Holder{PKI: authorities, Seed: 1}},
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

// What a device makes of a bad server over sockets is what the core says without
// them.
func TestABadServerIsTheSameWithAndWithoutSockets(t *testing.T) {
	body := goodText + strings.Repeat("0123456789abcdef", 200) + "</GPP_A></flat-profile>"
	tests := []struct {
		name    string
		match   string // with one scheme, or all
		effects fault.Effects
		tftp    device.Result // 0: an answer
		http    device.Result
	}{
		{"a status", "", fault.Effects{HasStatus: true, Status: 503}, device.BadStatus, 0},
		{"not found", "", fault.Effects{HasStatus: true, Status: 404}, 0, 0},
		{"an error of TFTP", "tftp", fault.Effects{HasStatus: true, Status: 2}, device.BadStatus, 0},
		{"stalls", "", fault.Effects{StallAfter: fault.After(1000)}, device.Timeout, device.Timeout},
		{"stalls at once", "", fault.Effects{StallAfter: fault.After(0)}, device.Timeout, device.Timeout},
		{"stalls after the end", "", fault.Effects{StallAfter: fault.After(10000)}, 0, 0},
		{"corrupt", "", fault.Effects{Corrupt: true}, 0, 0},
		{"endless", "", fault.Effects{Hostile: fault.Endless}, device.Corrupt, device.Corrupt},
		{"drip", "", fault.Effects{Hostile: fault.Drip}, device.Timeout, device.Timeout},
		{"length", "http /spa2102.cfg", fault.Effects{Hostile: fault.Length}, 0, device.Corrupt},
		{"headers", "http", fault.Effects{Hostile: fault.Headers}, 0, device.Corrupt},
		{"bomb", "", fault.Effects{Hostile: fault.Bomb}, 0, 0},
		{"storm", "tftp", fault.Effects{Hostile: fault.Storm}, device.Timeout, 0},
		{"garbage", "/spa2102.cfg", fault.Effects{Hostile: fault.Garbage}, device.Timeout, device.Corrupt},
		{"garbage for a handshake", "https", fault.Effects{Hostile: fault.Garbage}, 0, 0},
		{"an alert", "https", fault.Effects{Alert: 40}, 0, 0},
		{"down", "", fault.Effects{Down: true}, device.Timeout, device.NoConnect},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, at := serveBadly(t, body, badly(t, tt.match, "", tt.effects))
			model := newCore(t, map[string]prov.Entry{"/spa2102.cfg": {Body: body}}, prov.Options{Faults: badly(t, tt.match, "", tt.effects), Who: known(t)})
			for scheme, want := range map[string]device.Result{"tftp": tt.tftp, "http": tt.http, "https": tt.http} {
				if m, _ := fault.ParseMatch(tt.match); m.Scheme != "" && m.Scheme != scheme {
					want = 0
				}
				if tt.match == "https" && scheme == "https" {
					want = device.TLSFailed
				}
				r := request(t, scheme, at[scheme])
				said := resync.Response{}
				if scheme == "https" {
					said.Fails = model.Greet(1, r)
				}
				if said.Fails == nil {
					said = model.Respond(1, r) // first: a bomb is made once
				}
				begun := time.Now()
				got, err := sockets.Fetch(t.Context(), r)
				took := time.Since(begun)
				compare(t, scheme, want, got, err, said)
				if said.Fails != nil {
					p := said.Fails.Took
					if least := time.Duration(p.FirstByte + p.Body); took < least || took > least+3*time.Second {
						t.Errorf("%s: it took %v, the core says %v", scheme, took, least)
					}
				}
			}
		})
	}
}

func compare(t *testing.T, scheme string, want device.Result, got resync.Response, err error, said resync.Response) {
	t.Helper()
	if want == 0 {
		if err != nil || said.Fails != nil || got.Status != said.Status || got.Status == 200 && !bytes.Equal(got.Body, said.Body) {
			t.Errorf("%s: status %d, %d bytes, %v; the core says %d, %d bytes, %v", scheme, got.Status, len(got.Body), err, said.Status, len(said.Body), said.Fails)
		}
		return
	}
	var e *resync.Error
	if !errors.As(err, &e) || said.Fails == nil {
		t.Errorf("%s: %v, status %d; the core says %v", scheme, err, got.Status, said.Fails)
		return
	}
	if f := said.Fails; e.Result != want || f.Result != want || e.TooBig != f.TooBig || e.Cut != f.Cut || e.TLS.Alert != f.TLS.Alert {
		t.Errorf("%s: %+v; the core says %+v; want %v", scheme, e, f, want)
	}
}

// The n-th request of each device for a path, and no other.
func TestTheServerCountsRequests(t *testing.T) {
	u := hasty(t)
	other := device.NewUnit(u.Row, 1, 4, netip.MustParseAddr("127.64.0.5"))
	c := newCore(t, map[string]prov.Entry{"/a": {Body: "a"}, "/b": {Body: "b"}}, prov.Options{
		Faults: badly(t, "http /a", "2", fault.Effects{HasStatus: true, Status: 503}),
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
		s, at := serveBadly(t, goodText, badly(t, "", "", e))
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
	c := newCore(t, map[string]prov.Entry{"/a": {Body: "a"}}, prov.Options{Faults: badly(t, "", "", fault.Effects{Hostile: fault.Bomb})})
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
