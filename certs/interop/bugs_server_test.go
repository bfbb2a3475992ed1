package interop_test

import (
	"crypto"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"spafleet/certs"
	"spafleet/certs/trust"
)

// The field bugs in this file are about the server's certificate, its name, and
// its patience.

const (
	err7    = "tls 7 alert 51; ssl cert err 7; create ssl connection failed; https_get failed"
	err10   = "tls 10 alert 45; ssl cert err 10; create ssl connection failed; https_get failed"
	err20   = "tls 20 alert 48; ssl cert err 20; create ssl connection failed; https_get failed"
	noTrace = "client closed connection while waiting for request" // all that nginx sees of a wrong name
)

// wrongName is what the device tells of a certificate for another host.
func wrongName(host string) string {
	return "tls 50 alert 0; Cannot verify host name:" + host + ", 50; https_get failed"
}

var linksys = configure(setup{name: "linksys", on: "nginx apache haproxy", cert: certs.ServerRequest{CA: certs.Linksys1}})

// The Linksys authority ended in June 2015, and 7.6.2 is the first that looks.
func TestBug07ExpiredLinksysCA(t *testing.T) {
	for _, program := range []string{nginx, apache, haproxy} {
		o := visit{phone: "SPA508G 7.6.2"}.to(t, linksys.at(t, program))
		o.wants(t, err10)
		o.leaves(t, "sslv3 alert certificate expired")
		visit{phone: "SPA508G 7.6.1"}.to(t, linksys.at(t, program)).wants(t, ok)
	}
	visit{phone: "SPA508G 7.6.2", at: time.Date(2015, 6, 1, 0, 0, 0, 0, time.UTC)}.to(t, linksys.at(t, nginx)).wants(t, ok)
}

var ended = configure(setup{name: "ended", on: "nginx apache haproxy", cert: certs.ServerRequest{To: time.Date(2018, 1, 1, 0, 0, 0, 0, time.UTC)}})

// A server's certificate that has ended is none to 7.6.2, and as good as ever to
// what came before.
func TestBug08ExpiredServer(t *testing.T) {
	for _, program := range []string{nginx, apache, haproxy} {
		o := visit{phone: newPhone}.to(t, ended.at(t, program))
		o.wants(t, err10)
		o.leaves(t, "sslv3 alert certificate expired")
		for _, phone := range []string{midPhone, oldPhone, adapter} {
			visit{phone: phone}.to(t, ended.at(t, program)).wants(t, ok)
		}
	}
}

// 7.6.2 looks at dates once an NTP server has set its clock: a device without one
// accepts what has ended, as 7.5.2b always does.
func TestExpiredUntilNTPHasAnswered(t *testing.T) {
	none := "Primary_NTP_Server="
	for _, tt := range []struct {
		phone string
		set   []string
		want  string
	}{
		{newPhone, []string{none}, ok},
		{newPhone, []string{none, "Secondary_NTP_Server=ntp.example.test"}, err10},
		{newPhone, []string{"NTP_Enable=No"}, ok},
		{newPhone + " cert_clock=always", []string{none}, err10},
		{newPhone + " cert_clock=never", nil, ok},
		{newPhone + " cert_early=refuse", []string{none}, "tls 9 alert 42; ssl cert err 9; create ssl connection failed; https_get failed"},
		{newPhone + " evidence=field", []string{none}, err10},
		{"SPA504G 7.5.2b cert_time=check", nil, ok},
	} {
		visit{phone: tt.phone, set: tt.set}.to(t, linksys.at(t, nginx)).wants(t, tt.want)
	}
}

var plain = configure(setup{name: "plain", on: "nginx apache haproxy"})

// A device whose clock was not set yet thinks that no certificate is valid yet,
// and forgives that.
func TestBug09WrongClock(t *testing.T) {
	for _, year := range []int{1970, 2000} {
		clock := time.Date(year, 1, 1, 0, 0, 30, 0, time.UTC)
		for _, program := range []string{nginx, apache, haproxy} {
			visit{phone: newPhone, at: clock}.to(t, plain.at(t, program)).wants(t, ok)
			o := visit{phone: newPhone + " cert_early=refuse", at: clock}.to(t, plain.at(t, program))
			o.wants(t, "tls 9 alert 42; ssl cert err 9; create ssl connection failed; https_get failed")
			o.leaves(t, "sslv3 alert bad certificate")
		}
	}
}

var public = configure(setup{name: "public", on: "nginx apache haproxy", cert: certs.ServerRequest{CA: certs.Public}})

// No firmware knows the public authorities. Custom_CA_Rule is the cure, in the
// SPA5xx.
func TestBug10PublicAuthority(t *testing.T) {
	a, err := pki.Authority(certs.Public)
	if err != nil {
		t.Fatal(err)
	}
	text := string(certs.EncodeCertificates([][]byte{a.Cert.Raw}))
	files := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.Write([]byte(text)) }))
	defer files.Close()
	for _, program := range []string{nginx, apache, haproxy} {
		o := visit{phone: newPhone}.to(t, public.at(t, program))
		o.wants(t, err20)
		o.leaves(t, "tlsv1 alert unknown ca")
		cured := visit{phone: newPhone, set: []string{"Custom_CA_RULE=" + files.URL + "/ca.pem"}}.to(t, public.at(t, program))
		cured.custom = text
		cured.wants(t, ok)
	}
}

var cisco = configure(setup{name: "cisco", on: "nginx apache haproxy", cert: certs.ServerRequest{CA: certs.CiscoSB1}})

// A certificate of a Cisco authority that the family does not know.
func TestBug11WrongCiscoAuthority(t *testing.T) {
	for _, program := range []string{nginx, apache, haproxy} {
		for _, phone := range []string{"PAP2T 5.1.6(LS)", "SPA962 6.1.5(a)"} {
			o := visit{phone: phone}.to(t, cisco.at(t, program))
			o.wants(t, err20)
			o.leaves(t, "tlsv1 alert unknown ca")
		}
		visit{phone: newPhone}.to(t, cisco.at(t, program)).wants(t, ok)
	}
}

var (
	misnamed = configure(setup{name: "misnamed", on: "nginx apache haproxy", cert: certs.ServerRequest{CN: "other.example.test"}})
	wildcard = configure(setup{name: "wildcard", on: "nginx", cert: certs.ServerRequest{CN: "*.example.test"}})
	alias    = configure(setup{name: "alias", on: "nginx", cert: certs.ServerRequest{CN: "other.example.test", SAN: []string{host, "other.example.test"}}})
	nameless = configure(setup{name: "nameless", on: "nginx apache", cert: certs.ServerRequest{Subject: []byte("\x30\x0d\x31\x0b\x30\x09\x06\x03\x55\x04\x06\x13\x02US")}})
	address  = configure(setup{name: "address", on: "nginx", cert: certs.ServerRequest{CN: "127.0.0.1"}})
)

// The name is compared after the handshake: the server sees a visitor who says
// goodbye, as a health check does.
func TestBug12NameMismatch(t *testing.T) {
	traces := map[string][]string{
		nginx: {noTrace}, apache: {"AH02041: Protocol: TLSv1, Cipher: AES256-SHA", "standard shutdown"}, haproxy: nil, // which logs no visitor without a request
	}
	for program, trace := range traces {
		o := visit{phone: newPhone}.to(t, misnamed.at(t, program))
		o.wants(t, wrongName(host))
		o.leaves(t, trace...)
		if strings.Contains(o.seen(), "GET") {
			t.Errorf("%s: a request was made: %s", program, o.excerpt())
		}
		visit{phone: newPhone + " name_check=off"}.to(t, misnamed.at(t, program)).wants(t, ok)
	}
}

// A wildcard is a name like any other to the firmware.
func TestBug13Wildcard(t *testing.T) {
	o := visit{phone: newPhone}.to(t, wildcard.at(t, nginx))
	o.wants(t, wrongName(host))
	o.leaves(t, noTrace)
}

// Alternative names are not read; without any CN there is nothing to compare.
func TestBug14AlternativeName(t *testing.T) {
	o := visit{phone: newPhone}.to(t, alias.at(t, nginx))
	o.wants(t, wrongName(host))
	o.leaves(t, noTrace)
	visit{phone: newPhone}.to(t, nameless.at(t, nginx)).wants(t, ok)
	visit{phone: newPhone}.to(t, nameless.at(t, apache)).wants(t, ok)
}

// An address in the URL must be the CN.
func TestBug15Address(t *testing.T) {
	o := visit{phone: newPhone, host: "127.0.0.1"}.to(t, plain.at(t, nginx))
	o.wants(t, wrongName("127.0.0.1"))
	o.leaves(t, noTrace)
	visit{phone: newPhone, host: "127.0.0.1"}.to(t, address.at(t, nginx)).wants(t, ok)
}

var vhosts = configure(setup{name: "vhosts", on: "nginx", cert: certs.ServerRequest{CN: "two.example.test"}, vhosts: []*setup{
	{name: "vhost-one", cert: certs.ServerRequest{CA: certs.Sipura1, CN: "one.example.test"}, min: 0x0301, max: trust.TLS12, ciphers: "AES256-SHA"},
	{name: "vhost-three", cert: certs.ServerRequest{CA: certs.CiscoSB1, CN: "three.example.test"}, min: 0x0301, max: trust.TLS12, ciphers: "AES256-SHA"},
}})

// Devices send no server name, so that every host at a port shows the certificate
// of the first.
func TestBug16NameBasedHosts(t *testing.T) {
	shown := "the first host's certificate is shown, which the setup is not"
	o := visit{phone: newPhone, host: "two.example.test", unjudged: shown}.to(t, vhosts.at(t, nginx))
	o.wants(t, wrongName("two.example.test"))
	o.leaves(t, noTrace)
	// With a server name the same port shows the right one.
	if cn := commonName(t, vhosts.at(t, nginx).addr, "two.example.test"); cn != "two.example.test" {
		t.Errorf("with a server name nginx shows %s", cn)
	}
	if cn := commonName(t, vhosts.at(t, nginx).addr, ""); cn != "one.example.test" {
		t.Errorf("without a server name nginx shows %s", cn)
	}
}

var sha256 = configure(setup{name: "sha256", on: "nginx apache haproxy", cert: certs.ServerRequest{Hash: crypto.SHA256}})

// Old firmware cannot read SHA-256, for which the signing service's default was
// changed.
func TestBug17SHA256(t *testing.T) {
	for _, program := range []string{nginx, apache, haproxy} {
		for _, phone := range []string{adapter, oldPhone} {
			o := visit{phone: phone}.to(t, sha256.at(t, program))
			o.wants(t, err7)
			o.leaves(t, "tlsv1 alert decrypt error")
		}
		visit{phone: newPhone}.to(t, sha256.at(t, program)).wants(t, ok)
	}
}

var hasty = configure(setup{name: "hasty", on: "nginx apache haproxy", cert: certs.ServerRequest{Bits: 4096}, directives: map[string]string{
	nginx: "client_header_timeout 400ms;", apache: "RequestReadTimeout handshake=1", haproxy: "timeout client 400ms\ntimeout http-request 400ms",
}})

// A long key takes a slow device seconds, and the server's patience ends first.
func TestBug18SlowDevice(t *testing.T) {
	for program, trace := range map[string]string{nginx: "timed out", apache: "Connection closed to child", haproxy: "Timeout during SSL handshake"} {
		t.Run(program, func(t *testing.T) {
			t.Parallel()
			slow := visit{phone: newPhone + " tls_think=1500ms", unjudged: "time plays no part"}.to(t, hasty.at(t, program))
			slow.wants(t, "tls 0 alert 0; create ssl connection failed; https_get failed")
			slow.leaves(t, trace)
			visit{phone: newPhone + " tls_think=50ms"}.to(t, hasty.at(t, program)).wants(t, ok)
		})
	}
}
