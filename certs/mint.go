package certs

import (
	"crypto"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"time"

	"spafleet/certs/ssl"
)

// A spec is everything besides the PKI that a device's certificate and key depend on.
type spec struct {
	by           Name // "": an authority that no server knows
	product      string
	mac, serial  string
	organization string
	unit         string
	email        string
	hash         crypto.Hash
	bits         int
	from, to     time.Time
	key          keyChoice
	badSignature bool
	wrongKey     bool
}

// A keyChoice is which key a device has.
type keyChoice struct {
	label string // own; "": the n-th of the pool
	n     int
}

// wrongKey is the place in the pool of a key that no certificate is made for.
const wrongKey = -1

// mint makes a device's certificate and key.
func (p *PKI) mint(s *spec) (*ssl.Certificate, error) {
	key, err := p.deviceKey(s.key, s.bits)
	if err != nil {
		return nil, err
	}
	public, err := rsaOf(key)
	if err != nil {
		return nil, err
	}
	by, err := p.issuer(s)
	if err != nil {
		return nil, err
	}
	raw, err := s.template(by, publicKey(public), subjectKeyID(public)).sign(by.key)
	if err != nil {
		return nil, fmt.Errorf("device %s: %w", s.mac, err)
	}
	if s.badSignature {
		raw[len(raw)-1] ^= 1
	}
	if s.wrongKey {
		if key, err = p.poolSigner(s.bits, wrongKey); err != nil {
			return nil, err
		}
	}
	return &ssl.Certificate{Chain: [][]byte{raw}, Key: key}, nil
}

func (p *PKI) deviceKey(k keyChoice, bits int) (crypto.Signer, error) {
	if k.label == "" {
		return p.poolSigner(bits, k.n)
	}
	return p.newSigner(k.label, bits)
}

// issuer returns the authority that signs; for "" the stranger, which is in no bundle.
func (p *PKI) issuer(s *spec) (*Authority, error) {
	if s.by != "" {
		return p.Authority(s.by)
	}
	return p.authorities.get("", 0, func() (*Authority, error) { return p.make(&stranger, nil) })
}

// stranger is an authority that no server knows.
var stranger = authorityRow{
	subject: dn{{country, "US"}, {organization, test + "Stranger"}, {commonName, test + "Stranger Client Root Authority 1"}},
	serial:  "01", bits: 1024, hash: crypto.SHA1, from: "2003-11-01", to: lastDay, clients: true,
}

// template is a device's certificate. Its layout is that of the generic certificate of
// firmware 7.6.2f (field), which the devices' own ones share (inferred).
func (s *spec) template(by *Authority, key, keyID []byte) *template {
	return &template{
		hash: s.hash, issuer: by.Cert.RawSubject, subject: s.subject().der(), from: s.from, to: s.to, key: key,
		extensions: [][]byte{
			basicConstraints(false), netscapeComment("Product is " + s.product), keyID, authorityKeyIDOf(by),
			netscapeType(netscapeClient), extKeyUsage(oidClientAuth),
		},
	}
}

// subject is a device's name. The guides' S element is the state (field).
func (s *spec) subject() dn {
	return dn{{country, "US"}, {state, s.mac}, {locality, s.serial}, {organization, s.organization}, {unit, s.unit},
		{commonName, s.product + ", MAC: " + s.mac + ", Serial: " + s.serial}, {emailAddress, s.email}}
}

// place returns a device's place in a pool of keys.
func place(mac string, size int) int { return drawn("spafleet pool\x00"+mac, size) }

// drawn returns a number below size that follows from a text.
func drawn(text string, size int) int {
	sum := sha256.Sum256([]byte(text))
	return int(binary.BigEndian.Uint64(sum[:]) % uint64(size))
}
