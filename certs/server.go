package certs

import (
	"crypto"
	"crypto/rsa"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"spafleet/certs/ssl"
)

// A ServerRequest is a certificate that a server wants.
type ServerRequest struct {
	CA       Name
	CN       string      // "": a subject without one, which devices do not check
	SAN      []string    // host names and addresses; devices do not read them
	Hash     crypto.Hash // MD5, SHA1 or SHA256; 0: SHA1, of Public SHA256
	Bits     int         // of the key; 0: 2048
	From, To time.Time   // zero: 2005-01-01, or where that is later the authority's beginning; 2034-12-31
	// Key is the server's own, where it has one. Nil: one is made, a function of
	// the PKI's seed and of the other fields but Hash, From and To.
	Key *rsa.PublicKey
	// Subject is the whole name, DER, in place of CN. Nil: O and CN.
	Subject []byte
	// ForClients has the certificate say that it is for clients, which is the wrong
	// purpose.
	ForClients bool
}

// Server returns the certificate with its chain, without the root, and its key, which
// is nil if the request has one. The same request
// gives the same bytes.
func (p *PKI) Server(r ServerRequest) (*ssl.Certificate, error) {
	by, err := p.Authority(r.CA)
	if err != nil {
		return nil, err
	}
	r = r.complete(by)
	if err := r.check(); err != nil {
		return nil, err
	}
	var key crypto.Signer
	if r.Key == nil {
		if key, err = p.serverSigner(strings.Join(append([]string{string(r.CA), r.CN}, r.SAN...), " "), r.Bits); err != nil {
			return nil, fmt.Errorf("key of server %s: %w", r.CN, err)
		}
		if r.Key, err = rsaOf(key); err != nil {
			return nil, err
		}
	}
	raw, err := r.template(by).sign(by.key)
	if err != nil {
		return nil, fmt.Errorf("server %s: %w", r.CN, err)
	}
	return &ssl.Certificate{Chain: append([][]byte{raw}, by.chain()...), Key: key}, nil
}

// chain returns the authority's certificates below the root.
func (a *Authority) chain() [][]byte {
	if a.above == nil {
		return nil
	}
	return append([][]byte{a.Cert.Raw}, a.above.chain()...)
}

func (r *ServerRequest) check() error {
	for _, name := range append([]string{r.CN}, r.SAN...) {
		if strings.ContainsFunc(name, func(c rune) bool { return c < ' ' || c == 0x7f }) {
			return fmt.Errorf("server name %q has control characters", name)
		}
	}
	for _, name := range r.SAN {
		if net.ParseIP(name) == nil && strings.Trim(name, hostLetters) != "" || name == "" {
			return fmt.Errorf("alternative name %q is neither a host name nor an address", name)
		}
	}
	if r.To.Before(r.From) {
		return errors.New("the certificate ends before it begins")
	}
	return nil
}

const hostLetters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._*"

// complete fills in the defaults.
func (r ServerRequest) complete(by *Authority) ServerRequest {
	if r.Hash == 0 {
		r.Hash = crypto.SHA1
		if by.Name == Public {
			r.Hash = crypto.SHA256
		}
	}
	if by.Name == Public && r.SAN == nil && r.CN != "" && strings.Trim(r.CN, hostLetters) == "" {
		r.SAN = []string{r.CN}
	}
	if r.Bits == 0 {
		r.Bits = 2048
	}
	if r.From.IsZero() {
		r.From = later(day("2005-01-01", false), by.Cert.NotBefore)
	}
	if r.To.IsZero() {
		r.To = day("2034-12-31", true)
	}
	if r.Subject == nil {
		r.Subject = dn{{organization, test + "provisioning server"}, {commonName, r.CN}}.der()
	}
	return r
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// template is a server's certificate. Nothing is known of those that the makers
// signed: it is like a device's, for a server (inferred).
func (r *ServerRequest) template(by *Authority) *template {
	t := &template{
		hash: r.Hash, issuer: by.Cert.RawSubject, subject: r.Subject, from: r.From, to: r.To, key: publicKey(r.Key),
		extensions: [][]byte{basicConstraints(false), subjectKeyID(r.Key), authorityKeyIDOf(by)},
	}
	kind, use := netscapeServer, oidServerAuth
	if r.ForClients {
		kind, use = netscapeClient, oidClientAuth
	}
	if by.Name == Public {
		t.extensions = append(t.extensions, keyUsage([2]byte{5, 0xa0})) // digitalSignature, keyEncipherment
	} else {
		t.extensions = append(t.extensions, netscapeType(kind))
	}
	t.extensions = append(t.extensions, extKeyUsage(use))
	if len(r.SAN) > 0 {
		t.extensions = append(t.extensions, subjectAltName(r.SAN))
	}
	return t
}
