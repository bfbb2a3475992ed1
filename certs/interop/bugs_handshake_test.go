package interop_test

import (
	"crypto"
	"crypto/tls"
	"strings"
	"testing"

	"spafleet/certs"
	"spafleet/certs/ssl"
	"spafleet/certs/trust"
)

// The field bugs have the numbers of tls.md §3.3. Those in this file end at the
// hellos and the key exchange.

const ok = "ok"

var tls12Only = configure(setup{name: "tls12-only", on: "nginx apache haproxy", min: trust.TLS12})

// Servers that were hardened speak TLS 1.2 alone: the firmware's best is TLS 1.0.
func TestBug01TLS12OnlyServer(t *testing.T) {
	for program, trace := range map[string]string{nginx: "unsupported protocol", apache: "unsupported protocol", haproxy: "unsupported protocol"} {
		o := visit{phone: newPhone}.to(t, tls12Only.at(t, program))
		o.wants(t, alert70)
		o.leaves(t, trace)
		visit{phone: newPhone + " tls_versions=tls1.2"}.to(t, tls12Only.at(t, program)).wants(t, ok)
	}
}

var (
	level1 = configure(setup{name: "level1", on: "nginx apache", level: 1, cert: certs.ServerRequest{Hash: crypto.SHA256}})
	level2 = configure(setup{name: "level2", on: "nginx apache", level: 2, cert: certs.ServerRequest{Hash: crypto.SHA256}})
	level0 = configure(setup{name: "level0", on: "nginx apache", level: 0, cert: certs.ServerRequest{Hash: crypto.SHA256}})
)

// OpenSSL 3 has TLS 1.0 at security level 0 only, and the usual one is 1 or 2.
func TestBug02SecurityLevel(t *testing.T) {
	for _, program := range []string{nginx, apache} {
		for _, s := range []*setup{level1, level2} {
			o := visit{phone: newPhone}.to(t, s.at(t, program))
			o.wants(t, alert80)
			o.leaves(t, "no suitable signature algorithm")
		}
		visit{phone: newPhone}.to(t, level0.at(t, program)).wants(t, ok)
	}
}

var dh2048 = configure(setup{name: "dh2048", on: "nginx haproxy s_server", ciphers: "DHE-RSA-AES256-SHA:AES256-SHA", dh: 2048})

// A prime of 2048 bits is too long for firmware before 7.5.2b and for the PAP2T.
// What they do about it is a switch.
func TestBug03LongPrime(t *testing.T) {
	for _, phone := range []string{"PAP2T 5.1.6(LS)", oldPhone} {
		for program, trace := range map[string]string{nginx: "sslv3 alert handshake failure:SSL alert number 40", haproxy: "sslv3 alert handshake failure", sserver: "SSL alert number 40"} {
			o := visit{phone: phone}.to(t, dh2048.at(t, program))
			o.wants(t, alert40)
			o.leaves(t, trace)
		}
	}
	o := visit{phone: oldPhone + " dh_exceeded=close"}.to(t, dh2048.at(t, nginx))
	o.wants(t, "tls 0 alert 0; create ssl connection failed; https_get failed")
	o.leaves(t, "peer closed connection in SSL handshake")
	o = visit{phone: oldPhone + " dh_exceeded=silence http_read_wait=300ms"}.to(t, dh2048.at(t, nginx))
	o.wants(t, "timeout; create ssl connection failed; https_get failed")
	o.leaves(t, "peer closed connection in SSL handshake")

	o = visit{phone: "SPA504G 7.5.2b"}.to(t, dh2048.at(t, nginx))
	o.wants(t, ok)
	o.leaves(t, " 200 TLSv1 DHE-RSA-AES256-SHA ")
}

var (
	keySizedDH = configure(setup{name: "key-sized-dh", on: "apache", ciphers: "DHE-RSA-AES256-SHA", directives: map[string]string{
		apache: "SSLOpenSSLConfCmd DHParameters DIR/short.pem"}})
	shortKeyDH = configure(setup{name: "short-key-dh", on: "apache", ciphers: "DHE-RSA-AES256-SHA", cert: certs.ServerRequest{Bits: 1024}})
	fileDH     = configure(setup{name: "file-dh", on: "apache", ciphers: "DHE-RSA-AES256-SHA", dh: 1024})
	noDH       = configure(setup{name: "no-dh", on: "nginx haproxy", ciphers: "DHE-RSA-AES256-SHA"})
)

// mod_ssl takes a prime as long as the server's key, whatever DHParameters says.
func TestBug04PrimeByTheKey(t *testing.T) {
	o := visit{phone: oldPhone}.to(t, keySizedDH.at(t, apache))
	o.wants(t, alert40)
	o.leaves(t, "sslv3 alert handshake failure (SSL alert number 40)")
	for _, s := range []*setup{shortKeyDH, fileDH} {
		o := visit{phone: oldPhone}.to(t, s.at(t, apache))
		o.wants(t, ok)
		o.leaves(t, " 200 TLSv1 DHE-RSA-AES256-SHA ")
	}
	// The others leave such suites out where no prime is configured.
	for _, program := range []string{nginx, haproxy} {
		o := visit{phone: oldPhone}.to(t, noDH.at(t, program))
		o.wants(t, alert40)
		o.leaves(t, "no shared cipher")
	}
}

var ecdheOnly = configure(setup{name: "ecdhe-only", on: "nginx apache haproxy", ciphers: "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-RSA-AES128-GCM-SHA256"})

// Lists of today's suites have none of the devices'.
func TestBug05ModernSuitesOnly(t *testing.T) {
	for _, program := range []string{nginx, apache, haproxy} {
		o := visit{phone: newPhone}.to(t, ecdheOnly.at(t, program))
		o.wants(t, alert40)
		o.leaves(t, "no shared cipher")
	}
	visit{phone: newPhone + " tls_versions=tls1.2 tls_suites=library"}.to(t, ecdheOnly.at(t, nginx)).wants(t, ok)
}

var (
	allSuites = configure(setup{name: "all-suites", on: "nginx apache haproxy", ciphers: "ALL"})
	nssAll    = configure(setup{name: "nss-all", on: "selfserv", ciphers: "AES256-SHA:AES128-SHA:DES-CBC3-SHA:RC4-SHA:RC4-MD5", min: ssl.SSL30, max: ssl.TLS11})
)

// RC4 and 3DES are not compiled into today's OpenSSL; NSS has them.
func TestBug06OldSuitesOnly(t *testing.T) {
	phone := newPhone + " tls_suites=rc4"
	for _, program := range []string{nginx, apache, haproxy} {
		o := visit{phone: phone}.to(t, allSuites.at(t, program))
		o.wants(t, alert40)
		o.leaves(t, "no shared cipher")
	}
	visit{phone: phone}.to(t, nssAll.at(t, nss)).wants(t, ok)
}

// SSL 3.0 was switched off everywhere after POODLE, and is not compiled into
// today's OpenSSL. A late firmware has a parameter for it, set to no.
func TestBug25SSL3Only(t *testing.T) {
	for _, program := range []string{nginx, apache, haproxy} {
		o := visit{phone: adapter + " tls_versions=ssl3"}.to(t, allSuites.at(t, program))
		o.wants(t, alert40)
		o.leaves(t, "version too low")
	}
	o := visit{phone: adapter + " tls_versions=ssl3 tls_hello=tls"}.to(t, nssAll.at(t, nss))
	o.wants(t, ok)
	o.leaves(t, "SSL version 3.0")
	for _, enabled := range []string{"Yes", "No"} { // it changes the least version, not the newest
		o := visit{phone: newPhone, set: []string{"Enable_SSLv3=" + enabled}}.to(t, mutual.at(t, nginx))
		o.wants(t, ok)
		o.leaves(t, " 200 TLSv1 ")
	}
}

// OpenSSL 0.9.7 begins with a hello of SSL 2.0's format. Today's OpenSSL still reads it;
// Go does not, and NSS takes it for the beginning of something longer.
func TestBug27SSL2Hello(t *testing.T) {
	for _, program := range []string{nginx, apache, haproxy, sserver} {
		for _, phone := range []string{adapter, "SPA504G 7.5.2b"} {
			o := visit{phone: phone}.to(t, mutual.at(t, program))
			o.wants(t, ok)
			if len(o.wire) < 3 || o.wire[0] != 0x80 || o.wire[2] != 1 {
				t.Errorf("%s: the device began with %x", program, o.wire[:min(3, len(o.wire))])
			}
		}
	}
}

func TestBug27SSL2HelloRefused(t *testing.T) {
	const unlike = "a judge knows OpenSSL's kind of servers"
	s := goServer(t, &tls.Config{MinVersion: tls.VersionTLS10, CipherSuites: []uint16{tls.TLS_RSA_WITH_AES_256_CBC_SHA}})
	o := visit{phone: adapter, unjudged: unlike}.to(t, s)
	o.wants(t, alert70)
	o.leaves(t, "unsupported SSLv2 handshake received")
	visit{phone: adapter + " tls_hello=tls", unjudged: unlike}.to(t, s).wants(t, ok)
	o = visit{phone: adapter + " http_read_wait=500ms", unjudged: unlike}.to(t, nssMutual.at(t, nss))
	o.wants(t, "timeout; create ssl connection failed; https_get failed")
}

// An empty record goes before each one of data. Servers take it; middleboxes were
// seen to stumble.
func TestBug28EmptyRecords(t *testing.T) {
	for _, program := range []string{nginx, apache, haproxy, sserver} {
		for fragments, want := range map[string]int{"yes": 1, "no": 0} {
			o := visit{phone: newPhone + " empty_fragments=" + fragments}.to(t, mutual.at(t, program))
			o.wants(t, ok)
			// The request is one record, and an empty one has 37 bytes with its header.
			if n := strings.Count(string(o.wire), "\x17\x03\x01\x00\x20"); n != want {
				t.Errorf("%s, empty_fragments=%s: %d records of 37 bytes", program, fragments, n)
			}
		}
	}
}
