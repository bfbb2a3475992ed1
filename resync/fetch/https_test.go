package fetch_test

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"spafleet/certs"
	"spafleet/certs/ssl"
	"spafleet/certs/trust"
	"spafleet/device"
	"spafleet/device/devicetest"
	"spafleet/prov"
	"spafleet/resync"
	"spafleet/resync/fetch"
)

var (
	pki     = certs.New(1)
	devices = &trust.Devices{PKI: pki, Holder: &certs.Holder{PKI: pki}}
)

// secureServer serves /spa2102.cfg by HTTPS, with the certificate of a request.
func secureServer(t *testing.T, r certs.ServerRequest, turn func(*ssl.Server)) (netip.AddrPort, func(n int) []prov.Line) {
	t.Helper()
	cert, err := pki.Server(r)
	if err != nil {
		t.Fatal(err)
	}
	roots, err := pki.ClientRoots()
	if err != nil {
		t.Fatal(err)
	}
	s := &ssl.Server{Min: ssl.SSL30, Max: ssl.TLS11, Suites: []ssl.Suite{ssl.DHEAES256SHA, ssl.AES256SHA, ssl.RC4SHA}, Certificate: cert,
		Ask: ssl.AskFirst, Verify: trust.AnyClient, Names: roots[:1]}
	if turn != nil {
		turn(s)
	}
	return serveHTTPS(t, prov.HTTPS{Addr: "127.0.0.1:0", SSL: s})
}

func serveHTTPS(t *testing.T, h prov.HTTPS) (netip.AddrPort, func(n int) []prov.Line) {
	t.Helper()
	lines := make(chan prov.Line, 100)
	core, err := prov.NewCore(map[string]prov.Entry{"/spa2102.cfg": {Body: "<flat-profile></flat-profile>"}, "/$MA.cfg": {Body: "<flat-profile></flat-profile>"}},
		prov.Options{Log: func(l prov.Line) { lines <- l }})
	if err != nil {
		t.Fatal(err)
	}
	server := &prov.Server{Core: core, HTTPS: []prov.HTTPS{h}}
	if err := server.Open(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	return server.HTTPSAt()[0], func(n int) []prov.Line {
		var all []prov.Line
		for range n { // the server learns of some things after the device
			select {
			case l := <-lines:
				all = append(all, l)
			case <-t.Context().Done():
			case <-time.After(10 * time.Second):
				t.Errorf("only %d of %d lines of the server's log", len(all), n)
			}
		}
		server.Close()
		close(lines)
		for l := range lines {
			all = append(all, l)
		}
		return all
	}
}

// askSecurely returns a device's request to a server called prov.test.
func askSecurely(t *testing.T, name, firmware, path string, switches map[string]string, server netip.AddrPort) *resync.Request {
	t.Helper()
	r := request(t, "https", server)
	row := devicetest.Turned(t, name, firmware, switches)
	u := devicetest.Unit(row, 0)
	r.Unit, r.Params, r.Host, r.Path = &u, device.Reset(row.Factory), "prov.test", path
	r.Now = time.Date(2015, 1, 1, 0, 0, 0, 0, time.UTC).UnixNano()
	return r
}

func secureSockets() *fetch.Sockets {
	return &fetch.Sockets{Certs: devices, Hosts: map[string][]netip.Addr{"prov.test": {netip.MustParseAddr("127.0.0.1")}}}
}

func TestADeviceShowsItsCertificate(t *testing.T) {
	for _, tt := range []struct {
		model, firmware string
		switches        map[string]string
		protocol        string
		mutual          bool
	}{
		{"SPA2102", "5.2.12", nil, "tls1.0 AES256-SHA", true},
		{"SPA2102", "5.2.12", map[string]string{"tls_versions": "ssl3"}, "ssl3 AES256-SHA", true},
		{"SPA504G", "7.6.2", nil, "tls1.0 AES256-SHA", true},
		{"SPA122", "1.3.5(004p)", map[string]string{"tls_versions": "tls1.0-tls1.1"}, "tls1.1 AES256-SHA", true},
		{"SPA2102", "5.2.12", map[string]string{"client_certificate": "generic"}, "tls1.0 AES256-SHA", false},
		{"SPA2102", "5.2.12", map[string]string{"client_certificate": "none"}, "tls1.0 AES256-SHA", false},
	} {
		at, lines := secureServer(t, certs.ServerRequest{CA: certs.Sipura1, CN: "prov.test"}, nil)
		r := askSecurely(t, tt.model, tt.firmware, "/spa2102.cfg", tt.switches, at)
		resp, err := secureSockets().Fetch(t.Context(), r)
		if err != nil || resp.Status != 200 || !resp.TLS || resp.Mutual != tt.mutual || resp.Took.TLS <= 0 {
			t.Errorf("%s %v: %+v, %v", tt.model, tt.switches, resp, err)
		}
		l := lines(1)[0]
		if l.TLS != tt.protocol {
			t.Errorf("%s %v: the server says %s, want %s", tt.model, tt.switches, l.TLS, tt.protocol)
		}
		if tt.mutual && (l.Client == nil || l.Client.MAC != r.Unit.MAC.String() || l.Client.Serial != r.Unit.Serial) {
			t.Errorf("%s: the server sees %+v", tt.model, l.Client)
		}
	}
}

func TestADeviceRefusesAServer(t *testing.T) {
	for _, tt := range []struct {
		name            string
		cert            certs.ServerRequest
		turn            func(*ssl.Server)
		model, firmware string
		number          int
		alert           uint8
		log             string
		serverSays      string // "": nothing
	}{
		{"of another authority", certs.ServerRequest{CA: certs.Public, CN: "prov.test"}, nil, "SPA504G", "7.6.2", 20, 48, "ssl cert err 20, create ssl connection failed", "unknown_ca"},
		{"of another name", certs.ServerRequest{CA: certs.Sipura1, CN: "www.test"}, nil, "SPA504G", "7.6.2", 50, 0, "Cannot verify host name:prov.test, 50", ""},
		{"that has ended", certs.ServerRequest{CA: certs.Sipura1, CN: "prov.test", To: time.Date(2014, 1, 1, 0, 0, 0, 0, time.UTC)}, nil, "SPA504G", "7.6.2", 10, 45, "ssl cert err 10, create ssl connection failed", "certificate_expired"},
		{"with a long prime", certs.ServerRequest{CA: certs.Sipura1, CN: "prov.test"}, func(s *ssl.Server) { s.DHBits = 2048 }, "PAP2T", "5.1.6(LS)", 0, 40, "create ssl connection failed", "handshake_failure"},
		{"that knows only TLS 1.1", certs.ServerRequest{CA: certs.Sipura1, CN: "prov.test"}, func(s *ssl.Server) { s.Min = ssl.TLS11 }, "SPA504G", "7.6.2", 0, 70, "create ssl connection failed", "protocol_version"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			at, lines := secureServer(t, tt.cert, tt.turn)
			r := askSecurely(t, tt.model, tt.firmware, "/spa2102.cfg", nil, at)
			_, err := secureSockets().Fetch(t.Context(), r)
			e := failed(t, err)
			if e.Result != device.TLSFailed || e.TLS.Verify != tt.number || e.TLS.Alert != tt.alert || strings.Join(e.TLS.Log, ", ") != tt.log || e.TLS.Hint == "" || e.Took.TLS <= 0 {
				t.Errorf("%v: %+v", err, e)
			}
			said := ""
			expected := 0
			if tt.serverSays != "" {
				expected = 1
			}
			for _, l := range lines(expected) {
				if l.Status != 0 {
					t.Errorf("the server answered %+v", l)
				}
				said += l.Err.Error()
			}
			if (tt.serverSays == "") != (said == "") || !strings.Contains(said, tt.serverSays) {
				t.Errorf("the server says %q, want %q", said, tt.serverSays)
			}
		})
	}
}

func TestTheOldFirmwareLooksTheNameUp(t *testing.T) {
	at, _ := secureServer(t, certs.ServerRequest{CA: certs.Sipura1, CN: "other.test"}, nil)
	s := secureSockets()
	r := askSecurely(t, "SPA2102", "5.2.12", "/spa2102.cfg", nil, at)
	s.Hosts["other.test"] = []netip.Addr{netip.MustParseAddr("127.0.0.9")}
	if _, err := s.Fetch(t.Context(), r); err == nil || failed(t, err).TLS.Verify != trust.WrongName {
		t.Errorf("with another address: %v", err)
	}
	s = secureSockets()
	s.Hosts["other.test"] = []netip.Addr{netip.MustParseAddr("127.0.0.9"), netip.MustParseAddr("127.0.0.1")}
	if _, err := s.Fetch(t.Context(), r); err != nil {
		t.Errorf("with the server's address among others: %v", err)
	}
}

func TestAFileIsForTheDeviceOfTheCertificate(t *testing.T) {
	cert, err := pki.Server(certs.ServerRequest{CA: certs.Sipura1, CN: "prov.test"})
	if err != nil {
		t.Fatal(err)
	}
	at, _ := serveHTTPS(t, prov.HTTPS{Addr: "127.0.0.1:0", Match: true, SSL: &ssl.Server{
		Min: ssl.TLS10, Max: ssl.TLS10, Suites: []ssl.Suite{ssl.AES256SHA}, Certificate: cert, Ask: ssl.AskFirst, Verify: trust.AnyClient}})
	r := askSecurely(t, "SPA2102", "5.2.12", "", nil, at)
	for path, want := range map[string]int{"/" + r.Unit.MAC.String() + ".cfg": 200, "/000e08000000.cfg": 403, "/spa2102.cfg": 200} {
		r.Path = path
		if resp, err := secureSockets().Fetch(t.Context(), r); err != nil || resp.Status != want {
			t.Errorf("%s: status %d, %v, want %d", path, resp.Status, err, want)
		}
	}
}

func TestTLS12IsSpokenByASwitch(t *testing.T) {
	cert, err := pki.Server(certs.ServerRequest{CA: certs.Sipura1, CN: "prov.test"})
	if err != nil {
		t.Fatal(err)
	}
	config := &tls.Config{MinVersion: tls.VersionTLS12, MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{tls.TLS_RSA_WITH_AES_256_CBC_SHA},
		ClientAuth: tls.RequestClientCert, Certificates: []tls.Certificate{{Certificate: cert.Chain, PrivateKey: cert.Key}}}
	at, lines := serveHTTPS(t, prov.HTTPS{Addr: "127.0.0.1:0", TLS: config, SSL: &ssl.Server{
		Min: ssl.TLS10, Max: ssl.TLS10, Suites: []ssl.Suite{ssl.AES256SHA}, Certificate: cert}})
	modern := askSecurely(t, "SPA122", "1.3.5(004p)", "/spa2102.cfg", map[string]string{"tls_versions": "tls1.2"}, at)
	if resp, err := secureSockets().Fetch(t.Context(), modern); err != nil || !resp.Mutual {
		t.Errorf("TLS 1.2: %+v, %v", resp, err)
	}
	old := askSecurely(t, "SPA122", "1.3.5(004p)", "/spa2102.cfg", nil, at)
	if resp, err := secureSockets().Fetch(t.Context(), old); err != nil || resp.Mutual {
		t.Errorf("TLS 1.0 at the same port: %+v, %v", resp, err)
	}
	stranger := askSecurely(t, "SPA122", "1.3.5(004p)", "/spa2102.cfg", map[string]string{"tls_versions": "tls1.2", "ca_table": "documented"}, at)
	_, err = secureSockets().Fetch(t.Context(), stranger)
	if e := failed(t, err); e.TLS.Verify != 20 || e.TLS.Alert != 42 {
		t.Errorf("an authority that it does not trust: %+v", e)
	}
	var spoken []string
	for _, l := range lines(3) {
		if l.TLS != "" {
			spoken = append(spoken, l.TLS)
		}
	}
	if want := []string{"TLS 1.2 TLS_RSA_WITH_AES_256_CBC_SHA", "tls1.0 AES256-SHA"}; !slices.Equal(spoken, want) {
		t.Errorf("spoken %q, want %q", spoken, want)
	}
}

func TestTheAlertOfAServerIsToldInTLS12Too(t *testing.T) {
	cert, err := pki.Server(certs.ServerRequest{CA: certs.Sipura1, CN: "prov.test"})
	if err != nil {
		t.Fatal(err)
	}
	for alert, config := range map[uint8]*tls.Config{
		40: {MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{tls.TLS_RSA_WITH_3DES_EDE_CBC_SHA}},
		70: {MinVersion: tls.VersionTLS13},
	} {
		config.Certificates = []tls.Certificate{{Certificate: cert.Chain, PrivateKey: cert.Key}}
		at, _ := serveHTTPS(t, prov.HTTPS{Addr: "127.0.0.1:0", TLS: config})
		_, err := secureSockets().Fetch(t.Context(), askSecurely(t, "SPA122", "1.3.5(004p)", "/spa2102.cfg", map[string]string{"tls_versions": "tls1.2", "tls_suites": "rsa", "client_certificate": "none"}, at))
		if e := failed(t, err); e.Result != device.TLSFailed || e.TLS.Verify != 0 || e.TLS.Alert != alert || e.TLS.Hint == "" {
			t.Errorf("alert %d: %v: %+v", alert, err, e)
		}
	}
}

// A server that does not go on with the handshake holds a device for one read,
// and nobody who calls it off.
func TestASilentHandshakeEnds(t *testing.T) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for _, mute := range []string{"", "\x16\x03\x01\x00\x40"} {
		r := askSecurely(t, "SPA2102", "5.2.12", "/x", map[string]string{"http_read_wait": "80ms"}, netip.MustParseAddrPort(l.Addr().String()))
		accepted := make(chan net.Conn, 1)
		go func() {
			c, err := l.Accept()
			if err == nil {
				_, _ = c.Write([]byte(mute))
			}
			accepted <- c
		}()
		_, err := secureSockets().Fetch(t.Context(), r)
		if e := failed(t, err); e.Result != device.Timeout {
			t.Errorf("after %q: %+v", mute, e)
		}
		(<-accepted).Close()
	}
	r := askSecurely(t, "SPA2102", "5.2.12", "/x", nil, netip.MustParseAddrPort(l.Addr().String()))
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		c, err := l.Accept()
		if err == nil {
			defer c.Close()
			_, _ = c.Read(make([]byte, 1))
		}
		cancel()
	}()
	if _, err := secureSockets().Fetch(ctx, r); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

func TestWhatIsNoSSLIsAFailedHandshake(t *testing.T) {
	for _, answer := range []string{"HTTP/1.1 400 Bad Request\r\n\r\n", "\x15\x03\x01\x00\x02\x02\x28", ""} {
		l, err := net.Listen("tcp4", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		done := make(chan struct{})
		go func() {
			defer close(done)
			c, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = c.Read(make([]byte, 1024))
			_, _ = c.Write([]byte(answer))
			c.Close()
		}()
		_, err = secureSockets().Fetch(t.Context(), askSecurely(t, "SPA504G", "7.6.2", "/x", nil, netip.MustParseAddrPort(l.Addr().String())))
		if e := failed(t, err); e.Result != device.TLSFailed || !slices.Equal(e.TLS.Log, []string{trust.LogNoSSL}) {
			t.Errorf("after %q: %+v", answer, e)
		}
		l.Close()
		<-done
	}
}
