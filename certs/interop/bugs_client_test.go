package interop_test

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"spafleet/bench/extproc"
	"spafleet/certs"
	"spafleet/certs/ssl"
	"spafleet/device"
	"spafleet/prov"
)

// The field bugs in this file are about the device's certificate.

var twoRoots = configure(setup{name: "two-roots", on: "nginx apache haproxy", ask: required, roots: []certs.Name{certs.SipuraClient1, certs.CiscoSBClient1}})

// Cisco's second client authority came unannounced: servers that know the first
// refuse late units.
func TestBug19SecondClientRoot(t *testing.T) {
	for _, tt := range []struct {
		program, device string
		server          []string
	}{
		{nginx, refused400, []string{"client SSL certificate verify error: (21:", " 400 TLSv1 "}},
		{apache, alert48, []string{"AH02276: Certificate Verification: Error (20)"}},
		{haproxy, alert48, []string{"SSL client certificate not trusted", "verify=20"}},
	} {
		o := visit{phone: midPhone + " client_root=late"}.to(t, twoRoots.at(t, tt.program))
		o.wants(t, tt.device)
		o.leaves(t, tt.server...)
		for _, root := range []string{"early", "late"} {
			v := visit{phone: midPhone + " client_root=" + root}
			s := mutual
			if root == "early" {
				s = twoRoots
			}
			v.to(t, s.at(t, tt.program)).wants(t, ok)
		}
	}
}

var (
	mutual0 = mutualAt(0)
	mutual1 = mutualAt(1)
	mutual2 = mutualAt(2)
)

func mutualAt(level int) *setup {
	return configure(setup{name: fmt.Sprintf("mutual-level%d", level), on: "nginx", ask: required, level: level, cert: certs.ServerRequest{Hash: 5}})
}

// Above security level 0 OpenSSL 3 takes no MD5 and no SHA-1, above 1 no key of
// 1024 bits. TLS 1.0 does not come so far (bug 2), hence TLS 1.2.
func TestBug20WeakClientCertificate(t *testing.T) {
	md5, sha1 := adapter+" tls_versions=tls1.2 cert_sha256=accept", newPhone+" tls_versions=tls1.2 client_root=early"
	for _, phone := range []string{md5, sha1} {
		visit{phone: phone}.to(t, mutual0.at(t, nginx)).wants(t, ok)
		o := visit{phone: phone}.to(t, mutual1.at(t, nginx))
		o.wants(t, refused400)
		o.leaves(t, "client SSL certificate verify error: (68:CA signature digest algorithm too weak)", " 400 TLSv1.2 ")
		o = visit{phone: phone}.to(t, mutual2.at(t, nginx))
		o.wants(t, refused400)
		o.leaves(t, "client SSL certificate verify error: (67:CA certificate key too weak)", " 400 TLSv1.2 ")
	}
}

var nssMutual = configure(setup{name: "nss-mutual", on: "selfserv", ciphers: "AES256-SHA", min: ssl.SSL30, max: ssl.TLS11, ask: required})

// NSS and Go take no MD5 at all, Go no SHA-1 either, whatever they are told.
func TestBug21MD5Refused(t *testing.T) {
	const inTLS = adapter + " tls_hello=tls" // the other format: bug 27
	o := visit{phone: inTLS, unjudged: "a judge knows OpenSSL's kind of servers"}.to(t, nssMutual.at(t, nss))
	o.wants(t, alert42)
	o.leaves(t, "PR_Read returned error -8016") // SEC_ERROR_CERT_SIGNATURE_ALGORITHM_DISABLED
	visit{phone: newPhone}.to(t, nssMutual.at(t, nss)).wants(t, ok)

	roots := x509.NewCertPool()
	ders, err := pki.ClientRoots()
	extproc.Must(t, err)
	for _, der := range ders {
		c, err := x509.ParseCertificate(der)
		extproc.Must(t, err)
		roots.AddCert(c)
	}
	suites := []uint16{tls.TLS_RSA_WITH_AES_256_CBC_SHA, tls.TLS_RSA_WITH_AES_128_CBC_SHA}
	for _, tt := range []struct {
		what          string
		config        *tls.Config
		device, trace string
	}{
		{"as it comes", &tls.Config{}, alert70, "client offered only unsupported versions: [301]"},
		{"with TLS 1.0", &tls.Config{MinVersion: tls.VersionTLS10}, alert40, "no cipher suite supported by both client and server"},
		{"with its suites", &tls.Config{MinVersion: tls.VersionTLS10, CipherSuites: suites}, ok, ""},
		{"that verifies", &tls.Config{MinVersion: tls.VersionTLS10, CipherSuites: suites, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: roots}, alert48, "insecure algorithm"},
		{"that takes any", &tls.Config{MinVersion: tls.VersionTLS10, CipherSuites: suites, ClientAuth: tls.RequireAnyClientCert}, ok, ""},
	} {
		s := goServer(t, tt.config)
		for phone, algorithm := range map[string]string{inTLS: "MD5-RSA", newPhone: "SHA1-RSA"} {
			o := visit{phone: phone, unjudged: "a judge knows OpenSSL's kind of servers"}.to(t, s)
			o.wants(t, tt.device)
			o.leaves(t, tt.trace)
			if strings.Contains(tt.trace, "algorithm") {
				o.leaves(t, algorithm)
			}
		}
	}
}

// goServer is net/http with crypto/tls, as Caddy and Traefik have it.
func goServer(t *testing.T, config *tls.Config) *server {
	t.Helper()
	c, err := plain.certificate()
	extproc.Must(t, err)
	config.Certificates = []tls.Certificate{{Certificate: c.Chain, PrivateKey: c.Key}}
	var lines extproc.Output
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "<flat-profile><GPP_A>%s</GPP_A></flat-profile>", plain.name)
	}))
	s.Config.ErrorLog = log.New(&lines, "", 0)
	s.Config.TLSNextProto = map[string]func(*http.Server, *tls.Conn, http.Handler){} // HTTP/2 refuses such suites
	s.TLS = config
	s.StartTLS()
	t.Cleanup(s.Close)
	return &server{program: "go", setup: plain, addr: s.Listener.Addr().String(), path: "/profile.xml", read: lines.String}
}

// Units of 2005-06 have certificates that were installed incorrectly. What is
// wrong was not published; server authentication works.
func TestBug22DefectiveUnits(t *testing.T) {
	for _, f := range failures {
		if f.certificate == "foreign" || f.certificate == "expired" {
			continue // none of the switch's
		}
		for _, s := range f.symptoms {
			v := visit{phone: adapter + " defect_share=100 defect=" + f.certificate, serial: "FM500F123456"}
			o := v.to(t, mutual.at(t, s.program))
			o.wants(t, s.device)
			o.wantsMutual(t, false)
			o.leaves(t, s.server...)
			v.to(t, plain.at(t, s.program)).wants(t, ok)
		}
	}
	whole := visit{phone: adapter + " defect_share=100", serial: "FM500G123456"} // made a year later
	whole.to(t, mutual.at(t, nginx)).wants(t, ok)
}

// The generic certificate lets everybody in, and says of nobody who it is.
func TestBug23GenericCertificate(t *testing.T) {
	const dn = `verify="SUCCESS" serial=`
	seen := map[string]bool{}
	for i := range 2 {
		o := visit{phone: adapter + " client_certificate=generic", index: device.Index(i)}.to(t, mutual.at(t, nginx))
		o.wants(t, ok)
		o.wantsMutual(t, false)
		o.leaves(t, o.unit.UserAgent(), dn, "MAC: sipurageneric\\, Serial: sipurageneric,OU=sipura.com,O=Sipura Technology,L=sipurageneric,ST=sipurageneric,C=US")
		_, name, _ := strings.Cut(o.seen(), dn)
		seen[name] = true
	}
	if len(seen) != 1 {
		t.Errorf("two devices have %d names: %v", len(seen), seen)
	}
}

var (
	unbound = configure(setup{name: "unbound", on: "nginx", ask: required, directives: map[string]string{
		nginx: `location ~ ^/[0-9a-f]+\.xml$ { rewrite ^ /profile.xml break; }`}})
	bound = configure(setup{name: "bound", on: "nginx", ask: required, directives: map[string]string{
		nginx: `location ~ ^/(?<wanted>[0-9a-f]+)\.xml$ {
			set $pair "$wanted $ssl_client_s_dn";
			if ($pair !~ "^([0-9a-f]+) .*,ST=\1,C=US$") { return 403; }
			rewrite ^ /profile.xml break;
		}`}})
)

// Any valid certificate opens any device's file, unless the server compares the
// certificate with the path.
func TestBug24AnotherDevicesFile(t *testing.T) {
	owner, _ := visit{phone: adapter, index: 7}.device(t)
	path := "/" + owner.MAC.String() + ".xml"
	o := visit{phone: adapter, index: 8, path: path}.to(t, unbound.at(t, nginx))
	o.wants(t, ok)
	o.wantsMutual(t, true)
	o.leaves(t, path, "ST="+o.unit.MAC.String())

	o = visit{phone: adapter, index: 8, path: path, unjudged: "a judge knows nothing of files"}.to(t, bound.at(t, nginx))
	o.wants(t, "status; https_get failed")
	o.leaves(t, path+` HTTP/1.1" 403 `)
	visit{phone: adapter, index: 7, path: path}.to(t, bound.at(t, nginx)).wants(t, ok)

	own := ownServer(t, mutual, "/$MA.xml")
	o = visit{phone: adapter, index: 8, path: path, unjudged: "a judge knows nothing of files"}.to(t, own)
	o.wants(t, "status; https_get failed")
	o.leaves(t, "403 the certificate is not that of the device in the path")
	o = visit{phone: adapter, index: 7, path: path}.to(t, own)
	o.wants(t, ok)
	o.wantsMutual(t, true)
}

// ownServer is the project's, as a setup says, with a profile for each device at a
// path with its MAC address, which only the device's certificate opens.
func ownServer(t *testing.T, s *setup, path string) *server {
	t.Helper()
	c, err := s.certificate()
	extproc.Must(t, err)
	d, err := s.described("own")
	extproc.Must(t, err)
	var lines extproc.Output
	core, err := prov.NewCore(map[string]prov.Entry{path: {Body: "<flat-profile><GPP_A>" + s.name + "</GPP_A></flat-profile>"}}, prov.Options{Log: func(l prov.Line) {
		fmt.Fprintf(&lines, "%s %s %d %v %s\n", l.Source, l.Path, l.Status, l.Err, l.TLS)
	}})
	extproc.Must(t, err)
	p := &prov.Server{Core: core, HTTPS: []prov.HTTPS{{Addr: "127.0.0.1:0", Match: true, SSL: &ssl.Server{
		Min: d.Min, Max: ssl.TLS11, Suites: d.Suites, DHBits: d.DHBits, Certificate: c, Ask: d.Ask, Verify: d.Verify}}}}
	extproc.Must(t, p.Open())
	t.Cleanup(p.Close)
	return &server{program: "own", setup: s, addr: p.HTTPSAt()[0].String(), read: lines.String}
}

const insecure = "SSLInsecureRenegotiation on"

var (
	perDirectory = configure(setup{name: "per-directory", on: "apache", ask: required, later: true, directives: map[string]string{apache: insecure}})
	perStrict    = configure(setup{name: "per-directory-strict", on: "apache", ask: required, later: true, strict: true})
	perImpatient = configure(setup{name: "per-directory-impatient", on: "apache", ask: required, later: true, directives: map[string]string{apache: insecure + "\nTimeout 1"}})
)

// Apache that asks for a certificate in a directory starts a second handshake in the
// middle of a request. The devices do not know RFC 5746: it must be told to take that.
func TestBug26PerDirectory(t *testing.T) {
	const broken = "connect; https_get failed" // in the middle of the request: nothing of TLS in the log
	for _, phone := range []string{newPhone, adapter} {
		o := visit{phone: phone}.to(t, perDirectory.at(t, apache))
		o.wants(t, ok)
		o.wantsMutual(t, true)
		o.leaves(t, "client does not support secure renegotiation", "AH02226: Awaiting re-negotiation handshake", "st="+o.unit.MAC.String())
		o = visit{phone: phone}.to(t, perStrict.at(t, apache))
		o.wants(t, broken)
		o.leaves(t, "AH02261: Re-negotiation handshake failed", "unsafe legacy renegotiation disabled", " 403 ")
		visit{phone: phone}.to(t, mutual.at(t, apache)).wants(t, ok) // at server level there is no second handshake
	}
	for _, tt := range []struct{ phone, device, server string }{
		{newPhone + " hello_request=ignore", "status; https_get failed", "AH02263: Re-negotiation handshake failed: Client certificate missing"}, // after Apache's Timeout
		{newPhone + " hello_request=refuse", broken, "no renegotiation"},
		{newPhone + " hello_request=fail", broken, "sslv3 alert handshake failure (SSL alert number 40)"},
		{"SPA504G 7.5.7", broken, "sslv3 alert handshake failure (SSL alert number 40)"}, // CSCuu14196
		{"SPA514G 7.5.7", broken, "sslv3 alert handshake failure (SSL alert number 40)"},
	} {
		o := visit{phone: tt.phone}.to(t, perImpatient.at(t, apache))
		o.wants(t, tt.device)
		o.leaves(t, "AH02221: Requesting connection re-negotiation", tt.server, " 403 ")
	}
	visit{phone: "SPA504G 7.5.7"}.to(t, mutual.at(t, apache)).wants(t, ok)
}

// The MAC is in ST, the CN holds commas, and RFC 2253 turns the order round.
func TestBug29ClientDNParsing(t *testing.T) {
	o := visit{phone: adapter}.to(t, mutual.at(t, nginx))
	o.wants(t, ok)
	o.leaves(t, `legacy="`)
	_, dn, _ := strings.Cut(o.seen(), `dn="`)
	dn, _, _ = strings.Cut(dn, `"`)
	if parts := strings.Split(dn, ","); len(parts) != 9 || parts[0] != "emailAddress=info@sipura.com" || parts[8] != "C=US" || parts[1] != `CN=SPA-2102\` {
		t.Errorf("cut at commas: %q", parts)
	}
	_, legacy, _ := strings.Cut(o.seen(), `legacy="`)
	legacy, _, _ = strings.Cut(legacy, `"`)
	if want := "/C=US/ST=" + o.unit.MAC.String(); !strings.HasPrefix(legacy, want) || !strings.HasSuffix(legacy, "/emailAddress=info@sipura.com") {
		t.Errorf("legacy form %q, want it to begin with %q", legacy, want)
	}
	o = visit{phone: adapter}.to(t, mutual.at(t, apache))
	o.wants(t, ok)
	o.leaves(t, "st="+o.unit.MAC.String()+" s=- ")
}
