package certs_test

import (
	"bytes"
	"crypto/rsa"
	"encoding/pem"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"spafleet/certs"
)

// csr makes a signing request.
func csr(t *testing.T, args ...string) []byte {
	t.Helper()
	key := filepath.Join(t.TempDir(), "key")
	out := openssl(t, nil, append([]string{"req", "-new", "-newkey", "rsa:1024", "-nodes", "-keyout", key, "-subj", "/C=DE/O=An operator/CN=prov.example.com"}, args...)...)
	return []byte(out[strings.Index(out, "-----BEGIN"):])
}

func TestRequestsAreReadWithEveryHash(t *testing.T) {
	for _, hash := range []string{"-md5", "-sha1", "-sha256", "-sha512"} {
		r, err := certs.ReadRequest(csr(t, hash, "-addext", "subjectAltName=DNS:a.example,IP:192.0.2.9"))
		if err != nil {
			t.Errorf("%s: %v", hash, err)
			continue
		}
		if r.CN != "prov.example.com" || !slices.Equal(r.SAN, []string{"a.example", "192.0.2.9"}) {
			t.Errorf("%s: %+v", hash, r)
		}
		r.CA = certs.CiscoSB1
		c, err := certs.New(1).Server(r)
		if err != nil || c.Key != nil {
			t.Fatalf("%s: %v", hash, err)
		}
		leaf := parse(t, c.Chain[0])
		if !r.Key.Equal(leaf.PublicKey.(*rsa.PublicKey)) || leaf.Subject.Organization[0] != "An operator" {
			t.Errorf("%s: %s", hash, leaf.Subject)
		}
	}
}

func TestRequestsThatAreRefused(t *testing.T) {
	good := csr(t)
	for name, tt := range map[string]struct {
		data []byte
		want string
	}{
		"empty":    {nil, "no signing request in it"},
		"text":     {[]byte("hello"), "no signing request in it"},
		"elliptic": {ellipticCSR(t), "the key of the signing request is ECDSA"},
		"changed":  {forge(t, good), "signature of the signing request"},
		"MD5":      {forge(t, csr(t, "-md5")), "signature of the signing request"},
	} {
		if _, err := certs.ReadRequest(tt.data); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %s", name, err, tt.want)
		}
	}
}

func ellipticCSR(t *testing.T) []byte {
	out := openssl(t, nil, "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", filepath.Join(t.TempDir(), "key"), "-subj", "/CN=h")
	return []byte(out[strings.Index(out, "-----BEGIN"):])
}

// forge changes the name in a request.
func forge(t *testing.T, text []byte) []byte {
	t.Helper()
	block, _ := pem.Decode(text)
	if block == nil || !bytes.Contains(block.Bytes, []byte("prov.example.com")) {
		t.Fatalf("no such request: %s", text)
	}
	return bytes.Replace(block.Bytes, []byte("prov.example.com"), []byte("evil.example.com"), 1)
}
