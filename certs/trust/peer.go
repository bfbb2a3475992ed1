package trust

import (
	"crypto/rsa"
	"crypto/x509"
	"fmt"
	"slices"
	"time"

	"spafleet/certs"
	"spafleet/host"
)

// A Verify judges the certificates of the other side, like the Verify fields of
// package ssl.
type Verify func(chain [][]byte) (key *rsa.PublicKey, number int)

// Clients returns the Verify of a server that accepts the clients of these
// authorities. A client without a certificate is refused.
func Clients(authorities []*x509.Certificate, now func() time.Time) (Verify, error) {
	s := &store{rules: rules{checkEnd: true, checkStart: true}, anchors: map[string][]*certs.Certificate{}}
	for _, a := range authorities {
		if err := s.add(a); err != nil {
			return nil, err
		}
	}
	var m verdictCache
	return func(chain [][]byte) (*rsa.PublicKey, int) { return m.judge(s, chain, now()) }, nil
}

// Hashed returns the Verify of a server that refuses certificates which are signed with
// one of these, as servers do whose library no longer has it.
func Hashed(verify Verify, weak ...x509.SignatureAlgorithm) Verify {
	return func(chain [][]byte) (*rsa.PublicKey, int) {
		key, number := verify(chain)
		if number == verifyOK && len(chain) > 0 {
			if c, err := certs.ReadCertificate(chain[0]); err == nil && slices.Contains(weak, c.SignatureAlgorithm) {
				return nil, weakHash
			}
		}
		return key, number
	}
}

// AnyClient accepts every client, also one without a certificate.
func AnyClient(chain [][]byte) (*rsa.PublicKey, int) {
	if len(chain) == 0 {
		return nil, verifyOK
	}
	c, err := certs.ReadCertificate(chain[0])
	if err != nil {
		return nil, unreadable
	}
	return c.Key(), verifyOK
}

// OpenAuthorities returns the certificates of a PEM file, of which there is at least
// one.
func OpenAuthorities(file string) ([]*x509.Certificate, error) {
	text, err := host.ReadFile(file, mostAuthorities)
	if err != nil {
		return nil, err
	}
	list, err := ReadAuthorities(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return list, nil
}

// mostAuthorities is the longest file of authorities that is read, in bytes; that of
// a whole browser has some hundred thousand.
const mostAuthorities = 16 << 20

// ReadAuthorities returns the certificates of a PEM text, of which there is at
// least one.
func ReadAuthorities(text []byte) ([]*x509.Certificate, error) {
	ders, err := certs.DecodeCertificates(text)
	if err != nil {
		return nil, err
	}
	list := make([]*x509.Certificate, len(ders))
	for i, der := range ders {
		if list[i], err = x509.ParseCertificate(der); err != nil {
			return nil, err
		}
	}
	return list, nil
}
