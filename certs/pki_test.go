package certs_test

import (
	"bytes"
	"crypto"
	"crypto/md5"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"spafleet/bench/extproc"
	"spafleet/certs"
	"spafleet/device"
	"spafleet/device/devicetest"
	"spafleet/device/model"
	"spafleet/host/golden"
)

// openssl runs the program, and returns what it prints.
func openssl(t *testing.T, stdin []byte, args ...string) string {
	t.Helper()
	out, err := tryOpenssl(t, stdin, args...)
	if err != nil {
		t.Fatalf("openssl %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return out
}

func tryOpenssl(t *testing.T, stdin []byte, args ...string) (string, error) {
	t.Helper()
	c := exec.Command(extproc.Need(t, "openssl", "openssl"), args...)
	c.Stdin = bytes.NewReader(stdin)
	out, err := c.CombinedOutput()
	return string(out), err
}

func authority(t *testing.T, p *certs.PKI, n certs.Name) *x509.Certificate {
	t.Helper()
	a, err := p.Authority(n)
	if err != nil {
		t.Fatal(err)
	}
	return a.Cert
}

func unit(t *testing.T, name, firmware string, turned map[string]string, i device.Index) *device.Unit {
	t.Helper()
	u := devicetest.Unit(devicetest.Turned(t, name, firmware, turned), i)
	return &u
}

// shown returns what a device shows.
func shown(t *testing.T, h *certs.Holder, u *device.Unit) *x509.Certificate {
	t.Helper()
	c, _, err := h.Certificate(u)
	if err != nil {
		t.Fatal(err)
	}
	return parse(t, c.Chain[0])
}

func parse(t *testing.T, raw []byte) *x509.Certificate {
	t.Helper()
	cert, err := x509.ParseCertificate(raw)
	if err != nil {
		t.Fatal(err)
	}
	return cert
}

// signedBy checks a signature, which crypto/x509 does not do with MD5.
func signedBy(cert, by *x509.Certificate) error {
	hashes := map[x509.SignatureAlgorithm]crypto.Hash{x509.MD5WithRSA: crypto.MD5, x509.SHA1WithRSA: crypto.SHA1, x509.SHA256WithRSA: crypto.SHA256}
	var sum []byte
	switch hash := hashes[cert.SignatureAlgorithm]; hash {
	case crypto.MD5:
		s := md5.Sum(cert.RawTBSCertificate)
		sum = s[:]
	case crypto.SHA1:
		s := sha1.Sum(cert.RawTBSCertificate)
		sum = s[:]
	default:
		s := sha256.Sum256(cert.RawTBSCertificate)
		sum = s[:]
	}
	return rsa.VerifyPKCS1v15(by.PublicKey.(*rsa.PublicKey), hashes[cert.SignatureAlgorithm], sum, cert.Signature)
}

func TestAuthoritiesHaveTheShapeOfTheMakers(t *testing.T) {
	p := certs.New(1)
	tests := []struct {
		name    certs.Name
		subject string // as openssl prints it
		serial  string
		bits    int
		hash    x509.SignatureAlgorithm
		ends    string
	}{
		{certs.Sipura1, `C = US, ST = California, L = San Jose, O = "TEST Sipura Technology, Inc.", OU = Sipura Technology Certificate Authority, CN = TEST Sipura Technology Provisioning Root Authority 1`,
			"45bf48c0ceb88f7bc8e16d85625a5b8f", 1024, x509.MD5WithRSA, "2035-06-28"},
		{certs.SipuraClient1, `C = US, ST = California, L = San Jose, O = "TEST Sipura Technology, Inc.", OU = Sipura Technology Certificate Authority, CN = TEST Sipura Technology Client Root Authority 1, emailAddress = webmaster@sipura.com`,
			"45bf48c0ceb88f7bc8e16d85625a5b8f", 1024, x509.MD5WithRSA, "2035-06-28"},
		{certs.Linksys1, `C = US, ST = California, L = Irvine, O = "TEST Cisco Linksys, LLC.", OU = Cisco Linksys Certificate Authority, CN = TEST Cisco Linksys Provisioning Root Authority 1, emailAddress = linksys-certadmin@cisco.com`,
			"d07d8a7badba7cb6446998b1ea89879f", 1024, x509.SHA1WithRSA, "2015-06-30"},
		{certs.LinksysClient1, `C = US, ST = California, L = Irvine, O = "TEST Cisco Linksys, LLC.", OU = Cisco Linksys Certificate Authority, CN = TEST Cisco Linksys Client Root Authority 1, emailAddress = linksys-certadmin@cisco.com`,
			"d07d8a7badba7cb6446998b1ea89879f", 1024, x509.SHA1WithRSA, "2035-06-28"},
		{certs.CiscoSB1, cisco("Provisioning Root Authority 1"), "d07d8c15c0ba7cb6446998b1ea89879f", 1024, x509.SHA1WithRSA, "2035-06-28"},
		{certs.CiscoSB2, cisco("Provisioning Root Authority 2"), "d07d8c15c0ba7cb6446998b1ea89879f", 2048, x509.SHA1WithRSA, "2035-06-28"},
		{certs.CiscoSBClient1, cisco("Client Root Authority 1"), "d07d8c15c0ba7cb6446998b1ea89879f", 1024, x509.SHA1WithRSA, "2035-06-28"},
		{certs.CiscoSBClient2, cisco("Client Root Authority 2"), "d07d8c15c0ba7cb6446998b1ea89879f", 2048, x509.SHA1WithRSA, "2035-06-28"},
		{certs.Verisign, `C = US, O = "TEST VeriSign, Inc.", OU = TEST Class 3 Public Primary Certification Authority`,
			"70bae41d10d92934b638ca7b03ccbabf", 1024, x509.SHA1WithRSA, "2035-06-28"},
		{certs.VerisignServer, `C = US, O = "TEST VeriSign, Inc.", CN = TEST VeriSign Class 3 Secure Server CA`,
			"75337d9ab0e1233bae2d7de4469162d4", 2048, x509.SHA1WithRSA, "2035-06-28"},
	}
	for _, tt := range tests {
		c := authority(t, p, tt.name)
		printed := openssl(t, c.Raw, "x509", "-inform", "DER", "-noout", "-subject")
		if got := strings.TrimSpace(strings.TrimPrefix(printed, "subject=")); got != tt.subject {
			t.Errorf("%s: subject\n%s\nwant\n%s", tt.name, got, tt.subject)
		}
		if got := hex.EncodeToString(c.SerialNumber.Bytes()); got != tt.serial || c.SerialNumber.Sign() < 0 {
			t.Errorf("%s: serial %s, want %s", tt.name, got, tt.serial)
		}
		if got := c.PublicKey.(*rsa.PublicKey).N.BitLen(); got != tt.bits {
			t.Errorf("%s: %d bits, want %d", tt.name, got, tt.bits)
		}
		if c.SignatureAlgorithm != tt.hash {
			t.Errorf("%s: signed with %s, want %s", tt.name, c.SignatureAlgorithm, tt.hash)
		}
		if got := c.NotAfter.Format(time.DateOnly); got != tt.ends {
			t.Errorf("%s: ends %s, want %s", tt.name, got, tt.ends)
		}
		by := c
		if tt.name == certs.VerisignServer {
			by = authority(t, p, certs.Verisign)
		}
		if err := signedBy(c, by); err != nil {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
}

func cisco(role string) string {
	return "C = US, ST = California, L = San Jose, O = TEST Cisco Small Business, OU = Cisco Small Business Certificate Authority, CN = TEST Cisco Small Business " +
		role + ", emailAddress = ciscosb-certadmin@cisco.com"
}

func TestEveryAuthoritySaysTEST(t *testing.T) {
	p := certs.New(1)
	for _, n := range certs.Authorities() {
		s := authority(t, p, n).Subject
		if len(s.Organization) != 1 || !strings.HasPrefix(s.Organization[0], "TEST ") {
			t.Errorf("%s: O %q", n, s.Organization)
		}
		// Verisign's root has no CN.
		if name := s.CommonName + strings.Join(s.OrganizationalUnit, ""); !strings.Contains(name, "TEST ") {
			t.Errorf("%s: CN %q", n, s.CommonName)
		}
	}
}

// The extensions and instants of the last one are those that an operator printed.
func TestAuthoritiesAsOpenSSLPrintsThem(t *testing.T) {
	p := certs.New(1)
	var all strings.Builder
	for _, n := range []certs.Name{certs.Sipura1, certs.Linksys1, certs.VerisignServer, certs.Public, certs.SipuraClient1, certs.CiscoSBClient2} {
		text := openssl(t, authority(t, p, n).Raw, "x509", "-inform", "DER", "-noout", "-text", "-certopt", "no_pubkey,no_sigdump")
		if n != certs.Public && strings.Contains(text, "critical") {
			t.Errorf("%s: a critical extension", n)
		}
		fmt.Fprintf(&all, "%s\n%s\n", n, text)
	}
	golden.File(t, "testdata/authorities.golden", []byte(all.String()))
}

func TestLinksysAuthorityEndsUnlessToldOtherwise(t *testing.T) {
	p, err := certs.Init(t.TempDir(), certs.InitOptions{Seed: 1, LinksysValid: true})
	if err != nil {
		t.Fatal(err)
	}
	for pki, want := range map[*certs.PKI]string{certs.New(1): "2015-06-30", p: "2035-06-28"} {
		if got := authority(t, pki, certs.Linksys1).NotAfter.Format(time.DateOnly); got != want {
			t.Errorf("ends %s, want %s", got, want)
		}
	}
}

// fingerprint is a digest of what a PKI makes.
func fingerprint() string {
	h := sha256.New()
	p := certs.New(7)
	fail := func(err error) {
		if err != nil {
			panic(err)
		}
	}
	for _, n := range certs.Authorities() {
		a, err := p.Authority(n)
		fail(err)
		h.Write(a.Cert.Raw)
	}
	server, err := p.Server(certs.ServerRequest{CA: certs.VerisignServer, CN: "prov.example.com"})
	fail(err)
	for _, c := range server.Chain {
		h.Write(c)
	}
	for _, unique := range []bool{false, true} {
		holder := certs.Holder{PKI: p, Unique: unique}
		for _, name := range []string{"SPA2102", "PAP2", "SPA504G"} {
			row, err := model.NewRow(name, "", nil)
			fail(err)
			for i := range device.Index(5) {
				u := device.NewUnit(row, 3, i, device.Unit{}.IP)
				c, _, err := holder.Certificate(&u)
				fail(err)
				h.Write(c.Chain[0])
			}
		}
	}
	return hex.EncodeToString(h.Sum(nil))
}

func TestAnotherProcessMakesTheSameKeysAndCertificates(t *testing.T) {
	const child = "SPAFLEET_TEST_FINGERPRINT"
	if os.Getenv(child) != "" {
		fmt.Println("fingerprint", fingerprint())
		return
	}
	c := exec.Command(os.Args[0], "-test.run=^TestAnotherProcessMakesTheSameKeysAndCertificates$", "-test.v")
	c.Env = append(os.Environ(), child+"=1")
	out, err := c.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if want := "fingerprint " + fingerprint(); !strings.Contains(string(out), want) {
		t.Errorf("here %s, there\n%s", want, out)
	}
}

func TestAnotherSeedMakesOtherKeys(t *testing.T) {
	a, b := authority(t, certs.New(1), certs.Sipura1), authority(t, certs.New(2), certs.Sipura1)
	if a.PublicKey.(*rsa.PublicKey).Equal(b.PublicKey) {
		t.Error("two seeds, one key")
	}
	seen := map[string]certs.Name{}
	for _, n := range certs.Authorities() {
		key := string(authority(t, certs.New(1), n).RawSubjectPublicKeyInfo)
		if other, ok := seen[key]; ok {
			t.Errorf("%s and %s have one key", n, other)
		}
		seen[key] = n
	}
}

func TestUnknownAuthorityNamesThoseThatThereAre(t *testing.T) {
	_, err := certs.New(1).Authority("sipura2")
	if err == nil || !strings.Contains(err.Error(), `"sipura2"; it is one of sipura1, linksys1, `) {
		t.Errorf("%v", err)
	}
}

func TestServerCertificates(t *testing.T) {
	p := certs.New(1)
	dir := t.TempDir()
	ended := time.Date(2016, 1, 1, 0, 0, 0, 0, time.UTC)
	tests := []struct {
		request certs.ServerRequest
		chain   int
		want    []string // of openssl x509 -text
		not     []string
	}{
		{certs.ServerRequest{CA: certs.Sipura1, CN: "prov.example.com"}, 1,
			[]string{"O = TEST provisioning server, CN = prov.example.com\n", "sha1WithRSAEncryption", "(2048 bit)", "Not Before: Jan  1 00:00:00 2005", "Not After : Dec 31 23:59:59 2034",
				"SSL Server\n", "TLS Web Server Authentication", "CA:FALSE", "DirName:/C=US/ST=California/L=San Jose/O=TEST Sipura Technology, Inc./OU=Sipura Technology Certificate Authority/CN=TEST Sipura Technology Provisioning Root Authority 1\n",
				"serial:45:BF:48:C0:CE:B8:8F:7B:C8:E1:6D:85:62:5A:5B:8F"}, []string{"Alternative Name"}},
		{certs.ServerRequest{CA: certs.CiscoSB1, CN: "192.0.2.1", Hash: crypto.MD5, Bits: 1024, To: ended}, 1,
			[]string{"CN = 192.0.2.1\n", "md5WithRSAEncryption", "(1024 bit)", "Not After : Jan  1 00:00:00 2016"}, nil},
		{certs.ServerRequest{CA: certs.CiscoSB2, CN: "*.example.com", Hash: crypto.SHA256}, 1,
			[]string{"CN = *.example.com\n", "sha256WithRSAEncryption", "Not Before: Aug  2 00:00:00 2013"}, nil},
		{certs.ServerRequest{CA: certs.Linksys1, SAN: []string{"a.example", "192.0.2.7", "2001:db8::1"}}, 1,
			[]string{"Subject: O = TEST provisioning server\n", "DNS:a.example, IP Address:192.0.2.7, IP Address:2001:DB8:0:0:0:0:0:1"}, []string{"CN = a.example"}},
		{certs.ServerRequest{CA: certs.VerisignServer, CN: "h.example"}, 2, []string{"Issuer: C = US, O = \"TEST VeriSign, Inc.\", CN = TEST VeriSign Class 3 Secure Server CA"}, nil},
		{certs.ServerRequest{CA: certs.Public, CN: "h.example"}, 1, []string{"sha256WithRSAEncryption", "DNS:h.example", "Digital Signature, Key Encipherment"}, []string{"SSL Server"}},
	}
	for _, tt := range tests {
		name := string(tt.request.CA)
		c, err := p.Server(tt.request)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		text := openssl(t, c.Chain[0], "x509", "-inform", "DER", "-noout", "-text")
		for _, want := range tt.want {
			if !strings.Contains(text, want) {
				t.Errorf("%s: no %q in\n%s", name, want, text)
			}
		}
		for _, not := range tt.not {
			if strings.Contains(text, not) {
				t.Errorf("%s: %q in\n%s", name, not, text)
			}
		}
		if len(c.Chain) != tt.chain {
			t.Errorf("%s: a chain of %d, want %d", name, len(c.Chain), tt.chain)
		}
		if !parse(t, c.Chain[0]).PublicKey.(*rsa.PublicKey).Equal(c.Key.Public()) {
			t.Errorf("%s: another key", name)
		}
		again, err := certs.New(1).Server(tt.request)
		if err != nil || !bytes.Equal(again.Chain[0], c.Chain[0]) {
			t.Errorf("%s: other bytes the second time (%v)", name, err)
		}
		root := tt.request.CA
		if root == certs.VerisignServer {
			root = certs.Verisign
		}
		leaf, roots := filepath.Join(dir, name+".pem"), filepath.Join(dir, name+"-root.pem")
		write(t, leaf, certs.EncodeCertificates(c.Chain))
		write(t, roots, certs.EncodeCertificates([][]byte{authority(t, p, root).Raw}))
		at := "1420070400" // 2015-01-01, when all of them hold
		openssl(t, nil, "verify", "-auth_level", "0", "-attime", at, "-purpose", "sslserver", "-CAfile", roots, "-untrusted", leaf, leaf)
	}
}

func write(t *testing.T, name string, data []byte) {
	t.Helper()
	if err := os.WriteFile(name, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestServerRequestsThatCannotBe(t *testing.T) {
	for want, r := range map[string]certs.ServerRequest{
		"unknown authority":     {CA: "nobody", CN: "h"},
		"control characters":    {CA: certs.Sipura1, CN: "a\nb"},
		"neither a host name":   {CA: certs.Sipura1, CN: "h", SAN: []string{"a b"}},
		"is not made here":      {CA: certs.Sipura1, CN: "h", Bits: 512},
		"not one of MD5":        {CA: certs.Sipura1, CN: "h", Hash: crypto.SHA512},
		"ends before it begins": {CA: certs.Sipura1, CN: "h", To: time.Date(2001, 1, 1, 0, 0, 0, 0, time.UTC)},
	} {
		if _, err := certs.New(1).Server(r); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want %s", r, err, want)
		}
	}
}

func TestFolderHoldsWhatTheSeedMakes(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "pki")
	if _, err := certs.Init(dir, certs.InitOptions{Seed: 5}); err != nil {
		t.Fatal(err)
	}
	opened, err := certs.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	fresh := certs.New(5)
	for _, n := range certs.Authorities() {
		if !authority(t, opened, n).Equal(authority(t, fresh, n)) {
			t.Errorf("%s differs", n)
		}
	}
	want, err := fresh.Bundle()
	if err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(filepath.Join(dir, "client-ca-bundle.pem")); err != nil || !bytes.Equal(got, want) {
		t.Errorf("the bundle differs (%v)", err)
	}
	r := certs.ServerRequest{CA: certs.CiscoSB1, CN: "h.example"}
	a, errA := opened.Server(r)
	b, errB := fresh.Server(r)
	if errA != nil || errB != nil || !bytes.Equal(a.Chain[0], b.Chain[0]) {
		t.Errorf("servers differ (%v, %v)", errA, errB)
	}
}

func TestFolderKeepsKeysToItsOwner(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "deep", "pki")
	if _, err := certs.Init(dir, certs.InitOptions{Seed: 5}); err != nil {
		t.Fatal(err)
	}
	keys := 0
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		want := os.FileMode(0o644)
		switch {
		case d.IsDir():
			want = 0o700
		case strings.HasSuffix(path, ".key"):
			want = 0o600
			keys++
		case filepath.Base(path) == "pki.json":
			want = 0o600
		}
		if got := info.Mode().Perm(); got != want {
			t.Errorf("%s: mode %o, want %o", path, got, want)
		}
		return nil
	})
	if err != nil || keys != len(certs.Authorities()) {
		t.Errorf("%d keys, %v", keys, err)
	}
}

func TestFoldersThatAreRefused(t *testing.T) {
	whole := t.TempDir()
	if _, err := certs.Init(whole, certs.InitOptions{Seed: 5}); err != nil {
		t.Fatal(err)
	}
	pki := func(t *testing.T) string {
		dir := filepath.Join(t.TempDir(), "pki")
		if err := os.CopyFS(dir, os.DirFS(whole)); err != nil {
			t.Fatal(err)
		}
		return dir
	}
	open := func(dir string) error {
		p, err := certs.Open(dir)
		if err == nil {
			_, err = p.Authority(certs.Sipura1)
		}
		return err
	}
	tests := map[string]struct {
		spoil func(t *testing.T, dir string)
		do    func(dir string) error
		want  string
	}{
		"made twice":   {nil, func(dir string) error { _, err := certs.Init(dir, certs.InitOptions{}); return err }, "holds pki.json already"},
		"half-written": {func(t *testing.T, dir string) { remove(t, dir, "pki.json") }, open, "holds no PKI, or one that was not finished"},
		"half-written, made again": {func(t *testing.T, dir string) { remove(t, dir, "pki.json") },
			func(dir string) error { _, err := certs.Init(dir, certs.InitOptions{}); return err }, "holds client-ca-bundle.pem already"},
		"another version": {func(t *testing.T, dir string) { write(t, filepath.Join(dir, "pki.json"), []byte(`{"version":2}`)) }, open, "version 2"},
		"not JSON":        {func(t *testing.T, dir string) { write(t, filepath.Join(dir, "pki.json"), []byte("seed: 1")) }, open, "pki.json: invalid character"},
		"key gone":        {func(t *testing.T, dir string) { remove(t, dir, "sipura1.key") }, open, "authority sipura1: stat"},
		"key is a folder": {func(t *testing.T, dir string) { remove(t, dir, "sipura1.key"); mkdir(t, dir, "sipura1.key") }, open, "not a regular file"},
		"key of another":  {func(t *testing.T, dir string) { copyFile(t, dir, "linksys1.key", "sipura1.key") }, open, "the key is not that of the certificate"},
		"no certificate":  {func(t *testing.T, dir string) { write(t, filepath.Join(dir, "sipura1.crt"), []byte("hello")) }, open, "no certificate in it"},
		"huge":            {func(t *testing.T, dir string) { write(t, filepath.Join(dir, "sipura1.crt"), make([]byte, 2<<20)) }, open, "too many"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			dir := pki(t)
			if tt.spoil != nil {
				tt.spoil(t, dir)
			}
			if err := tt.do(dir); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%v, want %s", err, tt.want)
			}
		})
	}
}

func remove(t *testing.T, dir, name string) {
	t.Helper()
	if err := os.Remove(filepath.Join(dir, name)); err != nil {
		t.Fatal(err)
	}
}

func mkdir(t *testing.T, dir, name string) {
	t.Helper()
	if err := os.Mkdir(filepath.Join(dir, name), 0o700); err != nil {
		t.Fatal(err)
	}
}

func copyFile(t *testing.T, dir, from, to string) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, from))
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, to), data)
}

func TestForceWritesAnewAndFollowsNoLink(t *testing.T) {
	dir, outside := t.TempDir(), filepath.Join(t.TempDir(), "outside")
	if _, err := certs.Init(dir, certs.InitOptions{Seed: 5}); err != nil {
		t.Fatal(err)
	}
	write(t, outside, []byte("mine"))
	remove(t, dir, "sipura1.key")
	if err := os.Symlink(outside, filepath.Join(dir, "sipura1.key")); err != nil {
		t.Fatal(err)
	}
	if _, err := certs.Init(dir, certs.InitOptions{Seed: 6, Force: true}); err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(outside); err != nil || string(got) != "mine" {
		t.Errorf("a file outside became %q (%v)", got, err)
	}
	p, err := certs.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	if !authority(t, p, certs.Sipura1).Equal(authority(t, certs.New(6), certs.Sipura1)) {
		t.Error("the old authority is still there")
	}
}

func TestAReplacedAuthorityCounts(t *testing.T) {
	dir := t.TempDir()
	if _, err := certs.Init(dir, certs.InitOptions{Seed: 5}); err != nil {
		t.Fatal(err)
	}
	copyFile(t, dir, "ciscosb1.crt", "sipura1.crt")
	copyFile(t, dir, "ciscosb1.key", "sipura1.key")
	p, err := certs.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	if got := authority(t, p, certs.Sipura1).Subject.CommonName; !strings.Contains(got, "Cisco") {
		t.Errorf("sipura1 is %s", got)
	}
}

func TestErrorsDoNotHoldKeys(t *testing.T) {
	block := pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: []byte("a secret of sixty letters that nobody shall see in any log !")})
	_, err := certs.DecodeKey(block)
	if err == nil || strings.Contains(err.Error(), "secret") || strings.Contains(err.Error(), "YSBz") {
		t.Errorf("%v", err)
	}
}

func TestACertificateSaysThatAnIntermediateSignedIt(t *testing.T) {
	p := certs.New(1)
	for ca, want := range map[certs.Name]bool{certs.Sipura1: false, certs.VerisignServer: true} {
		server, err := p.Server(certs.ServerRequest{CA: ca, CN: "prov.example.com"})
		if err != nil {
			t.Fatal(err)
		}
		c, err := certs.ReadCertificate(server.Chain[0])
		if err != nil || c.ByIntermediate() != want {
			t.Errorf("%s: %v, %v", ca, c.ByIntermediate(), err)
		}
	}
	root, err := p.Authority(certs.Sipura1)
	if err != nil {
		t.Fatal(err)
	}
	if c, err := certs.ReadCertificate(root.Cert.Raw); err != nil || c.ByIntermediate() {
		t.Errorf("a root: %v", err)
	}
}
