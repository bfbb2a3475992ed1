package certs

import (
	"bytes"
	"crypto"
	"crypto/rsa"
	"encoding/pem"
	"fmt"

	"spafleet/certs/ssl"
)

// A PKI is a set of authorities, in memory or in a folder. Their keys are a
// function of its seed, and each is made when it is first asked for. It may be
// used by many goroutines.
type PKI struct {
	settings
	dir         string // "" in memory
	authorities onceCache[Name, *Authority]
	pool        onceCache[poolKey, crypto.Signer]
	servers     onceCache[serverKey, crypto.Signer]
}

// settings are what a PKI is made of.
type settings struct {
	Version      int    `json:"version"`
	Seed         uint64 `json:"seed"`
	LinksysValid bool   `json:"linksys_valid"`
}

// A poolKey is one of the keys that devices share.
type poolKey struct {
	bits, n int
}

// A serverKey is the key of a server's certificate.
type serverKey struct {
	label string
	bits  int
}

// mostServers is how many keys of servers are kept: those of all the listeners that
// one scenario is likely to have.
const mostServers = 64

// New returns a PKI in memory. The same seed makes the same keys and
// certificates. Linksys' server authority has expired, as the makers' has.
func New(seed uint64) *PKI { return &PKI{settings: settings{Version: 1, Seed: seed}} }

// Authority returns an authority. The error names those that there are.
func (p *PKI) Authority(n Name) (*Authority, error) {
	row, err := n.row()
	if err != nil {
		return nil, err
	}
	return p.authorities.get(n, 0, func() (*Authority, error) {
		var above *Authority
		if row.by != "" {
			if above, err = p.Authority(row.by); err != nil {
				return nil, err
			}
		}
		if p.dir != "" {
			return p.read(row, above)
		}
		return p.make(row, above)
	})
}

// make makes an authority.
func (p *PKI) make(row *authorityRow, above *Authority) (*Authority, error) {
	key, err := keptKey(p.Seed, "authority "+string(row.name), row.bits)
	if err != nil {
		return nil, err
	}
	r := *row
	if r.name == Linksys1 && p.LinksysValid {
		r.to = lastDay
	}
	return r.make(key, above)
}

// ClientRoots returns the certificates, DER, of the authorities that sign devices.
// A server needs them to verify its clients.
func (p *PKI) ClientRoots() ([][]byte, error) {
	var roots [][]byte
	for i := range authorities {
		if !authorities[i].clients {
			continue
		}
		a, err := p.Authority(authorities[i].name)
		if err != nil {
			return nil, err
		}
		roots = append(roots, a.Cert.Raw)
	}
	return roots, nil
}

// Bundle returns the ClientRoots as PEM.
func (p *PKI) Bundle() ([]byte, error) {
	roots, err := p.ClientRoots()
	if err != nil {
		return nil, err
	}
	return EncodeCertificates(roots), nil
}

// EncodeCertificates returns certificates as PEM.
func EncodeCertificates(chain [][]byte) []byte {
	var b bytes.Buffer
	for _, c := range chain {
		_ = pem.Encode(&b, &pem.Block{Type: "CERTIFICATE", Bytes: c}) // a buffer takes all
	}
	return b.Bytes()
}

// A signer signs quickly, and still has the key that is written to files.
type signer struct {
	*ssl.Key
	private *rsa.PrivateKey
}

func fast(key *rsa.PrivateKey) crypto.Signer { return &signer{ssl.NewKey(key), key} }

// poolSigner returns the n-th of the keys that devices share.
func (p *PKI) poolSigner(bits, n int) (crypto.Signer, error) {
	return p.pool.get(poolKey{bits, n}, 0, func() (crypto.Signer, error) {
		return p.keptSigner(fmt.Sprintf("pool %d", n), bits)
	})
}

// serverSigner returns the key of a server's certificate.
func (p *PKI) serverSigner(label string, bits int) (crypto.Signer, error) {
	return p.servers.get(serverKey{label, bits}, mostServers, func() (crypto.Signer, error) {
		return p.keptSigner("server "+label, bits)
	})
}

func (p *PKI) keptSigner(label string, bits int) (crypto.Signer, error) {
	key, err := keptKey(p.Seed, label, bits)
	if err != nil {
		return nil, err
	}
	return fast(key), nil
}

// newSigner makes a key that is not kept.
func (p *PKI) newSigner(label string, bits int) (crypto.Signer, error) {
	key, err := newKey(p.Seed, label, bits)
	if err != nil {
		return nil, err
	}
	return fast(key), nil
}
