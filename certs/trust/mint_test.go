package trust_test

import (
	"bytes"
	"crypto"
	"crypto/md5"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"math/big"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"spafleet/certs"
	"spafleet/certs/trust"
)

func day(text string) time.Time {
	t, err := time.Parse(time.DateOnly, text)
	if err != nil {
		panic(err)
	}
	return t
}

// testKeys are as many keys as one test needs at a time.
var testKeys = sync.OnceValue(func() []*rsa.PrivateKey {
	var keys []*rsa.PrivateKey
	for range 4 {
		k, err := rsa.GenerateKey(rand.Reader, 1024)
		if err != nil {
			panic(err)
		}
		keys = append(keys, k)
	}
	return keys
})

// A ca is an authority of a test, or a certificate like one.
type ca struct {
	*x509.Certificate
	key crypto.Signer
}

// plain is a certificate's template: a server's, without extensions.
func plain(cn string) *x509.Certificate {
	return &x509.Certificate{SerialNumber: big.NewInt(7), Subject: pkix.Name{Country: []string{"US"}, CommonName: cn},
		NotBefore: day("2005-01-01"), NotAfter: day("2034-01-01"), SignatureAlgorithm: x509.SHA1WithRSA}
}

// issuing is the template of an authority.
func issuing(cn string) *x509.Certificate {
	t := plain(cn)
	t.IsCA, t.BasicConstraintsValid, t.KeyUsage = true, true, x509.KeyUsageCertSign
	return t
}

// sign makes a certificate with the key of that number; a nil parent signs
// itself.
func sign(t testing.TB, template *x509.Certificate, key int, parent *ca) *ca {
	t.Helper()
	var own crypto.Signer = testKeys()[key]
	by := parent
	if by == nil {
		by = &ca{template, own}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, by.Certificate, own.Public(), by.key)
	if err != nil {
		t.Fatal(err)
	}
	return read(t, der, own)
}

func read(t testing.TB, der []byte, key crypto.Signer) *ca {
	t.Helper()
	x, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &ca{x, key}
}

// withMD5 signs a SHA-1 certificate again: the names of the two algorithms differ
// in their last byte, and crypto/x509 does not sign with MD5.
func withMD5(t testing.TB, c, parent *ca) *ca {
	t.Helper()
	sha1, md5OID := asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 5}, asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 4}
	from, _ := asn1.Marshal(sha1)
	to, _ := asn1.Marshal(md5OID)
	der := bytes.ReplaceAll(c.Raw, from, to)
	x, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	sum := md5.Sum(x.RawTBSCertificate)
	signature, err := parent.key.Sign(nil, sum[:], crypto.MD5)
	if err != nil {
		t.Fatal(err)
	}
	return read(t, append(bytes.Clone(der[:len(der)-len(signature)]), signature...), c.key)
}

// testPKI has the authorities that the devices trust.
var testPKI = certs.New(1)

// roots are its authorities, with the keys that a folder has of them.
var roots = sync.OnceValue(func() map[certs.Name]*ca {
	dir, err := os.MkdirTemp("", "roots")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	if _, err := certs.Init(dir, certs.InitOptions{Seed: 1}); err != nil {
		panic(err)
	}
	made := map[certs.Name]*ca{}
	for _, n := range certs.Authorities() {
		a, err := testPKI.Authority(n)
		if err != nil {
			panic(err)
		}
		text, err := os.ReadFile(filepath.Join(dir, string(n)+".key"))
		if err != nil {
			panic(err)
		}
		key, err := certs.DecodeKey(text)
		if err != nil {
			panic(err)
		}
		made[n] = &ca{a.Cert, key}
	}
	return made
})

// devices trust the test's authorities.
func devices() *trust.Devices { return &trust.Devices{PKI: testPKI} }

func chainOf(list ...*ca) [][]byte {
	var ders [][]byte
	for _, c := range list {
		ders = append(ders, c.Raw)
	}
	return ders
}

// modelOf and switchesOf split "MODEL FIRMWARE switch=value …".
func modelOf(text string) string {
	words := strings.Fields(text)
	return strings.Join(words[:2], " ")
}

func switchesOf(text string) []string { return strings.Fields(text)[2:] }

// heap returns the bytes in use.
func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
