package certs

import (
	"crypto"
	"crypto/rsa"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"strings"
	"time"
)

// An Authority signs certificates.
type Authority struct {
	Name  Name
	Cert  *x509.Certificate
	hash  crypto.Hash // of its signatures, if the caller names none
	above *Authority  // that signed it; nil for a root
	key   crypto.Signer
}

// test marks names, so that nobody takes them for the makers' own.
const test = "TEST "

// An authorityRow describes an authority of the test PKI: tls.md §1.1.
type authorityRow struct {
	name     Name
	subject  dn
	serial   string
	bits     int
	hash     crypto.Hash
	from, to string // days, or instants
	clients  bool   // it signs devices, not servers
	by       Name   // that signed it; "" for a root
	modern   bool   // constraints and key usage in place of Netscape's types
}

func sipuraDN(role string) dn {
	return dn{{country, "US"}, {state, "California"}, {locality, "San Jose"}, {organization, test + "Sipura Technology, Inc."},
		{unit, "Sipura Technology Certificate Authority"}, {commonName, test + "Sipura Technology " + role + " Root Authority 1"}}
}

func linksysDN(role string) dn {
	return dn{{country, "US"}, {state, "California"}, {locality, "Irvine"}, {organization, test + "Cisco Linksys, LLC."},
		{unit, "Cisco Linksys Certificate Authority"}, {commonName, test + "Cisco Linksys " + role + " Root Authority 1"},
		{emailAddress, "linksys-certadmin@cisco.com"}}
}

func ciscoDN(role string) dn {
	return dn{{country, "US"}, {state, "California"}, {locality, "San Jose"}, {organization, test + "Cisco Small Business"},
		{unit, "Cisco Small Business Certificate Authority"}, {commonName, test + "Cisco Small Business " + role},
		{emailAddress, "ciscosb-certadmin@cisco.com"}}
}

// Serial numbers of the makers' authorities (field). Server and client authority
// of a brand share one: programs that tell them apart by it mix them up.
const (
	sipuraSerial  = "45BF48C0CEB88F7BC8E16D85625A5B8F"
	linksysSerial = "D07D8A7BADBA7CB6446998B1EA89879F"
	ciscoSerial   = "D07D8C15C0BA7CB6446998B1EA89879F"
)

// lastDay is the end of the youngest authority (field), used also where the end is
// not known.
const lastDay = "2035-06-28"

// authorities is the test PKI. Known of the makers' (field): all names except
// O and OU of Sipura's; the serial numbers except that of Cisco's second server
// authority; MD5 and 1024 bits of Sipura's client authority; the end of Linksys';
// everything of Cisco's second client authority. The rest is inferred: a server
// authority is like the client authority of its brand; Linksys' and Cisco's first
// ones are of 1024 bits, which the second, called 2k, was made to exceed; each
// begins before the first device that it can have signed.
var authorities = []authorityRow{
	{name: Sipura1, subject: sipuraDN("Provisioning"), serial: sipuraSerial, bits: 1024, hash: crypto.MD5, from: "2003-11-01", to: lastDay},
	{name: Linksys1, subject: linksysDN("Provisioning"), serial: linksysSerial, bits: 1024, hash: crypto.SHA1, from: "2005-07-03", to: "2015-06-30"},
	{name: CiscoSB1, subject: ciscoDN("Provisioning Root Authority 1"), serial: ciscoSerial, bits: 1024, hash: crypto.SHA1, from: "2006-12-01", to: lastDay},
	{name: CiscoSB2, subject: ciscoDN("Provisioning Root Authority 2"), serial: ciscoSerial, bits: 2048, hash: crypto.SHA1, from: "2013-08-02", to: lastDay},
	// Verisign's own was signed with MD2, which nothing here can do; nobody checks
	// a root's signature.
	{name: Verisign, subject: dn{{country, "US"}, {organization, test + "VeriSign, Inc."}, {unit, test + "Class 3 Public Primary Certification Authority"}},
		serial: "70BAE41D10D92934B638CA7B03CCBABF", bits: 1024, hash: crypto.SHA1, from: "1996-01-29", to: lastDay},
	{name: VerisignServer, subject: dn{{country, "US"}, {organization, test + "VeriSign, Inc."}, {commonName, test + "VeriSign Class 3 Secure Server CA"}},
		serial: "75337D9AB0E1233BAE2D7DE4469162D4", bits: 2048, hash: crypto.SHA1, from: "2005-01-19", to: lastDay, by: Verisign},
	{name: Public, subject: dn{{country, "US"}, {organization, test + "Public Trust"}, {commonName, test + "Public Root CA"}},
		serial: "01", bits: 2048, hash: crypto.SHA256, from: "2010-01-01", to: lastDay, modern: true},

	{name: SipuraClient1, subject: append(sipuraDN("Client"), attribute{emailAddress, "webmaster@sipura.com"}),
		serial: sipuraSerial, bits: 1024, hash: crypto.MD5, from: "2003-11-01", to: lastDay, clients: true},
	{name: LinksysClient1, subject: linksysDN("Client"), serial: linksysSerial, bits: 1024, hash: crypto.SHA1, from: "2003-11-01", to: lastDay, clients: true},
	{name: CiscoSBClient1, subject: ciscoDN("Client Root Authority 1"), serial: ciscoSerial, bits: 1024, hash: crypto.SHA1, from: "2006-12-01", to: lastDay, clients: true},
	{name: CiscoSBClient2, subject: ciscoDN("Client Root Authority 2"), serial: ciscoSerial, bits: 2048, hash: crypto.SHA1,
		from: "2013-08-02T22:37:43Z", to: "2035-06-28T22:37:43Z", clients: true},
}

// Authorities returns the names of all authorities, those for servers first.
func Authorities() []Name {
	var names []Name
	for i := range authorities {
		names = append(names, authorities[i].name)
	}
	return names
}

// SignsDevices reports whether an authority signs the devices' certificates,
// not those of servers.
func (n Name) SignsDevices() bool {
	row, err := n.row()
	return err == nil && row.clients
}

// Signature returns an authority's key length and hash in words, such as "sipura1: RSA 1024 bits, MD5".
func (n Name) Signature() string {
	row, err := n.row()
	if err != nil {
		return err.Error()
	}
	return fmt.Sprintf("%s: RSA %d bits, %s", n, row.bits, hashWords[row.hash])
}

var hashWords = map[crypto.Hash]string{crypto.MD5: "MD5", crypto.SHA1: "SHA-1", crypto.SHA256: "SHA-256"}

func (n Name) row() (*authorityRow, error) {
	for i := range authorities {
		if authorities[i].name == n {
			return &authorities[i], nil
		}
	}
	return nil, fmt.Errorf("unknown authority %q; it is one of %s", n, joined(Authorities()))
}

func joined(names []Name) string {
	words := make([]string, len(names))
	for i, n := range names {
		words[i] = string(n)
	}
	return strings.Join(words, ", ")
}

// day reads a date or an instant of the tables; where a date ends a validity, it is the
// day's last second.
func day(date string, end bool) time.Time {
	if t, err := time.Parse(time.RFC3339, date); err == nil {
		return t
	}
	t, err := time.Parse(time.DateOnly, date)
	if err != nil {
		panic(err) // of the tables
	}
	if end {
		t = t.Add(24*time.Hour - time.Second)
	}
	return t
}

// make makes the authority with its key, signed by the one above it.
func (r *authorityRow) make(key *rsa.PrivateKey, above *Authority) (*Authority, error) {
	serial, err := hex.DecodeString(r.serial)
	if err != nil {
		return nil, err
	}
	t := &template{
		serial: serial, hash: r.hash, issuer: r.subject.der(), subject: r.subject.der(),
		from: day(r.from, false), to: day(r.to, true), key: publicKey(&key.PublicKey),
	}
	signer := fast(key)
	by, names := signer, authorityKeyID(keyID(&key.PublicKey), t.issuer, serial)
	if above != nil {
		by, t.issuer, names = above.key, above.Cert.RawSubject, authorityKeyIDOf(above)
	}
	t.extensions = r.extensions(&key.PublicKey, names)
	raw, err := t.sign(by)
	if err != nil {
		return nil, err
	}
	return r.with(raw, signer, above)
}

// with returns the authority of a certificate and its key.
func (r *authorityRow) with(raw []byte, key crypto.Signer, above *Authority) (*Authority, error) {
	cert, err := x509.ParseCertificate(raw)
	if err != nil {
		return nil, fmt.Errorf("certificate of authority %s: %w", r.name, err)
	}
	return &Authority{Name: r.name, Cert: cert, hash: r.hash, above: above, key: key}, nil
}

// extensions are those of Cisco's second client authority, in their order; names are
// of the authority above, which for a root is itself (field).
func (r *authorityRow) extensions(key *rsa.PublicKey, names []byte) [][]byte {
	switch {
	case r.modern:
		return [][]byte{basicConstraints(true), keyUsage([2]byte{1, 0x06}), subjectKeyID(key)} // keyCertSign, cRLSign
	case r.clients:
		return [][]byte{subjectKeyID(key), names, basicConstraints(true), netscapeType(netscapeAuthority), extKeyUsage(oidClientAuth)}
	}
	return [][]byte{subjectKeyID(key), names, basicConstraints(true), netscapeType(netscapeAuthority), extKeyUsage(oidServerAuth)}
}
