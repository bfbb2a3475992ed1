package doctor_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"math/big"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"spafleet/certs"
	"spafleet/certs/ssl"
	"spafleet/certs/trust"
	"spafleet/prov"
	"spafleet/resync/fetch"
	"spafleet/scenarios/doctor"
	"spafleet/scenarios/doctor/finding"
)

// secured serves /profile.xml by HTTPS as the server side of package ssl does, which
// speaks what OpenSSL 3 no longer can.
func secured(t *testing.T, turn func(*ssl.Server)) netip.AddrPort {
	t.Helper()
	cert, err := pki.Server(certs.ServerRequest{CA: certs.Sipura1, CN: host})
	ok(t, err)
	s := &ssl.Server{Min: ssl.SSL30, Max: ssl.TLS10, Suites: []ssl.Suite{ssl.AES256SHA, ssl.RC4SHA}, Certificate: cert}
	turn(s)
	core, err := prov.NewCore(map[string]prov.Entry{"/profile.xml": {Body: profileText}}, prov.Options{})
	ok(t, err)
	server := &prov.Server{Core: core, HTTPS: []prov.HTTPS{{Addr: "127.0.0.1:0", SSL: s}}}
	ok(t, server.Open())
	t.Cleanup(server.Close)
	return server.HTTPSAt()[0]
}

func named(at netip.AddrPort) string { return fmt.Sprintf("%s:%d/profile.xml", host, at.Port()) }

var here = map[string][]netip.Addr{host: {netip.MustParseAddr("127.0.0.1")}}

func TestHandshakesThatOpenSSLNoLongerMakes(t *testing.T) {
	sipura, err := pki.Authority(certs.SipuraClient1)
	ok(t, err)
	for name, tt := range map[string]struct {
		turn  func(*ssl.Server)
		finds string
		in    []string // nil: all
		says  string
	}{
		"nothing":       {func(*ssl.Server) {}, "", []string{}, ""},
		"RC4 alone":     {func(s *ssl.Server) { s.Suites = []ssl.Suite{ssl.RC4SHA} }, "tls-suite", []string{"SPA504G 7.6.2f"}, "RC4-SHA"},
		"SSL 3.0 alone": {func(s *ssl.Server) { s.Max = ssl.SSL30 }, "tls-version", []string{"SPA112 1.3.1(003)", "SPA112 1.4.1(SR1)", "SPA504G 7.6.2f"}, "ssl3"},
		"TLS 1.1 alone": {func(s *ssl.Server) { s.Min, s.Max = ssl.TLS11, ssl.TLS11 }, "tls-version", nil, "no version"},
		"no SSL 2.0":    {func(s *ssl.Server) { s.NoSSL2 = true }, "tls-version", []string{"PAP2T 5.1.6(LS)", "SPA2102 5.2.12", "SPA504G 7.5.4", "SPA525G2 7.5.4", "SPA942 6.1.5(a)"}, "format of SSL 2.0"},
		"clients of one authority": {func(s *ssl.Server) {
			s.Ask, s.Names = ssl.AskFirst, [][]byte{sipura.Cert.RawSubject}
			s.Verify, err = trust.Clients([]*x509.Certificate{sipura.Cert}, time.Now)
			ok(t, err)
		}, "client-cert", []string{"SPA112 1.3.1(003)", "SPA112 1.4.1(SR1)", "SPA504G 7.5.4", "SPA504G 7.6.2f", "SPA525G2 7.5.4"}, "authorities that it names: TEST Sipura"},
	} {
		t.Run(name, func(t *testing.T) {
			all := append(slices.Clone(six), later...)
			r := inquire(t, doctor.Question{URL: "https://" + named(secured(t, tt.turn)), Devices: devices(t, all...), Certs: nginx(t).certs, Hosts: here})
			want := []string{}
			for _, d := range all {
				if tt.in == nil || slices.Contains(tt.in, d) {
					want = append(want, tt.finds+" "+d)
				}
			}
			slices.Sort(want)
			got := bad(r)
			if !slices.Equal(got, want) {
				t.Errorf("found %q, want %q", got, want)
			}
			for _, f := range r.Findings {
				if !f.OK && !strings.Contains(fmt.Sprintf("%+v", f), tt.says) {
					t.Errorf("%+v does not say %q", f, tt.says)
				}
			}
		})
	}
}

// A redirect is followed by what the device meets at the other place.
func TestWhatIsBehindARedirectIsTheFirstCause(t *testing.T) {
	s := nginx(t)
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, fmt.Sprintf("https://%s:%d/profile.xml", host, s.at["tls12-only"].Port()), http.StatusMovedPermanently)
	})
	r := inquire(t, doctor.Question{URL: url + "/profile.xml", Devices: devices(t, "SPA942 6.1.5(a)", "SPA112 1.3.1(003)"), Certs: s.certs, Hosts: here})
	if got := bad(r); !slices.Equal(got, []string{"redirect SPA942 6.1.5(a)", "tls-version SPA112 1.3.1(003)"}) {
		t.Errorf("found %q", got)
	}
	if i := slices.IndexFunc(r.Findings, func(f finding.Finding) bool { return f.Check == "redirect" && f.Model == "SPA112" }); i < 0 || !r.Findings[i].OK {
		t.Errorf("%+v", r.Findings)
	}
}

// The maker's own authorities are none of this program's: it says so, and accuses nobody.
func TestACertificateOfTheMakerIsNoMistake(t *testing.T) {
	own, err := pki.Authority(certs.Sipura1)
	ok(t, err)
	_, name, _ := strings.Cut(own.Cert.Subject.CommonName, " ")
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	ok(t, err)
	issue := func(name string, by *x509.Certificate) *x509.Certificate {
		c := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
			SignatureAlgorithm: x509.SHA1WithRSA, IsCA: by == nil, BasicConstraintsValid: true}
		if by == nil {
			by = c
		}
		der, err := x509.CreateCertificate(rand.Reader, c, by, &key.PublicKey, key)
		ok(t, err)
		c, err = x509.ParseCertificate(der)
		ok(t, err)
		return c
	}
	root := issue(name, nil)
	leaf := issue(host, root)
	at := secured(t, func(s *ssl.Server) { s.Certificate = &ssl.Certificate{Chain: [][]byte{leaf.Raw}, Key: key} })
	r := inquire(t, doctor.Question{URL: "https://" + named(at), Devices: devices(t, "SPA942 6.1.5(a)"), Certs: nginx(t).certs, Hosts: here})
	f := one(t, r, "cert-root")
	if got := bad(r); len(got) != 1 || f.Severity != finding.Note || !strings.Contains(f.Detail, name) || f.Hint == "" {
		t.Errorf("%q: %+v", got, f)
	}
}

// The options of a rule hold for all that is asked.
func TestTheOptionsOfTheQuestion(t *testing.T) {
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if user, word, _ := r.BasicAuth(); user != "phone" || word != "s3cret" {
			w.Header().Set("WWW-Authenticate", `Basic realm="profiles"`)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		flat("")(w, r)
	})
	r := inquire(t, doctor.Question{URL: "[--uid phone --pwd s3cret] " + url + "/profile.xml", Devices: devices(t, "SPA942 6.1.5(a)", "SPA504G 7.5.4")})
	if got := bad(r); !slices.Equal(got, []string{"auth SPA942 6.1.5(a)", "profile-secrets SPA504G 7.5.4"}) { // Basic is in clear
		t.Errorf("found %q", got)
	}
	if text := fmt.Sprintf("%+v", *r); strings.Contains(text, "s3cret") || r.Server != "[…] "+url+"/profile.xml" {
		t.Errorf("the password is told: %s", text)
	}
}

func TestANameThatIsNotFound(t *testing.T) {
	r := inquire(t, doctor.Question{URL: "https://nowhere.example.test/x", Devices: devices(t, "SPA942 6.1.5(a)"), NameServers: &fetch.NameServers{}})
	if f := one(t, r, "reachable"); f.OK || !strings.Contains(f.Detail, "name") || r.Devices[0].URL != "https://nowhere.example.test/x" {
		t.Errorf("%+v", r)
	}
}

// A server that does not know the authority of a part of a model's units is found by the
// device that it takes.
func TestAnAuthorityOfOtherUnitsIsMissing(t *testing.T) {
	var found []string
	for _, left := range []certs.Name{certs.CiscoSBClient1, certs.CiscoSBClient2} {
		a, err := pki.Authority(left)
		ok(t, err)
		at := secured(t, func(s *ssl.Server) {
			s.Ask, s.Names, s.Verify = ssl.AskFirst, [][]byte{a.Cert.RawSubject}, trust.AnyClient
		})
		r := inquire(t, doctor.Question{URL: "https://" + named(at), Devices: devices(t, "SPA504G 7.5.4"), Certs: nginx(t).certs, Hosts: here, Seed: 1})
		for _, f := range r.Findings {
			if !f.OK {
				found = append(found, fmt.Sprintf("%s %s: %s", f.Check, f.Severity, f.Detail))
			}
		}
	}
	if len(found) != 1 || !strings.HasPrefix(found[0], "client-cert warns: the server takes this device's certificate, and does not name") {
		t.Errorf("%q", found)
	}
}

// Nor is it a mistake of a server that it takes the maker's devices alone.
func TestAServerOfTheMakersDevices(t *testing.T) {
	own, err := pki.Authority(certs.SipuraClient1)
	ok(t, err)
	_, name, _ := strings.Cut(own.Cert.Subject.CommonName, " ")
	der, err := asn1.Marshal(pkix.Name{CommonName: name}.ToRDNSequence())
	ok(t, err)
	at := secured(t, func(s *ssl.Server) {
		s.Ask, s.Names = ssl.AskFirst, [][]byte{der}
		s.Verify, err = trust.Clients(nil, time.Now)
		ok(t, err)
	})
	r := inquire(t, doctor.Question{URL: "https://" + named(at), Devices: devices(t, "SPA942 6.1.5(a)"), Certs: nginx(t).certs, Hosts: here})
	if f := one(t, r, "client-cert"); f.OK || f.Severity != finding.Note || !strings.Contains(f.Detail, "maker's authority") {
		t.Errorf("%+v", f)
	}
}
