package trust

import (
	"crypto/rsa"
	"crypto/x509"
	"slices"
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"

	"spafleet/certs"
	"spafleet/device/model"
)

// Devices is what the devices of a fleet trust and show. Its fields are set before
// first use; then it may be used by many goroutines. A Devices without PKI trusts
// only what is extra, one without Holder has no certificates to show.
type Devices struct {
	PKI    *certs.PKI
	Holder *certs.Holder
	Extra  []*x509.Certificate // further authorities, in every device's store

	mu       sync.Mutex
	rows     *simplelru.LRU[*model.Row, *rowTLS] // nil until the first is kept
	stores   map[rules]*store
	custom   *simplelru.LRU[string, *Devices] // by their further authorities, PEM; nil likewise
	verdicts verdictCache
}

// What is kept at most. Upgrades make new rows.
const (
	mostRows   = 1024
	mostCustom = 64
)

// Verify judges a server's certificates, DER, its own first, as a row's firmware
// does at a moment of the device's own clock. The number is OpenSSL's, 0 for
// accepted; errors that the firmware ignores are not counted. The key is that of the
// first certificate, nil if it is not RSA or cannot be read. Verdicts are kept, so
// that the chain which a whole fleet sees is verified once.
func (d *Devices) Verify(r *model.Row, chain [][]byte, now time.Time) (key *rsa.PublicKey, number int) {
	s, err := d.rowTLS(r)
	if err != nil {
		return nil, noMemory
	}
	return d.judge(s.store, chain, now)
}

func (d *Devices) judge(s *store, chain [][]byte, now time.Time) (*rsa.PublicKey, int) {
	return d.verdicts.judge(s, chain, now)
}

// Hint returns the likely cause of a failure and what to do, for a person; "" if the
// cause is not known. What it says of the firmware has its evidence.
func (d *Devices) Hint(r *model.Row, f Failure) string {
	var b blame
	if s, err := d.rowTLS(r); err == nil && f.Number != 0 && f.Number != WrongName {
		b = d.verdicts.verdict(s.store, f.Chain, f.Now).blame
	}
	return hintOf(r, f, b)
}

// A rowTLS is what the clients of a row have in common.
type rowTLS struct {
	store   *store
	clients clients
}

// rowTLS returns what a row's clients have in common, made when first asked for.
func (d *Devices) rowTLS(r *model.Row) (*rowTLS, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.rows == nil {
		d.rows, _ = simplelru.NewLRU[*model.Row, *rowTLS](mostRows, nil) // it refuses no positive size
	}
	if s, ok := d.rows.Get(r); ok {
		return s, nil
	}
	store, err := d.store(r)
	if err != nil {
		return nil, err
	}
	s := &rowTLS{store, newClients(r)}
	d.rows.Add(r, s)
	return s, nil
}

// store returns the store of a row. Stores are few: firmwares with the same rules
// share one. The lock is held.
func (d *Devices) store(r *model.Row) (*store, error) {
	of := rulesOf(r)
	if s := d.stores[of]; s != nil {
		return s, nil
	}
	s := &store{rules: of, anchors: map[string][]*certs.Certificate{}}
	for i, n := range anchorNames {
		if !of.trust[i] || d.PKI == nil {
			continue
		}
		a, err := d.PKI.Authority(n)
		if err != nil {
			return nil, err
		}
		if err := s.add(a.Cert); err != nil {
			return nil, err
		}
	}
	for _, x := range d.Extra {
		if err := s.add(x); err != nil {
			return nil, err
		}
	}
	if d.stores == nil {
		d.stores = map[rules]*store{}
	}
	d.stores[of] = s
	return s, nil
}

func (s *store) add(x *x509.Certificate) error {
	c, err := certs.ReadCertificate(x.Raw)
	if err != nil {
		return err
	}
	subject := string(c.RawSubject)
	s.anchors[subject] = append(s.anchors[subject], c)
	return nil
}

func rulesOf(r *model.Row) rules {
	b := &r.Behaviour.TLS
	of := rules{checkEnd: b.CheckTime, checkStart: b.RefuseEarly, checkUse: b.RefuseUse, noSHA2: b.RefuseSHA256}
	for _, t := range Trusted(r) {
		of.trust[slices.Index(anchorNames, t.Authority)] = true
	}
	return of
}
