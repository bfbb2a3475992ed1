package resync_test

import (
	"context"
	"crypto"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"spafleet/certs"
	"spafleet/certs/ssl"
	"spafleet/certs/trust"
	"spafleet/device"
	"spafleet/device/model"
	"spafleet/resync"
	"spafleet/resync/fetch"
)

// A secure is one HTTPS transfer of a device: what it observes is what the
// server sees, and how the device ends.
type secure struct {
	row    string // MODEL FIRMWARE, and switches that the walk needs beside its own
	serial string // of the device; "": the model's first
	server certs.ServerRequest
	dh     int                // bits of the server's prime
	ask    ssl.Asking         // for the device's certificate
	stand  func(*secureWorld) // changes the world; nil: nothing
}

// A secureWorld is what stands around the transfer.
type secureWorld struct {
	devices *trust.Devices
	shown   *ssl.Certificate
}

const prov = "prov.example.com"

var walkPKI = certs.New(1)

func (s secure) observe(t *testing.T, setting string) string {
	t.Helper()
	name, firmware, others := cutRow(s.row)
	turned, err := model.ParseAssignments(append(others, setting))
	if err != nil {
		t.Fatal(err)
	}
	u := unit(t, name, firmware, turned)
	if s.serial != "" {
		u.Serial = s.serial
	}
	w := &secureWorld{devices: &trust.Devices{PKI: walkPKI, Holder: &certs.Holder{PKI: walkPKI}}}
	w.shown = s.shown(t)
	if s.stand != nil {
		s.stand(w)
	}
	var seen strings.Builder
	synctest.Test(t, func(t *testing.T) { s.transfer(t, &u, w, &seen) })
	return seen.String()
}

func cutRow(text string) (model, firmware string, switches []string) {
	words := strings.Fields(text)
	return words[0], words[1], words[2:]
}

func (s secure) shown(t *testing.T) *ssl.Certificate {
	t.Helper()
	r := s.server
	if r.CA == "" {
		r.CA = certs.Sipura1
	}
	if r.CN == "" {
		r.CN = prov
	}
	r.Bits = 1024
	c, err := walkPKI.Server(r)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// transfer asks the server for one file, and writes down both sides.
func (s secure) transfer(t *testing.T, u *device.Unit, w *secureWorld, seen *strings.Builder) {
	near, far := net.Pipe()
	wire := &tapped{Conn: near}
	conn := ssl.Accept(far, &ssl.Server{Min: ssl.SSL30, Max: ssl.TLS11, Certificate: w.shown, DHBits: s.dh, Ask: s.ask,
		Suites: []ssl.Suite{ssl.DHEAES256SHA, ssl.DES3SHA, ssl.AES256SHA, ssl.RC4SHA}})
	var serving sync.WaitGroup
	serving.Go(func() {
		defer far.Close()
		if _, err := io.ReadAtLeast(conn, make([]byte, 1000), 10); err == nil {
			io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
			io.Copy(io.Discard, conn) // a pipe holds nothing: the device's goodbye must be heard
		}
	})
	at := netip.MustParseAddrPort("10.0.2.1:443")
	sockets := &fetch.Sockets{
		Certs: w.devices, Hosts: map[string][]netip.Addr{prov: {at.Addr()}},
		Dial: func(context.Context, netip.Addr, netip.AddrPort, time.Duration) (net.Conn, error) { return wire, nil },
	}
	r := httpGet
	r.Unit, r.Params, r.Scheme, r.Server, r.Host, r.Path, r.Max = u, device.Reset(u.Row.Factory), "https", at, prov, "/a", 1000
	now := time.Date(2020, 6, 1, 0, 0, 0, 0, time.UTC)
	r.Now = r.Params.CertificateTime(u.Row, now.Add(-time.Hour).UnixNano(), now.UnixNano())
	began := time.Now()
	resp, err := sockets.Fetch(t.Context(), &r)
	fmt.Fprintln(seen, time.Since(began).Round(time.Millisecond), resp.Status, resp.Mutual)
	var failed *resync.Error
	if errors.As(err, &failed) {
		fmt.Fprintln(seen, failed.Result, failed.TLS.Verify, failed.TLS.Alert, failed.TLS.Log)
	}
	serving.Wait()
	state := conn.State()
	fmt.Fprintln(seen, state.Version, state.Suite, wire.first, wire.sent, w.devices.Holder.Status(u))
	for _, der := range state.Chain {
		x, err := x509.ParseCertificate(der)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(seen, "%s by %s, signature %x\n", x.Subject, x.Issuer, x.Signature[:4])
	}
}

// tapped remembers what the device sends.
type tapped struct {
	net.Conn
	mu    sync.Mutex
	first byte
	sent  int
}

func (c *tapped) Write(p []byte) (int, error) {
	c.mu.Lock()
	if c.sent == 0 {
		c.first = p[0]
	}
	c.sent += len(p)
	c.mu.Unlock()
	return c.Conn.Write(p)
}

// forClients has the server show a certificate for clients, of an authority that
// the device trusts.
func forClients(w *secureWorld) {
	a, err := walkPKI.Authority(certs.SipuraClient1)
	if err != nil {
		panic(err)
	}
	w.devices.Extra = []*x509.Certificate{a.Cert}
	row, err := model.NewRow("SPA962", "6.1.5(a)", nil)
	if err != nil {
		panic(err)
	}
	other := device.NewUnit(row, 1, 1, netip.Addr{})
	if w.shown, _, err = w.devices.Holder.Certificate(&other); err != nil {
		panic(err)
	}
}

func tlsWalk(a, b string, s secure) walk { return walk{a, b, s.observe} }

const (
	newest  = "SPA508G 7.6.2"
	earlier = "SPA508G 7.5.4"
	ata     = "SPA2102 5.2.10"
	inRange = "FM500F123456" // a serial number of defective units
)

func of(ca certs.Name) certs.ServerRequest { return certs.ServerRequest{CA: ca} }

var tlsWalks = map[string]walk{
	"tls_versions":    tlsWalk("tls1.0", "ssl3", secure{row: newest}),
	"tls_suites":      tlsWalk("rsa", "sipura", secure{row: newest, dh: 512}),
	"tls_hello":       tlsWalk("ssl2", "tls", secure{row: ata}),
	"empty_fragments": tlsWalk("yes", "no", secure{row: ata}),
	"dh_limit":        tlsWalk("1024", "0", secure{row: ata, dh: 2048}),
	"dh_exceeded":     tlsWalk("alert", "close", secure{row: ata, dh: 2048}),
	"hello_request":   tlsWalk("renegotiate", "refuse", secure{row: ata, ask: ssl.AskLater}),
	"tls_think":       tlsWalk("1s", "2s", secure{row: ata}),

	"ca_table":     tlsWalk("field", "documented", secure{row: earlier, server: of(certs.Linksys1)}),
	"verisign":     tlsWalk("refuse", "accept", secure{row: newest, server: of(certs.VerisignServer)}),
	"cert_time":    tlsWalk("ignore", "check", secure{row: earlier + " cert_clock=always", server: of(certs.Linksys1)}),
	"cert_clock":   tlsWalk("always", "never", secure{row: newest, server: of(certs.Linksys1)}),
	"cert_early":   tlsWalk("forgive", "refuse", secure{row: newest, server: certs.ServerRequest{From: time.Date(2021, 1, 1, 0, 0, 0, 0, time.UTC)}}),
	"cert_purpose": tlsWalk("forgive", "refuse", secure{row: newest + " name_check=off", stand: forClients}),
	"cert_sha256":  tlsWalk("refuse", "accept", secure{row: ata, server: certs.ServerRequest{Hash: crypto.SHA256}}),
	"name_check":   tlsWalk("cn", "off", secure{row: newest, server: certs.ServerRequest{CN: "other"}}),

	"client_certificate":  tlsWalk("auto", "generic", secure{row: newest, ask: ssl.AskFirst}),
	"client_root":         tlsWalk("early", "late", secure{row: newest, ask: ssl.AskFirst}),
	"generic_certificate": tlsWalk("sipura", "cisco", secure{row: newest + " client_certificate=generic", ask: ssl.AskFirst}),
	"ccert_text":          tlsWalk("plain", "bits", secure{row: newest}),
	"defect":              tlsWalk("bad_signature", "none", secure{row: ata + " defect_share=100", serial: inRange, ask: ssl.AskFirst}),
	"defect_share":        tlsWalk("0", "100", secure{row: ata, serial: inRange, ask: ssl.AskFirst}),
}

// What a walk sees must not differ by chance, or it shows nothing.
func TestTLSWalksAreSteady(t *testing.T) {
	for name, w := range tlsWalks {
		if one, two := w.observe(t, name+"="+w.a), w.observe(t, name+"="+w.a); one != two {
			t.Errorf("%s:\n%sand\n%s", name, one, two)
		}
	}
}
