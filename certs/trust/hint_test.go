package trust_test

import (
	"crypto/x509"
	"strings"
	"testing"

	"spafleet/certs"
	"spafleet/certs/ssl"
	"spafleet/certs/trust"
)

// A hint names the certificate that is at fault, and by what; what it says of the
// firmware has its evidence.
func TestHintsNameTheCertificateAtFault(t *testing.T) {
	r := roots()
	other := certs.New(99) // made with another seed
	foreign, err := other.Server(certs.ServerRequest{CA: certs.Sipura1, CN: serverName})
	if err != nil {
		t.Fatal(err)
	}
	sha256 := func(x *x509.Certificate) { x.SignatureAlgorithm = x509.SHA256WithRSA }
	later := sign(t, changed(plain(serverName), sha256), 0, r[certs.Sipura1])
	root := sign(t, changed(issuing("a root with SHA-256"), sha256), 1, nil)
	extra := &trust.Devices{PKI: testPKI, Extra: []*x509.Certificate{root.Certificate}}
	ended := sign(t, changed(plain(serverName), func(x *x509.Certificate) { x.NotAfter = day("2019-05-04") }), 0, r[certs.Sipura1])
	tests := []struct {
		row     string
		devices *trust.Devices
		chain   [][]byte
		want    []string
	}{
		{oldPhone, devices(), chainOf(sign(t, plain(serverName), 0, r[certs.Public])), []string{
			`the server's certificate "prov.example.com" is of "TEST Public Root CA"`, "no authority that SPA508G 7.5.4 trusts", "sipura1 (field)", "linksys1 (field)"}},
		{oldPhone, devices(), foreign.Chain, []string{
			`of an authority "TEST Sipura Technology Provisioning Root Authority 1"`, "with another key", "different seeds"}},
		{adapter + " cert_sha256=refuse", devices(), chainOf(later), []string{`the signature of the server's certificate "prov.example.com" is SHA256-RSA`, "(set by a switch)"}},
		{adapter, extra, chainOf(sign(t, plain(serverName), 0, root)), []string{`the signature of the authority "a root with SHA-256" is SHA256-RSA`, "MD5 and SHA-1 only (inferred)"}},
		{newPhone, devices(), chainOf(sign(t, plain(serverName), 0, r[certs.Linksys1])), []string{
			`the authority "TEST Cisco Linksys Provisioning Root Authority 1" ended on 2015-06-30`, "(field)"}},
		{newPhone, devices(), chainOf(ended), []string{`the server's certificate "prov.example.com" ended on 2019-05-04`}},
	}
	for _, tt := range tests {
		row := rowOf(t, modelOf(tt.row), switchesOf(tt.row)...)
		_, number := tt.devices.Verify(row, tt.chain, today)
		if number == 0 {
			t.Errorf("%s: accepted, want a hint of %q", tt.row, tt.want)
			continue
		}
		hint := tt.devices.Hint(row, trust.Failure{Number: number, Chain: tt.chain, Now: today, Host: serverName})
		for _, want := range tt.want {
			if !strings.Contains(hint, want) {
				t.Errorf("%s: error %d: no %q in %q", tt.row, number, want, hint)
			}
		}
	}
}

func TestHintsOfOtherFailures(t *testing.T) {
	row := rowOf(t, "SPA504G 7.5.2")
	leaf := chainOf(sign(t, plain("a.example.com"), 0, roots()[certs.Sipura1]))
	for want, f := range map[string]trust.Failure{
		`the certificate's CN is "a.example.com", and the URL asks for "b.example.com"`: {Number: trust.WrongName, Chain: leaf, Host: "b.example.com"},
		"the server's DH prime has 2048 bits, and this firmware takes at most 1024":     {DHBits: 2048, Sent: true, Alert: ssl.HandshakeFailure},
		"the server wants a later version of TLS than this firmware speaks (inferred)":  {Alert: ssl.ProtocolVersion},
		"add @SECLEVEL=0": {Alert: ssl.InternalError},
	} {
		if hint := devices().Hint(row, f); !strings.Contains(hint, want) {
			t.Errorf("no %q in %q", want, hint)
		}
	}
	for _, k := range []certs.Kind{certs.OwnCertificate, certs.GenericCertificate, certs.NoCertificate, certs.DefectiveCertificate} {
		if trust.ShownHint(k) == "" {
			t.Errorf("no hint for a server that refuses a device with its certificate: %s", k)
		}
	}
}
