package field_test

import (
	"fmt"
	"strings"
	"testing"

	"spafleet/certs"
	"spafleet/certs/ssl"
)

// The devices of the matrix.
const (
	newPhone = "SPA504G 7.6.2f"
	midPhone = "SPA504G 7.6.1"
	oldPhone = "SPA504G 7.4.9c"
	adapter  = "SPA2102 5.2.12"
)

// matrix are the setups of a list of programs, by suite and question.
func matrix(on string, min, max ssl.Version, suites ...string) map[string]*setup {
	m := map[string]*setup{}
	for _, suite := range suites {
		for _, ask := range []asking{never, optional, required} {
			name := strings.TrimRight(fmt.Sprintf("%s-%s", suite, ask), "-")
			if strings.Contains(on, "selfserv") {
				name = "nss-" + name
			}
			s := setup{name: name, on: on, ciphers: suite, ask: ask, min: min, max: max}
			if strings.HasPrefix(suite, "DHE-") {
				s.dh = 1024
			}
			m[name] = configure(s)
		}
	}
	return m
}

var openSSLMatrix = matrix("nginx apache haproxy s_server", ssl.TLS10, certs.TLS12, "AES128-SHA", "AES256-SHA", "DHE-RSA-AES128-SHA", "DHE-RSA-AES256-SHA")

func TestMatrix(t *testing.T) {
	for name, s := range openSSLMatrix {
		for _, program := range []string{nginx, apache, haproxy, sserver} {
			for _, version := range []string{"tls1.0", "tls1.0-tls1.1"} {
				t.Run(name+" "+version+" "+program, func(t *testing.T) {
					t.Parallel()
					o := visit{phone: newPhone + " tls_suites=sipura dh_limit=1024 tls_versions=" + version}.to(t, s.at(t, program))
					o.wants(t, "ok")
					//o.leaves(t, `TLSv1`)
					o.wantsMutual(t, s.ask != never)
					t.Log(o.seen())
				})
			}
		}
	}
}

func TestNSS(t *testing.T) {
	for _, s := range nssMatrix {
		for _, version := range []string{"ssl3", "tls1.0", "tls1.0-tls1.1"} {
			t.Run(s.name+" "+version, func(t *testing.T) {
				t.Parallel()
				o := visit{phone: newPhone + " tls_suites=library tls_versions=" + version}.to(t, s.at(t, nss))
				o.wants(t, "ok")
				o.wantsMutual(t, s.ask != never)
				t.Log(o.seen())
			})
		}
	}
}

var nssMatrix = matrix("selfserv", ssl.SSL30, ssl.TLS11, "RC4-MD5", "RC4-SHA", "DES-CBC3-SHA", "AES128-SHA", "AES256-SHA")
