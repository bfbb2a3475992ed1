package ssl

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"slices"
	"testing"
)

// theirSuites are those that crypto/tls has too.
var theirSuites = []Suite{RC4SHA, DES3SHA, AES128SHA, AES256SHA}

func theirCertificate(name string) tls.Certificate {
	m := material()[name]
	return tls.Certificate{Certificate: [][]byte{m.cert.Raw}, PrivateKey: m.key}
}

func eachOfTheirs(t *testing.T, auths []string, test func(t *testing.T, v Version, s Suite, auth string)) {
	for _, v := range []Version{TLS10, TLS11} {
		for _, s := range theirSuites {
			for _, auth := range auths {
				t.Run(fmt.Sprint(v, s, auth), func(t *testing.T) { t.Parallel(); test(t, v, s, auth) })
			}
		}
	}
}

func TestClientAgainstGo(t *testing.T) {
	auths := []string{"none", "asked", "shown"} // crypto/tls has no server that asks later
	eachOfTheirs(t, auths, func(t *testing.T, v Version, s Suite, auth string) {
		a, b := loopback(t)
		client := Connect(a, &Client{Min: SSL30, Max: TLS11, Suites: []Suite{s}, EmptyFragments: true})
		config := &tls.Config{
			Certificates: []tls.Certificate{theirCertificate("server")}, MinVersion: tls.VersionTLS10, MaxVersion: uint16(v), CipherSuites: []uint16{uint16(s)},
		}
		if auth != "none" {
			config.ClientAuth, config.ClientCAs = tls.RequestClientCert, x509.NewCertPool()
			config.ClientCAs.AddCert(material()["ca"].cert)
		}
		if auth == "shown" {
			client.client.Certificate = certificate("device")
		}
		server := tls.Server(b, config)
		if ce, se := exchange(client, server); ce != nil || se != nil {
			t.Fatalf("client: %v, server: %v", ce, se)
		}
		ours, theirs := client.State(), server.ConnectionState()
		if ours.Version != v || ours.Suite != s || theirs.Version != uint16(v) || theirs.CipherSuite != uint16(s) {
			t.Errorf("client: %v %v, server: %#x %#x", ours.Version, ours.Suite, theirs.Version, theirs.CipherSuite)
		}
		if (len(theirs.PeerCertificates) == 1) != (auth == "shown") || ours.Asked != (auth != "none") {
			t.Errorf("asked: %v, the server saw %d certificates", ours.Asked, len(theirs.PeerCertificates))
		}
		if ours.Asked && (len(ours.Names) != 1 || !slices.Equal(ours.Names[0], material()["ca"].cert.RawSubject)) {
			t.Errorf("names: %x", ours.Names)
		}
	})
}

func TestServerAgainstGo(t *testing.T) {
	eachOfTheirs(t, []string{"none", "asked", "shown", "later"}, func(t *testing.T, v Version, s Suite, auth string) {
		a, b := loopback(t)
		config := &tls.Config{
			InsecureSkipVerify: true, MinVersion: tls.VersionTLS10, MaxVersion: uint16(v), CipherSuites: []uint16{uint16(s)},
			ServerName: "localhost", NextProtos: []string{"http/1.1"}, Renegotiation: tls.RenegotiateOnceAsClient,
		}
		if auth == "shown" || auth == "later" {
			config.Certificates = []tls.Certificate{theirCertificate("device")}
		}
		asking := map[string]Asking{"none": AskNever, "asked": AskFirst, "shown": AskFirst, "later": AskLater}[auth]
		server := Accept(b, &Server{Max: TLS11, Suites: allSuites, Certificate: certificate("server"), Ask: asking})
		client := tls.Client(a, config)
		if ce, se := exchange(client, server); ce != nil || se != nil {
			t.Fatalf("client: %v, server: %v", ce, se)
		}
		ours := server.State()
		if ours.Version != v || ours.Suite != s || (len(ours.Chain) == 1) != (len(config.Certificates) == 1) {
			t.Errorf("server: %v %v, saw %d certificates", ours.Version, ours.Suite, len(ours.Chain))
		}
	})
}

// A hello of today, with TLS 1.3 and every extension that Go sends, is answered
// with what there was in 1999.
func TestServerAnswersAModernHello(t *testing.T) {
	a, b := loopback(t)
	server := Accept(b, &Server{Suites: allSuites, Certificate: certificate("server")})
	client := tls.Client(a, &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS10, CipherSuites: []uint16{uint16(AES128SHA)}})
	if ce, se := exchange(client, server); ce != nil || se != nil {
		t.Fatalf("client: %v, server: %v", ce, se)
	}
	if v := client.ConnectionState().Version; v != tls.VersionTLS10 {
		t.Errorf("version %#x", v)
	}
}
