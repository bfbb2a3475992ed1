package fetch_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"spafleet/certs"
	"spafleet/certs/ssl"
	"spafleet/certs/trust"
	"spafleet/device"
	"spafleet/prov"
	"spafleet/resync"
)

// A server that the device would refuse shows all that it has: an authority that is not
// trusted, a prime that is too long, a name that is another one.
func TestAGreetingShowsWhatTheDeviceWouldRefuse(t *testing.T) {
	for _, versions := range []string{"tls1.0", "tls1.2"} {
		t.Run(versions, func(t *testing.T) {
			at, lines := secureServer(t, certs.ServerRequest{CA: certs.CiscoSB1, CN: "other.test"}, func(s *ssl.Server) { s.DHBits = 2048 })
			if versions == "tls1.2" {
				chain, err := pki.Server(certs.ServerRequest{CA: certs.CiscoSB1, CN: "other.test"})
				if err != nil {
					t.Fatal(err)
				}
				at, lines = serveHTTPS(t, prov.HTTPS{Addr: "127.0.0.1:0", TLS: &tls.Config{MaxVersion: tls.VersionTLS12, ClientAuth: tls.RequestClientCert,
					CipherSuites: []uint16{tls.TLS_RSA_WITH_AES_128_CBC_SHA}, Certificates: []tls.Certificate{{Certificate: chain.Chain, PrivateKey: chain.Key}}}})
			}
			r := askSecurely(t, "PAP2T", "5.1.6(LS)", "/spa2102.cfg", map[string]string{"tls_versions": versions}, at)
			if _, err := secureSockets().Fetch(t.Context(), r); err == nil {
				t.Fatal("the device takes the server")
			}
			state, err := secureSockets().Greet(t.Context(), r)
			if err != nil || len(state.Chain) == 0 || !state.Asked || state.Version == 0 || state.Suite == 0 {
				t.Fatalf("%+v, %v", state, err)
			}
			if versions == "tls1.0" && (state.DHBits != 2048 || len(state.Names) != 1) {
				t.Errorf("%+v", state)
			}
			for _, l := range lines(1) {
				if l.Path != "" {
					t.Errorf("the server was asked for %s", l.Path)
				}
			}
		})
	}
}

func TestAGreetingThatIsRefusedSaysWhatWasKnown(t *testing.T) {
	at, _ := secureServer(t, certs.ServerRequest{CA: certs.Sipura1, CN: "prov.test"}, func(s *ssl.Server) {
		s.Verify, _ = trust.Clients(nil, time.Now)
	})
	r := askSecurely(t, "SPA2102", "5.2.12", "/spa2102.cfg", nil, at)
	state, err := secureSockets().Greet(t.Context(), r)
	var fe *resync.Error
	if !errors.As(err, &fe) || fe.Result != device.TLSFailed || fe.TLS.Sent || fe.TLS.Alert == 0 || !state.Asked || len(state.Chain) == 0 {
		t.Errorf("%+v, %+v", state, err)
	}
	r.Host = "8.8.8.8"
	r.Server = netip.MustParseAddrPort("8.8.8.8:443")
	if _, err = secureSockets().Greet(t.Context(), r); !errors.As(err, &fe) || fe.Result != device.NoConnect {
		t.Errorf("a public server: %v", err)
	}
}

func TestWhoLooksOnSeesTheExchangeInClear(t *testing.T) {
	at, _ := secureServer(t, certs.ServerRequest{CA: certs.Sipura1, CN: "prov.test"}, nil)
	r := askSecurely(t, "SPA2102", "5.2.12", "/spa2102.cfg", nil, at)
	s, seen := secureSockets(), &seenConn{}
	s.Inside = func(ctx context.Context, c net.Conn) net.Conn {
		seen.Conn = c
		return seen
	}
	if _, err := s.Fetch(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"GET /spa2102.cfg HTTP/1.1\r\n", "HTTP/1.1 200 OK\r\n", "<flat-profile>"} {
		if !strings.Contains(seen.text.String(), want) {
			t.Errorf("%q is not in %q", want, seen.text.String())
		}
	}
}

// A seenConn keeps what goes over it.
type seenConn struct {
	net.Conn
	mu   sync.Mutex
	text bytes.Buffer
}

func (c *seenConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.text.Write(p[:n])
	return n, err
}

func (c *seenConn) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.text.Write(p)
	return c.Conn.Write(p)
}
