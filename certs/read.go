package certs

import (
	"bytes"
	"crypto/rsa"
	"crypto/x509"
	"encoding/asn1"
	"slices"
)

// A Certificate is one that was read, with what crypto/x509 leaves out and the
// firmware's library, OpenSSL 0.9.8, looks at.
type Certificate struct {
	*x509.Certificate
	UnknownCritical bool // has a critical extension that the library does not know
	SelfIssued      bool // by the library's own test: see Issued

	hasUsage    bool // has keyUsage
	hasExtended bool // has extendedKeyUsage
	netscape    byte // bits of nsCertType
	hasNetscape bool
	keySerial   []byte // serial number in authorityKeyIdentifier
	keyIssuer   []byte // and the name beside it
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

// ReadCertificate reads one certificate, DER.
func ReadCertificate(der []byte) (*Certificate, error) {
	x, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, err
	}
	c := &Certificate{Certificate: x}
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
			c.UnknownCritical = true
		}
	}
	c.SelfIssued = c.Issued(c)
	return c, nil
}

// Key returns the public key, nil where it is none of RSA.
func (c *Certificate) Key() *rsa.PublicKey {
	k, _ := c.PublicKey.(*rsa.PublicKey)
	return k
}

// Issued is the library's test whether one certificate was issued by another,
// short of the signature: names, the identifier of the key, and what an
// authorityKeyIdentifier says of the issuer. A serial number alone says nothing,
// for authorities of one brand share it. Names are compared by their bytes, where
// the library lets the case of printable strings differ (inferred).
func (c *Certificate) Issued(subject *Certificate) bool {
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
func (c *Certificate) allows(uses x509.KeyUsage) bool { return !c.hasUsage || c.KeyUsage&uses != 0 }

// ByIntermediate reports whether a certificate says itself that its issuer is no root:
// by the name of who signed that one, or where there is none by a place where the
// issuer's certificate can be had, which roots need not be got from.
func (c *Certificate) ByIntermediate() bool {
	switch {
	case c.SelfIssued:
		return false
	case c.keyIssuer != nil:
		return !bytes.Equal(c.keyIssuer, c.RawIssuer)
	}
	return len(c.IssuingCertificateURL) > 0
}

// IsAuthority reports whether the certificate is one of an authority: so it says,
// or it says nothing and has a sign of old times.
func (c *Certificate) IsAuthority() bool {
	switch {
	case !c.allows(x509.KeyUsageCertSign):
		return false
	case c.BasicConstraintsValid:
		return c.IsCA
	case c.Version == 1 && c.SelfIssued, c.hasUsage:
		return true
	}
	return c.netscape&nsAnyAuthority != 0
}

// ServesTLS reports whether the certificate is one for a server, or above one.
func (c *Certificate) ServesTLS(above bool) bool {
	if c.hasExtended && !slices.ContainsFunc(c.ExtKeyUsage, forServers) {
		return false
	}
	if above {
		bySigns := !c.BasicConstraintsValid && !c.hasUsage
		return c.IsAuthority() && (!bySigns || !c.hasNetscape || c.netscape&nsSSLAuthority != 0)
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

const longestName = 255 // characters of a CN that the firmware looks at (7.6.2f: field)

var (
	derCommonName = []byte{0x55, 0x04, 0x03}
	cnEnds        = "/\x00"
)

// FirstCN returns the first CN of a certificate, DER, as far as the firmware
// reads it; false where there is none. That it ends at a zero, as all text in C does, is
// inferred.
func FirstCN(leaf []byte) (string, bool) {
	_, subject := fieldsOf(leaf)
	for len(subject) > 0 {
		_, set, rest, ok := element(subject)
		if !ok {
			return "", false
		}
		for len(set) > 0 {
			_, attribute, more, ok := element(set)
			if !ok {
				return "", false
			}
			if name, ok := nameIn(attribute); ok {
				return name, true
			}
			set = more
		}
		subject = rest
	}
	return "", false
}

// nameIn returns the value of an attribute that is a CN.
func nameIn(attribute []byte) (string, bool) {
	_, id, rest, _ := element(attribute)
	_, value, _, ok := element(rest)
	if !ok || !bytes.Equal(id, derCommonName) {
		return "", false
	}
	value = value[:min(len(value), longestName)]
	if at := bytes.IndexAny(value, cnEnds); at >= 0 {
		value = value[:at]
	}
	return string(value), true
}
