package certs_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"spafleet/certs"
	"spafleet/host/golden"
)

func TestShowGolden(t *testing.T) {
	p := certs.New(1)
	h := &certs.Holder{PKI: p}
	var b bytes.Buffer
	show := func(what string, chain ...[]byte) {
		t.Helper()
		list, keys, err := certs.DescribeFile(certs.EncodeCertificates(chain))
		if err != nil || keys != 0 {
			t.Fatal(err, keys)
		}
		for i := range list {
			fmt.Fprintf(&b, "# %s\n%s\n", what, &list[i])
		}
	}
	for _, n := range []certs.Name{certs.SipuraClient1, certs.CiscoSBClient2, certs.Public} {
		show(string(n), authority(t, p, n).Raw)
	}
	for _, r := range []certs.ServerRequest{
		{CA: certs.Linksys1, CN: "prov.example.com", Bits: 1024},
		{CA: certs.VerisignServer, SAN: []string{"a.example", "192.0.2.1"}},
		{CA: certs.Public, CN: "*.example.com"},
	} {
		c, err := p.Server(r)
		if err != nil {
			t.Fatal(err)
		}
		show("server of "+string(r.CA), c.Chain...)
	}
	show("SPA2102", shown(t, h, made(t, "SPA2102", "FM500H100001", nil)).Raw)
	show("SPA508G", shown(t, h, made(t, "SPA508G", "CBT182306EA", nil)).Raw)
	show("generic", shown(t, h, made(t, "SPA508G", "CBT182306EA", map[string]string{"client_certificate": "generic"})).Raw)

	golden.File(t, "testdata/show.golden", b.Bytes())
}

// Names are shown as OpenSSL, and with it nginx, shows them.
func TestNamesAreShownAsOpenSSLDoes(t *testing.T) {
	dir := t.TempDir()
	key := filepath.Join(dir, "key")
	for _, subject := range []string{
		`/C=US/O=A\, B+OU=both/CN=x y/emailAddress=a@b.example`, `/CN=#hash "quoted" <a;b> \\back`, "/CN= blanks ", "/CN=M\u00fcller \u20ac",
		"/DC=example/serialNumber=12/CN=none of ours", "/CN=tab\there",
	} {
		cert := openssl(t, nil, "req", "-x509", "-newkey", "rsa:1024", "-nodes", "-keyout", key, "-utf8", "-multivalue-rdn", "-subj", subject)
		cert = cert[strings.Index(cert, "-----BEGIN"):]
		want := strings.TrimSuffix(strings.TrimPrefix(openssl(t, []byte(cert), "x509", "-noout", "-subject", "-nameopt", "RFC2253"), "subject="), "\n")
		list, _, err := certs.DescribeFile([]byte(cert))
		if err != nil {
			t.Fatal(err)
		}
		// OpenSSL knows the names of more attributes.
		want = strings.NewReplacer("serialNumber=", "2.5.4.5=", "DC=", "0.9.2342.19200300.100.1.25=").Replace(want)
		if list[0].Subject != want {
			t.Errorf("%s: %s, want %s", subject, list[0].Subject, want)
		}
	}
}

func TestDescriptionsNameTheDevice(t *testing.T) {
	h := &certs.Holder{PKI: certs.New(1)}
	d, err := certs.Describe(shown(t, h, made(t, "SPA962", "88012HA01234", nil)).Raw)
	if err != nil {
		t.Fatal(err)
	}
	if want := (certs.DeviceName{Model: "SPA-962", MAC: mac, Serial: "88012HA01234"}); d.Device == nil || *d.Device != want {
		t.Errorf("device %v, want %v", d.Device, want)
	}
	d, err = certs.Describe(shown(t, h, made(t, "SPA962", "88012HA01234", map[string]string{"client_certificate": "generic"})).Raw)
	if err != nil || d.Device == nil || !d.Device.Generic {
		t.Errorf("generic: %v, %v", d.Device, err)
	}
	d, err = certs.Describe(authority(t, certs.New(1), certs.SipuraClient1).Raw)
	if err != nil || d.Device != nil || !d.Authority {
		t.Errorf("authority: %+v, %v", d, err)
	}
	text, err := json.Marshal(d)
	if err != nil || strings.Contains(string(text), `"device"`) {
		t.Errorf("%s, %v", text, err)
	}
}

func TestFilesOfManyKindsAreDescribed(t *testing.T) {
	cert, key, raw := theirs(t, "h.example")
	elliptic := openssl(t, nil, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", filepath.Join(t.TempDir(), "key"), "-subj", "/CN=h", "-addext", "1.2.3.4=critical,DER:0500")
	tests := map[string]struct {
		data        []byte
		certs, keys int
	}{
		"PEM":      {cert, 1, 0},
		"DER":      {raw, 1, 0},
		"both":     {append(append([]byte{}, cert...), key...), 1, 1},
		"a key":    {key, 0, 1},
		"two":      {append(append([]byte("text\n"), cert...), cert...), 2, 0},
		"elliptic": {[]byte(elliptic[strings.Index(elliptic, "-----BEGIN"):]), 1, 0},
	}
	for name, tt := range tests {
		list, keys, err := certs.DescribeFile(tt.data)
		if err != nil || len(list) != tt.certs || keys != tt.keys {
			t.Errorf("%s: %d certificates, %d keys, %v", name, len(list), keys, err)
		}
		if name == "elliptic" && !strings.Contains(list[0].String(), "extension  1.2.3.4, 2 bytes (critical)\n") {
			t.Errorf("an extension that nobody knows:\n%s", &list[0])
		}
	}
	if _, _, err := certs.DescribeFile([]byte("hello")); err == nil {
		t.Error("hello is a certificate")
	}
}
