package interop_test

import (
	"fmt"
	"strings"
	"testing"

	"spafleet/certs/ssl"
	"spafleet/certs/trust"
)

// The devices of most tests.
const (
	newPhone = "SPA504G 7.6.2f"
	midPhone = "SPA504G 7.6.1"
	oldPhone = "SPA504G 7.4.9c"
	adapter  = "SPA2102 5.2.12"
)

// matrix makes the setups of some programs, by suite and question.
func matrix(on, name string, oldest, newest ssl.Version, suites ...string) (list []*setup) {
	for _, suite := range suites {
		for _, ask := range []asking{never, optional, required} {
			s := setup{name: strings.TrimRight(name+"-"+suite+"-"+string(ask), "-"), on: on, ciphers: suite, ask: ask, min: oldest, max: newest}
			if strings.HasPrefix(suite, "DHE-") {
				s.dh = 1024
			}
			list = append(list, configure(s))
		}
	}
	return list
}

var (
	opensslMatrix = matrix("nginx apache haproxy s_server", "tls", ssl.TLS10, trust.TLS12, "AES128-SHA", "AES256-SHA", "DHE-RSA-AES128-SHA", "DHE-RSA-AES256-SHA")
	nssMatrix     = matrix("selfserv", "nss", ssl.SSL30, ssl.TLS11, "RC4-MD5", "RC4-SHA", "DES-CBC3-SHA", "AES128-SHA", "AES256-SHA")
)

// refusals are what comes of a device without a certificate where one is required,
// by program.
var refusals = map[string]struct{ device, server string }{
	nginx:   {"status; https_get failed", "client sent no required SSL certificate"},
	apache:  {"tls 0 alert 40; create ssl connection failed; https_get failed", "peer did not return a certificate"},
	haproxy: {"tls 0 alert 40; create ssl connection failed; https_get failed", "peer did not return a certificate"},
	sserver: {"tls 0 alert 40; create ssl connection failed; https_get failed", "peer did not return a certificate"},
	nss:     {"tls 0 alert 42; create ssl connection failed; https_get failed", "PR_Read returned error -12285"}, // SSL_ERROR_NO_CERTIFICATE
}

// Versions, suites and questions about the device's certificate, with devices that
// have one and devices that have none.
func TestMatrix(t *testing.T) {
	for _, program := range []string{nginx, apache, haproxy, sserver} {
		t.Run(program, func(t *testing.T) {
			for _, s := range opensslMatrix {
				speakTo(t, program, s, "tls_suites=sipura dh_limit=1024", "tls1.0", "tls1.0-tls1.1")
				if s.dh == 0 { // crypto/tls, which speaks for such devices, has no DHE
					speakTo(t, program, s, "tls_suites=rsa", "tls1.2")
				}
			}
		})
	}
	t.Run(nss, func(t *testing.T) {
		for _, s := range nssMatrix {
			speakTo(t, nss, s, "tls_suites=library", "ssl3", "tls1.0", "tls1.0-tls1.1")
		}
	})
}

func speakTo(t *testing.T, program string, s *setup, switches string, versions ...string) {
	t.Helper()
	for _, v := range versions {
		for _, certificate := range []string{"auto", "none"} {
			phone := fmt.Sprintf("%s tls_versions=%s %s client_certificate=%s", newPhone, v, switches, certificate)
			o := visit{phone: phone}.to(t, s.at(t, program))
			if s.ask != required || certificate == "auto" {
				o.wants(t, "ok")
				o.wantsMutual(t, s.ask != never && certificate == "auto")
				continue
			}
			o.wants(t, refusals[program].device)
			o.leaves(t, refusals[program].server)
		}
	}
}
