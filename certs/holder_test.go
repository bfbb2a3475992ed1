package certs_test

import (
	"bytes"
	"crypto"
	"crypto/rsa"
	"crypto/x509"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"spafleet/certs"
	"spafleet/certs/ssl"
	"spafleet/device"
	"spafleet/device/model"
)

// made returns a device with a MAC address and a serial number of the test's.
func made(t *testing.T, name, serial string, turned map[string]string) *device.Unit {
	t.Helper()
	u := unit(t, name, "", turned, 0)
	u.MAC, u.Serial = model.MAC{0x00, 0x0e, 0x08, 0x01, 0x23, 0xab}, serial
	return u
}

func TestDeviceCertificatesNameTheDevice(t *testing.T) {
	h := &certs.Holder{PKI: certs.New(1)}
	tests := []struct {
		unit    *device.Unit
		subject string // as nginx and openssl print it, RFC 2253
		text    []string
	}{
		{made(t, "SPA962", "88012HA01234", nil),
			`emailAddress=info@sipura.com,CN=SPA-962\, MAC: 000e080123ab\, Serial: 88012HA01234,OU=SPA-962,O=Sipura Technology,L=88012HA01234,ST=000e080123ab,C=US`,
			[]string{"md5WithRSAEncryption", "(1024 bit)", "Not Before: Oct  1 00:00:00 2008", "Product is SPA-962", "SSL Client\n", "TLS Web Client Authentication", "CA:FALSE",
				"CN=TEST Sipura Technology Client Root Authority 1/emailAddress=webmaster@sipura.com\n", "serial:45:BF:48:C0:CE:B8:8F:7B:C8:E1:6D:85:62:5A:5B:8F"}},
		{made(t, "PAP2", "FLH00J901234", nil),
			`emailAddress=info@sipura.com,CN=PAP2\, MAC: 000e080123ab\, Serial: FLH00J901234,OU=PAP2,O=Sipura Technology,L=FLH00J901234,ST=000e080123ab,C=US`,
			[]string{"sha1WithRSAEncryption", "(1024 bit)", "Not Before: Sep  1 00:00:00 2009", "CN=TEST Cisco Linksys Client Root Authority 1"}},
		{made(t, "SPA504G", "CCQ162306EA", nil),
			`emailAddress=ciscosb-certadmin@cisco.com,CN=SPA504G\, MAC: 000e080123ab\, Serial: CCQ162306EA,OU=SPA504G,O=Cisco Small Business,L=CCQ162306EA,ST=000e080123ab,C=US`,
			[]string{"sha1WithRSAEncryption", "(1024 bit)", "Not Before: Jun  3 00:00:00 2012", "CN=TEST Cisco Small Business Client Root Authority 1/", "serial:D0:7D:8C:15:C0:BA:7C:B6:44:69:98:B1:EA:89:87:9F"}},
		{made(t, "SPA504G", "CCQ173206EA", nil),
			`emailAddress=ciscosb-certadmin@cisco.com,CN=SPA504G\, MAC: 000e080123ab\, Serial: CCQ173206EA,OU=SPA504G,O=Cisco Small Business,L=CCQ173206EA,ST=000e080123ab,C=US`,
			[]string{"sha1WithRSAEncryption", "(2048 bit)", "Not Before: Aug  6 00:00:00 2013", "CN=TEST Cisco Small Business Client Root Authority 2/"}},
	}
	for _, tt := range tests {
		c := shown(t, h, tt.unit)
		subject := strings.TrimSpace(strings.TrimPrefix(openssl(t, c.Raw, "x509", "-inform", "DER", "-noout", "-subject", "-nameopt", "RFC2253"), "subject="))
		if subject != tt.subject {
			t.Errorf("subject\n%s\nwant\n%s", subject, tt.subject)
		}
		text := openssl(t, c.Raw, "x509", "-inform", "DER", "-noout", "-text")
		for _, want := range tt.text {
			if !strings.Contains(text, want) {
				t.Errorf("no %q in\n%s", want, text)
			}
		}
		if strings.Contains(text, "critical") {
			t.Errorf("a critical extension in\n%s", text)
		}
		// crypto/x509 reads the same words.
		if s := c.Subject; !slices.Equal(s.Province, []string{"000e080123ab"}) || !slices.Equal(s.Locality, []string{tt.unit.Serial}) ||
			!slices.Equal(s.OrganizationalUnit, []string{tt.unit.Row.Model.PN.Value}) {
			t.Errorf("subject %v", s)
		}
		if days := c.NotAfter.Sub(c.NotBefore).Hours() / 24; days != 10950 {
			t.Errorf("valid for %v days", days)
		}
	}
}

// The generic certificate of firmware 7.6.2f has 1,241 bytes. Ours has the word
// TEST twice in its issuer and twice where it names that again.
func TestGenericCertificateIsAsLongAsTheOneInTheFirmware(t *testing.T) {
	h := &certs.Holder{PKI: certs.New(1)}
	u := unit(t, "SPA504G", "", map[string]string{"client_certificate": "generic"}, 0)
	c := shown(t, h, u)
	if want := 1241 + 4*len("TEST "); len(c.Raw) != want {
		t.Errorf("%d bytes, want %d", len(c.Raw), want)
	}
	want := `C = US, ST = sipurageneric, L = sipurageneric, O = Sipura Technology, OU = sipura.com, CN = "SPA-2000, MAC: sipurageneric, Serial: sipurageneric", emailAddress = info@sipura.com`
	got := openssl(t, c.Raw, "x509", "-inform", "DER", "-noout", "-subject", "-dates")
	for _, want := range []string{want, "notBefore=Feb 26 00:00:00 2004", "notAfter=Feb 18 23:59:59 2034"} {
		if !strings.Contains(got, want) {
			t.Errorf("no %s in\n%s", want, got)
		}
	}
	for _, m := range []string{"PAP2", "SPA112"} {
		if other := shown(t, h, unit(t, m, "", map[string]string{"client_certificate": "generic"}, 7)); !other.Equal(c) {
			t.Errorf("%s has another generic certificate", m)
		}
	}
	cisco := shown(t, h, unit(t, "SPA504G", "", map[string]string{"client_certificate": "generic", "generic_certificate": "cisco"}, 0))
	if s := cisco.Subject; s.Province[0] != "ciscogeneric" || s.Locality[0] != "ciscogeneric" || s.OrganizationalUnit[0] != "cisco.com" {
		t.Errorf("Cisco's words: %v", s)
	}
}

func TestBundleVerifiesTheDevicesOfEachAuthority(t *testing.T) {
	p := certs.New(1)
	h := &certs.Holder{PKI: p}
	bundle, err := p.Bundle()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	roots := filepath.Join(dir, "bundle.pem")
	write(t, roots, bundle)
	verify := func(u *device.Unit) (string, error) {
		leaf := filepath.Join(dir, "leaf.pem")
		write(t, leaf, certs.EncodeCertificates([][]byte{shown(t, h, u).Raw}))
		return tryOpenssl(t, nil, "verify", "-auth_level", "0", "-partial_chain", "-attime", "1420070400", "-purpose", "sslclient", "-CAfile", roots, leaf)
	}
	for by, u := range map[certs.Name]*device.Unit{
		certs.SipuraClient1:  made(t, "SPA2102", "FM500H100001", nil),
		certs.LinksysClient1: made(t, "PAP2", "FLH00J901234", nil),
		certs.CiscoSBClient1: made(t, "SPA112", "CCQ162306EA", nil),
		certs.CiscoSBClient2: made(t, "SPA508G", "CBT182306EA", nil),
	} {
		if got := certs.ClientRootOf(u); got != by {
			t.Errorf("%s: authority %s, want %s", u.Row.Model.Name, got, by)
		}
		if err := signedBy(shown(t, h, u), authority(t, p, by)); err != nil {
			t.Errorf("%s: %v", u.Row.Model.Name, err)
		}
		if out, err := verify(u); err != nil {
			t.Errorf("%s: %v\n%s", by, err, out)
		}
	}
	// Each way of being wrong is refused for its own reason.
	for word, want := range map[string]string{"bad_signature": "error 7 ", "expired": "error 10 ", "foreign": "error 20 "} {
		for model, serial := range map[string]string{"SPA2102": "FM500H100001", "SPA508G": "CBT182306EA"} {
			u := made(t, model, serial, map[string]string{"client_certificate": word})
			// -partial_chain reports a missing issuer as 20, too.
			if out, err := verify(u); err == nil || !strings.Contains(out, want) {
				t.Errorf("%s %s: %v, want %s\n%s", model, word, err, want, out)
			}
		}
	}
}

func TestKindsAndStatus(t *testing.T) {
	h := &certs.Holder{PKI: certs.New(1)}
	bits := func(word string) map[string]string {
		return map[string]string{"client_certificate": word, "ccert_text": "bits"}
	}
	tests := []struct {
		unit   *device.Unit
		kind   certs.Kind
		fits   bool // the key belongs to the certificate
		status string
	}{
		{made(t, "SPA2102", "FM500H100001", nil), certs.OwnCertificate, true, "Installed"},
		{made(t, "SPA2102", "FM500H100001", bits("auto")), certs.OwnCertificate, true, "Installed (1024 bits)"},
		{made(t, "SPA504G", "CCQ182306EA", nil), certs.OwnCertificate, true, "Installed (2048 bits)"},
		{made(t, "SPA504G", "CCQ182306EA", bits("generic")), certs.GenericCertificate, true, "Not Installed"},
		{made(t, "SPA504G", "CCQ182306EA", bits("none")), certs.NoCertificate, false, "Not Installed"},
		{made(t, "SPA504G", "CCQ182306EA", bits("bad_signature")), certs.DefectiveCertificate, true, "Installed (2048 bits)"},
		{made(t, "SPA504G", "CCQ182306EA", bits("wrong_key")), certs.DefectiveCertificate, false, "Installed (2048 bits)"},
		{made(t, "SPA504G", "CCQ182306EA", bits("expired")), certs.DefectiveCertificate, true, "Installed (2048 bits)"},
		{made(t, "SPA504G", "CCQ182306EA", bits("foreign")), certs.DefectiveCertificate, true, "Installed (2048 bits)"},
		{unit(t, "SPA2000", "1.0.33", nil, 0), certs.GenericCertificate, true, "Not Installed"},
		{unit(t, "SPA2000", "2.0.6", nil, 0), certs.OwnCertificate, true, "Installed"},
	}
	for _, tt := range tests {
		what := fmt.Sprintf("%s %v", tt.unit.Row.Model.Name, tt.unit.Row.Behaviour.TLS.Certificate)
		if got := h.Status(tt.unit); got != tt.status {
			t.Errorf("%s: $CCERT %q, want %q", what, got, tt.status)
		}
		c, kind, err := h.Certificate(tt.unit)
		if err != nil || kind != tt.kind {
			t.Errorf("%s: %s, %v, want %s", what, kind, err, tt.kind)
		}
		if kind == certs.NoCertificate {
			if c != nil {
				t.Errorf("%s: has a certificate", what)
			}
			continue
		}
		if fits := parse(t, c.Chain[0]).PublicKey.(*rsa.PublicKey).Equal(c.Key.Public()); fits != tt.fits {
			t.Errorf("%s: the key fits: %v", what, fits)
		}
	}
	if n := (&certs.Holder{PKI: certs.New(1)}).Held(); n != 0 {
		t.Errorf("%d certificates before the first was asked for", n)
	}
}

func TestStatusMakesNothing(t *testing.T) {
	h := &certs.Holder{PKI: certs.New(1)}
	h.Status(made(t, "SPA504G", "CCQ182306EA", nil))
	if n := h.Held(); n != 0 {
		t.Errorf("%d certificates made", n)
	}
}

func TestDefectiveCertificatesAreOfTheSerialNumbersThatWerePublished(t *testing.T) {
	h := &certs.Holder{PKI: certs.New(1)}
	all := map[string]string{"defect_share": "100"}
	tests := []struct {
		model, serial string
		want          certs.Kind
	}{
		{"SPA2102", "FM500F100000", certs.DefectiveCertificate},
		{"SPA2102", "FM500F699999", certs.DefectiveCertificate},
		{"SPA3102", "FM600F300000", certs.DefectiveCertificate},
		{"SPA9000", "FM700F300000", certs.DefectiveCertificate},
		{"SPA2102", "FM500F700000", certs.OwnCertificate},
		{"SPA2102", "FM500G100000", certs.OwnCertificate},
		{"SPA942", "88019F300000", certs.OwnCertificate},
	}
	for _, tt := range tests {
		if _, kind, err := h.Certificate(made(t, tt.model, tt.serial, all)); err != nil || kind != tt.want {
			t.Errorf("%s: %s, %v, want %s", tt.serial, kind, err, tt.want)
		}
	}
	for word, want := range map[string]certs.Kind{"bad_signature": certs.DefectiveCertificate, "wrong_key": certs.DefectiveCertificate,
		"none": certs.NoCertificate, "generic": certs.GenericCertificate} {
		u := made(t, "SPA2102", "FM500F100000", map[string]string{"defect_share": "100", "defect": word})
		if _, kind, err := h.Certificate(u); err != nil || kind != want {
			t.Errorf("defect %s: %s, %v, want %s", word, kind, err, want)
		}
	}
}

func TestSomeUnitsAreDefectiveAndTheSerialNumberSaysWhich(t *testing.T) {
	defective := func(index device.Index, share string) (serials []string) {
		h := &certs.Holder{PKI: certs.New(1)}
		u := made(t, "SPA2102", "", map[string]string{"defect_share": share, "defect": "none"})
		u.Index = index
		for i := range 1000 {
			u.Serial = fmt.Sprintf("FM500F%06d", 100000+i)
			if h.Status(u) == "Not Installed" {
				serials = append(serials, u.Serial)
			}
		}
		return serials
	}
	some := defective(0, "30")
	if n := len(some); n < 250 || n > 350 {
		t.Errorf("%d of 1000, want about 300", n)
	}
	if a, b := len(defective(0, "0")), len(defective(0, "100")); a != 0 || b != 1000 {
		t.Errorf("share 0: %d, share 100: %d", a, b)
	}
	if !slices.Equal(some, defective(77, "30")) {
		t.Error("the same units are sound at another place of a fleet")
	}
}

func TestHolderKeepsSomeAndMakesTheSameAgain(t *testing.T) {
	h := &certs.Holder{PKI: certs.New(1), Keep: 10}
	first := shown(t, h, unit(t, "SPA2102", "", nil, 0))
	for i := range device.Index(100) {
		shown(t, h, unit(t, "SPA2102", "", nil, i))
		if n := h.Held(); n > 10 {
			t.Fatalf("%d certificates are kept, want 10", n)
		}
	}
	if !shown(t, h, unit(t, "SPA2102", "", nil, 0)).Equal(first) {
		t.Error("another certificate the second time")
	}
}

func TestManyAskAtOnce(t *testing.T) {
	h := &certs.Holder{PKI: certs.New(1), Pool: 2}
	units := []*device.Unit{unit(t, "SPA2102", "", nil, 0), unit(t, "SPA2102", "", nil, 1)}
	var got [2][8]*ssl.Certificate
	var wg sync.WaitGroup
	for i := range units {
		for j := range got[i] {
			wg.Go(func() { got[i][j], _, _ = h.Certificate(units[i]) })
		}
	}
	wg.Wait()
	for i := range units {
		for j := range got[i] {
			if got[i][j] == nil || got[i][j] != got[i][0] {
				t.Errorf("device %d, asked %d times: made more than once", i, j+1)
			}
		}
	}
}

func TestSerialNumbersAndKeys(t *testing.T) {
	p := certs.New(1)
	count := func(h *certs.Holder) (serials, keys int) {
		seen, shared := map[string]bool{}, map[string]bool{}
		for _, model := range []string{"SPA2102", "SPA3102", "PAP2"} {
			for i := range device.Index(20) {
				c := shown(t, h, unit(t, model, "", map[string]string{"defect_share": "0"}, i))
				seen[c.SerialNumber.String()] = true
				shared[string(c.RawSubjectPublicKeyInfo)] = true
			}
		}
		return len(seen), len(shared)
	}
	if serials, keys := count(&certs.Holder{PKI: p, Pool: 3}); serials != 60 || keys != 3 {
		t.Errorf("pool of 3: %d serial numbers, %d keys", serials, keys)
	}
	if serials, keys := count(&certs.Holder{PKI: p, Unique: true}); serials != 60 || keys != 60 {
		t.Errorf("unique: %d serial numbers, %d keys", serials, keys)
	}
}

func TestHolderInsistsOnLengthAndHash(t *testing.T) {
	h := &certs.Holder{PKI: certs.New(1), Bits: 2048, Hash: crypto.SHA256}
	u := made(t, "SPA2102", "FM500H100001", map[string]string{"ccert_text": "bits"})
	c := shown(t, h, u)
	if got := c.PublicKey.(*rsa.PublicKey).N.BitLen(); got != 2048 || c.SignatureAlgorithm != x509.SHA256WithRSA {
		t.Errorf("%d bits, %s", got, c.SignatureAlgorithm)
	}
	if got := h.Status(u); got != "Installed (2048 bits)" {
		t.Error(got)
	}
}

func TestSerialNumberSaysWhenAndBySignedBy(t *testing.T) {
	tests := []struct {
		model, serial, root string
		want                certs.Name
		from                string
	}{
		{"SPA508G", "CBT172506EA", "by_serial", certs.CiscoSBClient1, "2013-06-18"},
		{"SPA508G", "CBT172606EA", "by_serial", certs.CiscoSBClient2, "2013-08-02"}, // not before its authority
		{"SPA508G", "CBT172506EA", "late", certs.CiscoSBClient2, "2013-08-02"},
		{"SPA508G", "CBT182606EA", "early", certs.CiscoSBClient1, "2014-06-25"},
		{"SPA508G", "unreadable", "by_serial", certs.CiscoSBClient1, "2006-12-01"},
		{"WRP400", "CJ400F100001", "by_serial", certs.SipuraClient1, "2006-01-01"},
		{"SPA942", "?", "by_serial", certs.SipuraClient1, "2003-11-01"},
	}
	h := &certs.Holder{PKI: certs.New(1)}
	for _, tt := range tests {
		u := made(t, tt.model, tt.serial, map[string]string{"client_root": tt.root})
		if got := certs.ClientRootOf(u); got != tt.want {
			t.Errorf("%s, %s: %s, want %s", tt.serial, tt.root, got, tt.want)
		}
		if got := shown(t, h, u).NotBefore.Format(time.DateOnly); got != tt.from {
			t.Errorf("%s: from %s, want %s", tt.serial, got, tt.from)
		}
	}
}

func TestBundleIsTheFourClientAuthorities(t *testing.T) {
	p := certs.New(1)
	roots, err := p.ClientRoots()
	if err != nil {
		t.Fatal(err)
	}
	for i, n := range []certs.Name{certs.SipuraClient1, certs.LinksysClient1, certs.CiscoSBClient1, certs.CiscoSBClient2} {
		if len(roots) != 4 || !bytes.Equal(roots[i], authority(t, p, n).Raw) {
			t.Errorf("root %d of %d is not %s", i, len(roots), n)
		}
	}
}
