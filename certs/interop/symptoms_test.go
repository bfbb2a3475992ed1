package interop_test

import (
	"strings"
	"testing"

	"spafleet/certs"
	"spafleet/certs/trust"
)

const (
	refused400 = "status; https_get failed"
	alert40    = "tls 0 alert 40; create ssl connection failed; https_get failed"
	alert42    = "tls 0 alert 42; create ssl connection failed; https_get failed"
	alert48    = "tls 0 alert 48; create ssl connection failed; https_get failed"
	alert51    = "tls 0 alert 51; create ssl connection failed; https_get failed"
	alert70    = "tls 0 alert 70; create ssl connection failed; https_get failed"
	alert80    = "tls 0 alert 80; create ssl connection failed; https_get failed"
)

// A symptom is what comes of a certificate on a program: what the device knows,
// and what the server logs.
type symptom struct {
	program, device string
	server          []string
}

var failures = []struct {
	certificate string
	symptoms    []symptom
}{
	{"bad_signature", []symptom{
		{nginx, refused400, []string{"client SSL certificate verify error: (7:certificate signature failure)", ` 400 TLSv1 `, `verify="FAILED:certificate signature failure"`}},
		{apache, alert51, []string{"AH02276: Certificate Verification: Error (7): certificate signature failure", "certificate verify failed"}},
		{haproxy, alert51, []string{"SSL client certificate not trusted", "verify=7"}},
	}},
	{"wrong_key", []symptom{
		{nginx, alert51, []string{"bad signature", "while SSL handshaking"}},
		{apache, alert51, []string{"bad signature"}},
		{haproxy, alert51, []string{"SSL handshake failure error=error:0200008A:rsa routines::invalid padding verify=0"}},
	}},
	{"none", []symptom{
		{nginx, refused400, []string{"client sent no required SSL certificate", ` 400 TLSv1 `, `verify="NONE"`}},
		{apache, alert40, []string{"peer did not return a certificate"}},
		{haproxy, alert40, []string{"peer did not return a certificate"}},
	}},
	{"foreign", []symptom{
		{nginx, refused400, []string{"client SSL certificate verify error: (21:", ` 400 TLSv1 `, `verify="FAILED:`}},
		{apache, alert48, []string{"Error (20)", "certificate verify failed"}},
		{haproxy, alert48, []string{"SSL client certificate not trusted error=error:0A000086:SSL routines::certificate verify failed verify=20"}},
	}},
	{"expired", []symptom{
		{nginx, refused400, []string{"client SSL certificate verify error: (10:certificate has expired)", ` 400 TLSv1 `, `verify="FAILED:certificate has expired"`}},
		{apache, "tls 0 alert 45; create ssl connection failed; https_get failed", []string{"Error (10)"}},
		{haproxy, "tls 0 alert 45; create ssl connection failed; https_get failed", []string{"certificate verify failed"}},
	}},
	{"generic", []symptom{
		{nginx, "ok", []string{`verify="SUCCESS"`, "ST=sipurageneric"}},
		{apache, "ok", []string{`verify="SUCCESS"`, "st=sipurageneric"}},
		{haproxy, "ok", []string{"st=sipurageneric"}},
	}},
}

// The table of symptoms (tls.md §2.2), for what can be wrong with the certificate
// of a device (measured).
func TestSymptoms(t *testing.T) {
	for _, f := range failures {
		t.Run(f.certificate, func(t *testing.T) {
			for _, s := range f.symptoms {
				o := visit{phone: adapter + " client_certificate=" + f.certificate}.to(t, mutual.at(t, s.program))
				o.wants(t, s.device)
				o.wantsMutual(t, false)
				o.leaves(t, s.server...)
			}
		})
	}
}

// The certificate of another device is as good as any: the server sees the other
// one, and only the User-Agent tells that something is wrong.
func TestWrongDevicesCertificate(t *testing.T) {
	for _, program := range []string{nginx, apache, haproxy} {
		right, wrong := visit{phone: adapter}, visit{phone: adapter, index: 1}
		owner, _ := right.device(t)
		visitor, _ := wrong.device(t)
		c, _, err := holder.Certificate(&owner)
		if err != nil {
			t.Fatal(err)
		}
		own := &certs.Material{}
		if err := own.Add(visitor.MAC, c); err != nil {
			t.Fatal(err)
		}
		wrong.as = &trust.Devices{PKI: pki, Holder: &certs.Holder{PKI: pki, Own: own}}
		o := wrong.to(t, mutual.at(t, program))
		o.wants(t, "ok")
		o.leaves(t, visitor.UserAgent(), owner.MAC.String(), owner.Serial)
		if text := "MAC: " + visitor.MAC.String(); strings.Contains(o.seen(), text) {
			t.Errorf("%s: the certificate names the visitor: %s", program, o.excerpt())
		}
	}
}

var lenient = configure(setup{name: "lenient", on: "nginx haproxy", directives: map[string]string{
	nginx:          "ssl_verify_client optional_no_ca;\nssl_client_certificate ROOTS;",
	"haproxy bind": "ca-file ROOTS verify optional crt-ignore-err all ca-ignore-err all",
}})

// Servers that let bad certificates in, and leave the judgement to what stands
// behind them.
func TestLenientServers(t *testing.T) {
	for _, tt := range []struct{ program, certificate, device, server string }{
		{nginx, "foreign", ok, `verify="FAILED:unable to verify the first certificate"`},
		{nginx, "none", ok, `verify="NONE"`},
		{nginx, "bad_signature", refused400, `verify="FAILED:certificate signature failure"`},
		{haproxy, "foreign", ok, "verify=21 "},
		{haproxy, "none", ok, "verify=0 st=- "},
		{haproxy, "bad_signature", ok, "verify=7 "},
		{haproxy, "expired", ok, "verify=10 "},
	} {
		o := visit{phone: adapter + " client_certificate=" + tt.certificate, unjudged: "it leaves the judgement to others"}.to(t, lenient.at(t, tt.program))
		o.wants(t, tt.device)
		o.wantsMutual(t, false)
		o.leaves(t, tt.server)
	}
}
