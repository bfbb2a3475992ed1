package certs

import (
	"bytes"
	"crypto/rsa"
	"crypto/x509"
	"encoding/asn1"
	"slices"
)

// A certificate is one that was read, with what crypto/x509 leaves out and the
// firmware's library looks at.
type certificate struct {
	*x509.Certificate
	hasUsage    bool // has keyUsage
	hasExtended bool // has extendedKeyUsage
	netscape    byte // bits of nsCertType
	hasNetscape bool
	critical    bool   // has a critical extension that the library does not know
	keySerial   []byte // serial number in authorityKeyIdentifier
	keyIssuer   []byte // and the name beside it
	selfIssued  bool   // by the library's own test: see issued
}

// Bits of nsCertType.
const (
	nsServer       = 0x40
	nsSSLAuthority = 0x04
	nsAnyAuthority = 0x07
)

// Extensions that the library knows.
var (
	usageExtension       = asn1.ObjectIdentifier{2, 5, 29, 15}
	otherNameExtension   = asn1.ObjectIdentifier{2, 5, 29, 17}
	constraintsExtension = asn1.ObjectIdentifier{2, 5, 29, 19}
	authorityExtension   = asn1.ObjectIdentifier{2, 5, 29, 35}
	purposeExtension     = asn1.ObjectIdentifier{2, 5, 29, 37}
	netscapeExtension    = asn1.ObjectIdentifier{2, 16, 840, 1, 113730, 1, 1}
)

// knownCritical are the extensions that OpenSSL 0.9.7 takes when they are
// critical (inferred, from memory).
var knownCritical = []asn1.ObjectIdentifier{netscapeExtension, usageExtension, otherNameExtension, constraintsExtension, purposeExtension}

// readCertificate reads one certificate.
func readCertificate(der []byte) (*certificate, error) {
	x, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, err
	}
	c := &certificate{Certificate: x}
	for _, e := range x.Extensions {
		switch {
		case e.Id.Equal(usageExtension):
			c.hasUsage = true
		case e.Id.Equal(purposeExtension):
			c.hasExtended = true
		case e.Id.Equal(netscapeExtension):
			c.hasNetscape = true
			if tag, bits, _, ok := element(e.Value); ok && tag == tagBits && len(bits) > 1 {
				c.netscape = bits[1]
			}
		case e.Id.Equal(authorityExtension):
			c.keyIssuer, c.keySerial = authorityOf(e.Value)
		}
		if e.Critical && !slices.ContainsFunc(knownCritical, e.Id.Equal) {
			c.critical = true
		}
	}
	c.selfIssued = c.issued(c)
	return c, nil
}

// key returns the public key, nil where it is none of RSA.
func (c *certificate) key() *rsa.PublicKey {
	k, _ := c.PublicKey.(*rsa.PublicKey)
	return k
}

// issued is the library's test whether one certificate was issued by another,
// short of the signature: names, the identifier of the key, and what an
// authorityKeyIdentifier says of the issuer. A serial number alone says nothing,
// for authorities of one brand share it. Names are compared by their bytes, where
// the library lets the case of printable strings differ (inferred).
func (c *certificate) issued(subject *certificate) bool {
	switch {
	case !bytes.Equal(c.RawSubject, subject.RawIssuer):
		return false
	case len(subject.AuthorityKeyId) > 0 && len(c.SubjectKeyId) > 0 && !bytes.Equal(subject.AuthorityKeyId, c.SubjectKeyId):
		return false
	case subject.keySerial != nil && !bytes.Equal(subject.keySerial, serialIn(c.Raw)):
		return false
	case subject.keyIssuer != nil && !bytes.Equal(subject.keyIssuer, c.RawIssuer):
		return false
	}
	return c.allows(x509.KeyUsageCertSign)
}

// allows reports whether the key may be put to one of the uses: it may to all
// where the certificate does not say.
func (c *certificate) allows(uses x509.KeyUsage) bool { return !c.hasUsage || c.KeyUsage&uses != 0 }

// authority reports whether the certificate is one of an authority: so it says,
// or it says nothing and has a sign of old times.
func (c *certificate) authority() bool {
	switch {
	case !c.allows(x509.KeyUsageCertSign):
		return false
	case c.BasicConstraintsValid:
		return c.IsCA
	case c.Version == 1 && c.selfIssued, c.hasUsage:
		return true
	}
	return c.netscape&nsAnyAuthority != 0
}

// servesTLS reports whether the certificate is one for a server, or above one.
func (c *certificate) servesTLS(above bool) bool {
	if c.hasExtended && !slices.ContainsFunc(c.ExtKeyUsage, forServers) {
		return false
	}
	if above {
		bySigns := !c.BasicConstraintsValid && !c.hasUsage
		return c.authority() && (!bySigns || !c.hasNetscape || c.netscape&nsSSLAuthority != 0)
	}
	return (!c.hasNetscape || c.netscape&nsServer != 0) && c.allows(x509.KeyUsageDigitalSignature|x509.KeyUsageKeyEncipherment)
}

func forServers(u x509.ExtKeyUsage) bool {
	return u == x509.ExtKeyUsageServerAuth || u == x509.ExtKeyUsageMicrosoftServerGatedCrypto || u == x509.ExtKeyUsageNetscapeServerGatedCrypto
}

// Tags within an authorityKeyIdentifier and a certificate.
const (
	tagVersion = tagConstructed
	tagNames   = tagConstructed | 1
	tagSerial  = tagContext | 2
	tagDirName = tagConstructed | 4
)

// element splits the first DER element off b. Tags above 30 and lengths above
// 16 MB are none.
func element(b []byte) (tag byte, content, rest []byte, ok bool) {
	if len(b) < 2 || b[0]&0x1f == 0x1f {
		return 0, nil, nil, false
	}
	tag, n := b[0], int(b[1])
	b = b[2:]
	if n >= 0x80 {
		size := n & 0x7f
		if size == 0 || size > 3 || size > len(b) {
			return 0, nil, nil, false
		}
		n = 0
		for _, x := range b[:size] {
			n = n<<8 | int(x)
		}
		b = b[size:]
	}
	if n > len(b) {
		return 0, nil, nil, false
	}
	return tag, b[:n], b[n:], true
}

// authorityOf returns the issuer's name and serial number of an
// authorityKeyIdentifier, nil where it has none.
func authorityOf(der []byte) (issuer, serial []byte) {
	_, rest, _, _ := element(der)
	for len(rest) > 0 {
		tag, content, after, ok := element(rest)
		if !ok {
			break
		}
		switch tag {
		case tagSerial:
			serial = content
		case tagNames:
			if kind, name, _, ok := element(content); ok && kind == tagDirName {
				issuer = name
			}
		}
		rest = after
	}
	return issuer, serial
}

// fieldsOf returns the serial number and the subject of a certificate as they
// stand in its DER; nil where it is none.
func fieldsOf(der []byte) (serial, subject []byte) {
	_, certificate, _, _ := element(der)
	_, rest, _, _ := element(certificate)
	if tag, _, after, ok := element(rest); ok && tag == tagVersion {
		rest = after
	}
	_, serial, rest, _ = element(rest)
	for range 3 { // signature, issuer, validity
		_, _, rest, _ = element(rest)
	}
	_, subject, _, _ = element(rest)
	return serial, subject
}

func serialIn(der []byte) []byte {
	serial, _ := fieldsOf(der)
	return serial
}
