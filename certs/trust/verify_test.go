package trust_test

import (
	"bytes"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"sync"
	"testing"
	"time"

	"spafleet/certs"
	"spafleet/certs/trust"
)

var today = day("2020-06-01")

const (
	newPhone = "SPA508G 7.6.2"
	oldPhone = "SPA508G 7.5.4"
	adapter  = "SPA2102 5.2.12"
)

func changed(template *x509.Certificate, change func(*x509.Certificate)) *x509.Certificate {
	change(template)
	return template
}

// extension makes a template with one more.
func extension(id asn1.ObjectIdentifier, critical bool, value ...byte) func(*x509.Certificate) {
	return func(x *x509.Certificate) {
		x.ExtraExtensions = append(x.ExtraExtensions, pkix.Extension{Id: id, Critical: critical, Value: value})
	}
}

var (
	netscapeType = asn1.ObjectIdentifier{2, 16, 840, 1, 113730, 1, 1}
	keyAuthority = asn1.ObjectIdentifier{2, 5, 29, 35}
)

// The numbers are those of OpenSSL for the same mistakes.
func TestVerifyGivesOpenSSLsNumber(t *testing.T) {
	r := roots()
	sipura := r[certs.Sipura1]
	server := func(change ...func(*x509.Certificate)) *ca {
		template := plain("host")
		for _, c := range change {
			c(template)
		}
		return sign(t, template, 0, sipura)
	}
	under := func(n certs.Name) *ca { return sign(t, plain("host"), 0, r[n]) }
	ends := func(text string) func(*x509.Certificate) {
		return func(x *x509.Certificate) { x.NotAfter = day(text) }
	}
	begins := func(text string) func(*x509.Certificate) {
		return func(x *x509.Certificate) { x.NotBefore = day(text) }
	}
	middle := func(change ...func(*x509.Certificate)) *ca {
		template := issuing("middle")
		for _, c := range change {
			c(template)
		}
		return sign(t, template, 2, sipura)
	}
	second := func(parent *ca, change ...func(*x509.Certificate)) *ca {
		template := issuing("second")
		for _, c := range change {
			c(template)
		}
		return sign(t, template, 3, parent)
	}
	leaf := func(parent *ca) *ca { return sign(t, plain("host"), 0, parent) }
	spoilt := func(c *ca) *ca {
		der := bytes.Clone(c.Raw)
		der[len(der)-1] ^= 1
		return read(t, der, c.key)
	}
	sha256 := func(x *x509.Certificate) { x.SignatureAlgorithm = x509.SHA256WithRSA }
	forClients := func(x *x509.Certificate) { x.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth} }
	noAuthority := func(x *x509.Certificate) { x.IsCA, x.KeyUsage = false, 0 }
	self := func(change ...func(*x509.Certificate)) *ca {
		template := plain("host")
		for _, c := range change {
			c(template)
		}
		return sign(t, template, 0, nil)
	}
	// An authority of the same name, key identifier and serial number as Sipura 1, with another key.
	impostor := sign(t, changed(issuing(""), func(x *x509.Certificate) {
		x.RawSubject, x.SubjectKeyId, x.SerialNumber = sipura.RawSubject, sipura.SubjectKeyId, sipura.SerialNumber
	}), 3, nil)
	m := middle()

	tests := []struct {
		what, row string
		chain     [][]byte
		want      int
	}{
		{"a server of Sipura", adapter, chainOf(server()), 0},
		{"with MD5", adapter, chainOf(withMD5(t, server(), sipura)), 0},
		{"with the root sent too", adapter, chainOf(server(), sipura), 0},
		{"SHA-256 at old firmware", adapter, chainOf(server(sha256)), 7},
		{"SHA-256 at 7.6.2", newPhone, chainOf(server(sha256)), 0},
		{"SHA-256, switched", adapter + " cert_sha256=accept", chainOf(server(sha256)), 0},
		{"signature spoilt", newPhone, chainOf(spoilt(server())), 7},
		{"signature spoilt, and it has ended", newPhone, chainOf(spoilt(server(ends("2010-01-01")))), 7},

		{"Cisco SB 1 at an adapter", adapter, chainOf(under(certs.CiscoSB1)), 20},
		{"the same with its root", adapter, chainOf(under(certs.CiscoSB1), r[certs.CiscoSB1]), 19},
		{"Cisco SB 1 at a phone", newPhone, chainOf(under(certs.CiscoSB1)), 0},
		{"Cisco SB 2 at 7.5.4", oldPhone, chainOf(under(certs.CiscoSB2)), 20},
		{"Cisco SB 2 at 7.6.2", newPhone, chainOf(under(certs.CiscoSB2)), 0},
		{"Cisco SB 2 at 1.3.1", "SPA112 1.3.1(003)", chainOf(under(certs.CiscoSB2)), 20},
		{"Cisco SB 2 at 1.3.3", "SPA112 1.3.3", chainOf(under(certs.CiscoSB2)), 0},
		{"Linksys 1 has ended, at 7.6.2", newPhone, chainOf(under(certs.Linksys1)), 10},
		{"Linksys 1 has ended, at 7.5.4", oldPhone, chainOf(under(certs.Linksys1)), 0},
		{"Linksys 1 by the makers' list", oldPhone + " ca_table=documented", chainOf(under(certs.Linksys1)), 20},
		{"a public authority", newPhone, chainOf(under(certs.Public)), 20},
		{"Verisign", newPhone, chainOf(under(certs.Verisign)), 20},
		{"Verisign, switched", newPhone + " verisign=accept", chainOf(under(certs.Verisign)), 0},

		{"has ended, at 7.6.2", newPhone, chainOf(server(ends("2010-01-01"))), 10},
		{"has ended, at 7.5.4", oldPhone, chainOf(server(ends("2010-01-01"))), 0},
		{"has ended, switched", oldPhone + " cert_time=check", chainOf(server(ends("2010-01-01"))), 10},
		{"has not begun", newPhone, chainOf(server(begins("2021-01-01"))), 0},
		{"has not begun, switched", newPhone + " cert_early=refuse", chainOf(server(begins("2021-01-01"))), 9},

		{"for clients", newPhone, chainOf(server(forClients)), 0},
		{"for clients, switched", newPhone + " cert_purpose=refuse", chainOf(server(forClients)), 26},
		{"for clients by nsCertType", newPhone + " cert_purpose=refuse", chainOf(server(extension(netscapeType, false, 3, 2, 7, 0x80))), 26},
		{"for servers by nsCertType", newPhone + " cert_purpose=refuse", chainOf(server(extension(netscapeType, false, 3, 2, 6, 0x40))), 0},
		{"key for agreement alone", newPhone + " cert_purpose=refuse", chainOf(server(func(x *x509.Certificate) { x.KeyUsage = x509.KeyUsageKeyAgreement })), 26},
		{"an unknown critical extension", newPhone, chainOf(server(extension(asn1.ObjectIdentifier{1, 2, 3}, true, 5, 0))), 34},

		{"self-signed", newPhone, chainOf(self()), 18},
		{"self-signed, with a key that may not sign", newPhone, chainOf(self(func(x *x509.Certificate) { x.KeyUsage = x509.KeyUsageKeyEncipherment })), 20},
		{"an authority's own certificate", newPhone, chainOf(sipura), 0},
		{"of its name", newPhone, chainOf(impostor), 18},
		{"under one of its name", newPhone, chainOf(leaf(impostor)), 7},
		{"under one of its name, sent", newPhone, chainOf(leaf(impostor), impostor), 7},

		{"an authority between", newPhone, chainOf(leaf(m), m), 0},
		{"not sent", newPhone, chainOf(leaf(m)), 20},
		{"sent in the wrong order, with one too many", newPhone, chainOf(leaf(m), sipura, r[certs.Public], m), 0},
		{"whose own has ended", newPhone, chainOf(leaf(middle(ends("2010-01-01"))), middle(ends("2010-01-01"))), 10},
		{"spoilt", newPhone, chainOf(leaf(m), spoilt(m)), 7},
		{"that is no authority", newPhone, chainOf(leaf(middle(noAuthority)), middle(noAuthority)), 24},
		{"that may not sign", newPhone, chainOf(leaf(middle(noAuthority)), middle(func(x *x509.Certificate) { x.KeyUsage = x509.KeyUsageCRLSign })), 20},
		{"for clients only", newPhone + " cert_purpose=refuse", chainOf(leaf(middle(forClients)), middle(forClients)), 26},
		{"two between", newPhone, chainOf(leaf(second(m)), second(m), m), 0},
		{"above which none may stand", newPhone, chainOf(leaf(second(middle(noneBelow))), second(middle(noneBelow)), middle(noneBelow)), 25},

		{"nothing", newPhone, nil, trust.UnreadableChain},
		{"no certificate", newPhone, [][]byte{{1, 2, 3}}, trust.UnreadableChain},
		{"one too many that is none", newPhone, [][]byte{server().Raw, {0x30, 0}}, trust.UnreadableChain},
		{"too many", newPhone, chainOf(slicesOf(server(), 40)...), trust.ChainTooLong},
	}
	d := devices()
	for _, tt := range tests {
		t.Run(tt.what, func(t *testing.T) {
			row := rowOf(t, modelOf(tt.row), switchesOf(tt.row)...)
			for _, time := range []string{"first", "from memory"} {
				if _, got := d.Verify(row, tt.chain, today); got != tt.want {
					t.Errorf("%s: number %d, want %d", time, got, tt.want)
				}
			}
		})
	}
}

func noneBelow(x *x509.Certificate) { x.MaxPathLenZero = true }

func slicesOf(c *ca, n int) []*ca {
	list := make([]*ca, n)
	for i := range list {
		list[i] = c
	}
	return list
}

// Roots of one brand share a serial number: an authorityKeyIdentifier with it
// must not lead to the wrong one, and one with another serial leads to none.
func TestAuthorityKeyIdentifierIsRead(t *testing.T) {
	sipura := roots()[certs.Sipura1]
	value := func(tag byte, parts ...[]byte) []byte {
		content := bytes.Join(parts, nil)
		whole, err := asn1.Marshal(asn1.RawValue{Bytes: content})
		if err != nil {
			t.Fatal(err)
		}
		whole[0] = tag
		return whole
	}
	serial := func(c *ca) []byte { return value(0x82, c.SerialNumber.Bytes()) }
	name := func(c *ca) []byte { return value(0xa1, value(0xa4, c.RawIssuer)) }
	key := func(c *ca) []byte { return value(0x80, c.SubjectKeyId) }
	cisco := roots()[certs.CiscoSB1]
	sister := roots()[certs.SipuraClient1]
	tests := []struct {
		what  string
		value []byte
		want  int
	}{
		{"empty", value(0x30), 0},
		{"as it is", value(0x30, key(sipura), serial(sipura)), 0},
		{"of another key", value(0x30, key(sister), serial(sipura)), 20},
		{"by the serial alone", value(0x30, serial(sipura)), 0},
		{"of another serial", value(0x30, key(sipura), value(0x82, []byte{8})), 20},
		{"with the issuer's name", value(0x30, name(sipura), serial(sipura)), 0},
		{"with another name", value(0x30, name(sister), serial(sister)), 20},
		{"all of another", value(0x30, key(cisco), name(cisco), value(0x82, []byte{0}, cisco.SerialNumber.Bytes())), 20},
	}
	for _, tt := range tests {
		leaf := sign(t, changed(plain("host"), extension(keyAuthority, false, tt.value...)), 0, &ca{&x509.Certificate{RawSubject: sipura.RawSubject}, sipura.key})
		if _, got := devices().Verify(rowOf(t, newPhone), chainOf(leaf), today); got != tt.want {
			t.Errorf("%s: number %d, want %d", tt.what, got, tt.want)
		}
	}
}

// A verdict from the cache must not outlive what it rests on: the seconds in which
// the certificates begin and end.
func TestVerdictsChangeWithTime(t *testing.T) {
	leaf := sign(t, changed(plain("host"), func(x *x509.Certificate) { x.NotBefore, x.NotAfter = day("2019-01-01"), day("2021-01-01") }), 0, roots()[certs.Sipura1])
	d, row := devices(), rowOf(t, newPhone, "cert_early=refuse")
	begin, end := day("2019-01-01"), day("2021-01-01")
	tests := []struct {
		at   time.Time
		want int
	}{
		{today, 0}, {begin.Add(-time.Second), 9}, {begin, 0}, {end.Add(-time.Second), 0}, {end, 10}, {day("1970-01-01"), 9},
		{day("2004-01-01"), 9}, {day("2035-01-01"), 10}, {today, 0}, {end, 10}, {begin.Add(-time.Second), 9},
	}
	for range 2 {
		for _, tt := range tests {
			if _, got := d.Verify(row, chainOf(leaf), tt.at); got != tt.want {
				t.Errorf("at %s: number %d, want %d", tt.at, got, tt.want)
			}
		}
	}
}

// A chain that differs from a remembered one in a single bit is judged again, and
// so is one chain by two firmwares.
func TestVerdictCacheIsExact(t *testing.T) {
	d, leaf := devices(), sign(t, plain("host"), 0, roots()[certs.CiscoSB1])
	for range 2 {
		if _, got := d.Verify(rowOf(t, newPhone), chainOf(leaf), today); got != 0 {
			t.Errorf("the phone: %d", got)
		}
		if _, got := d.Verify(rowOf(t, adapter), chainOf(leaf), today); got != 20 {
			t.Errorf("the adapter: %d", got)
		}
		der := bytes.Clone(leaf.Raw)
		der[len(der)-1] ^= 1
		if _, got := d.Verify(rowOf(t, newPhone), [][]byte{der}, today); got != 7 {
			t.Errorf("spoilt: %d", got)
		}
	}
	key, _ := d.Verify(rowOf(t, newPhone), chainOf(leaf), today)
	if key == nil || !key.Equal(leaf.key.Public()) {
		t.Errorf("key %v is not that of the certificate", key)
	}
}

// The caller may use its buffers again.
func TestVerdictCacheKeepsNoBufferOfTheCaller(t *testing.T) {
	d, row := devices(), rowOf(t, newPhone)
	good := sign(t, plain("host"), 0, roots()[certs.Sipura1]).Raw
	buffer := bytes.Clone(good)
	if _, got := d.Verify(row, [][]byte{buffer}, today); got != 0 {
		t.Fatal(got)
	}
	clear(buffer)
	if _, got := d.Verify(row, [][]byte{buffer}, today); got != trust.UnreadableChain {
		t.Errorf("zeros: %d", got)
	}
	if _, got := d.Verify(row, [][]byte{good}, today); got != 0 {
		t.Errorf("the good one again: %d", got)
	}
}

func TestVerifyByManyAtOnce(t *testing.T) {
	d, leaf := devices(), sign(t, plain("host"), 0, roots()[certs.CiscoSB1])
	var all sync.WaitGroup
	for i := range 8 {
		row, want := rowOf(t, newPhone), 0
		if i%2 == 1 {
			row, want = rowOf(t, adapter), 20
		}
		all.Go(func() {
			for j := range 200 {
				if _, got := d.Verify(row, chainOf(leaf), today.Add(time.Duration(j)*time.Hour)); got != want {
					t.Errorf("%d, want %d", got, want)
				}
			}
		})
	}
	all.Wait()
}

// A server with ever new certificates must not fill the cache.
func TestVerdictCacheIsBounded(t *testing.T) {
	d, row := devices(), rowOf(t, newPhone)
	leaf := sign(t, plain("host"), 0, roots()[certs.Sipura1]).Raw
	before := heap()
	for i := range 6000 {
		junk := bytes.Repeat([]byte{byte(i), byte(i >> 8)}, 2000)
		if _, got := d.Verify(row, [][]byte{leaf, junk}, today); got != trust.UnreadableChain {
			t.Fatal(got)
		}
	}
	if grown := heap() - before; grown > 12<<20 {
		t.Errorf("%d bytes more after 6000 chains of 4 KB", grown)
	}
	if _, got := d.Verify(row, [][]byte{leaf}, today); got != 0 {
		t.Error(got)
	}
}

func BenchmarkVerifyAgain(b *testing.B) {
	d, row := devices(), rowOf(b, newPhone)
	m := sign(b, issuing("middle"), 2, roots()[certs.Sipura1])
	chain := chainOf(sign(b, plain("host"), 0, m), m)
	b.ReportAllocs()
	for b.Loop() {
		if _, got := d.Verify(row, chain, today); got != 0 {
			b.Fatal(got)
		}
	}
}

func BenchmarkVerifyFirst(b *testing.B) {
	row := rowOf(b, newPhone)
	chain := chainOf(sign(b, plain("host"), 0, roots()[certs.Sipura1]))
	for b.Loop() {
		if _, got := devices().Verify(row, chain, today); got != 0 {
			b.Fatal(got)
		}
	}
}

// Whatever is done to a good chain, nothing but its own bytes is accepted as the
// server's certificate.
func FuzzVerify(f *testing.F) {
	m := sign(f, issuing("middle"), 2, roots()[certs.Sipura1])
	leaf := sign(f, changed(plain("host"), extension(netscapeType, true, 3, 2, 6, 0x40)), 0, m)
	f.Add(uint16(0), byte(0), uint16(0), byte(0), []byte(nil))
	f.Add(uint16(40), byte(1), uint16(0), byte(0), []byte{0x30, 0})
	f.Add(uint16(0), byte(0), uint16(300), byte(0x80), m.Raw)
	good := chainOf(leaf, m)
	f.Fuzz(func(t *testing.T, at uint16, with byte, at2 uint16, with2 byte, more []byte) {
		chain := [][]byte{bytes.Clone(leaf.Raw), bytes.Clone(m.Raw), more}
		chain[0][int(at)%len(chain[0])] ^= with
		chain[1][int(at2)%len(chain[1])] ^= with2
		if len(more) == 0 {
			chain = chain[:2]
		}
		d, row := devices(), rowOf(t, newPhone)
		key, number := d.Verify(row, chain, today)
		if _, again := d.Verify(row, chain, today); again != number {
			t.Errorf("first %d, then %d", number, again)
		}
		trust.NameFits(row, chain[0], "host")
		trust.NameFits(row, more, "host")
		switch whole := bytes.Equal(chain[0], good[0]) && bytes.Equal(chain[1], good[1]) && len(more) == 0; {
		case whole && (number != 0 || key == nil):
			t.Errorf("the good chain is refused with %d", number)
		case number == 0 && !bytes.Equal(chain[0], good[0]):
			t.Errorf("accepted: %x", chain[0])
		}
	})
}

func ExampleLogLines() {
	fmt.Println(trust.LogLines(trust.Expired, "prov.example.com"))
	fmt.Println(trust.LogLines(trust.WrongName, "prov.example.com"))
	// Output:
	// [ssl cert err 10 create ssl connection failed]
	// [Cannot verify host name:prov.example.com, 50]
}
