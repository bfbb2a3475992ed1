package trust

import (
	"bytes"
	"crypto"
	_ "crypto/md5" // for the devices' certificates
	"crypto/rsa"
	"crypto/x509"
	"time"

	"spafleet/certs"
)

// Numbers of OpenSSL's verification, X509_V_ERR. The firmware writes them to its
// syslog, and sends the alert that belongs to them. A [Verdict] has them.
const (
	verifyOK          = 0
	NoIssuer          = 2  // of an authority that is in the store
	unreadable        = 4  // stands for a certificate that cannot be read: alert 42, nothing in the syslog
	noIssuerKey       = 6  // the issuer's key is none of RSA
	BadSignature      = 7  // or one that the firmware cannot read
	NotYetValid       = 9  // by the device's clock
	Expired           = 10 // likewise
	noMemory          = 17 // stands for authorities that could not be had
	SelfSigned        = 18 // the server's own
	SelfSignedInChain = 19 // an authority that is not in the store
	NoLocalIssuer     = 20 // of the last certificate, whose authority is not in the store
	chainTooLong      = 22 // stands for more certificates than the emulated device reads
	invalidCA         = 24 // an issuer that is no authority
	pathTooLong       = 25 //
	invalidPurpose    = 26 //
	unknownCritical   = 34 // an extension
	WrongName         = 50 // the firmware's own, after the handshake
)

const (
	deepest  = 10 // certificates of a chain: OpenSSL's depth of 9, and the server's own
	mostSent = 32 // certificates that are read; OpenSSL stops at 100 KiB
)

// rules are what a verification depends on besides the chain and the time.
// Firmwares with the same rules share verdicts.
type rules struct {
	trust      [6]bool // of anchorNames
	checkEnd   bool
	checkStart bool
	checkUse   bool
	noSHA2     bool
}

// A store is a firmware's trusted authorities, by subject, and its rules.
type store struct {
	rules
	anchors map[string][]*certs.Certificate
}

// A verdict holds from one second until before another: in between, no certificate
// of the chain begins or ends.
type verdict struct {
	key      *rsa.PublicKey
	number   int
	from, to int64 // seconds of Unix
	blame    blame
}

// verify judges a chain as OpenSSL 0.9.8 does, with the firmware's callback that
// forgives some errors; which of 0.9.7 and 0.9.8 the devices have is inferred, and
// so is what differs between them. The checks are in the order of the
// library, since a device reports the number of the first error.
func (s *store) verify(ders [][]byte, now time.Time) verdict {
	v := verdict{from: -1 << 62, to: 1 << 62}
	sent, number := readChain(ders)
	if number != 0 {
		v.number = number
		return v
	}
	v.key = sent[0].Key()
	chain, untrusted, number := s.build(sent)
	at := len(chain) - 1
	if number == 0 {
		number, at = s.checkExtensions(chain[:untrusted])
	}
	if number == 0 {
		number, at = s.checkSignatures(chain, now.Unix(), &v)
	}
	if v.number = number; number != 0 {
		v.blame = s.blameOf(chain, at, untrusted, number)
	}
	return v
}

func readChain(ders [][]byte) ([]*certs.Certificate, int) {
	switch {
	case len(ders) == 0:
		return nil, unreadable
	case len(ders) > mostSent:
		return nil, chainTooLong
	}
	sent := make([]*certs.Certificate, len(ders))
	for i, der := range ders {
		c, err := certs.ReadCertificate(der)
		if err != nil {
			return nil, unreadable
		}
		sent[i] = c
	}
	return sent, 0
}

// build follows the issuers, first among what the server sent in whatever order,
// then in the store. It returns the chain and how many of its certificates are not from
// the store.
func (s *store) build(sent []*certs.Certificate) (chain []*certs.Certificate, untrusted, number int) {
	chain = climb(sent)
	top := chain[len(chain)-1]
	var apart *certs.Certificate // a root that the server sent
	switch {
	case top.SelfIssued && len(chain) == 1:
		own := s.issuer(top)
		if own == nil || !bytes.Equal(own.Raw, top.Raw) {
			return chain, 1, SelfSigned
		}
		return chain, 0, 0
	case top.SelfIssued:
		apart, chain = top, chain[:len(chain)-1]
	}
	untrusted = len(chain)
	for len(chain) < deepest {
		next := s.issuer(chain[len(chain)-1])
		if next == nil {
			break
		}
		chain = append(chain, next)
		if next.SelfIssued {
			return chain, untrusted, 0
		}
	}
	switch {
	case apart != nil && apart.Issued(chain[len(chain)-1]):
		return chain, untrusted, SelfSignedInChain
	case len(chain) > untrusted:
		return chain, untrusted, NoIssuer
	}
	return chain, untrusted, NoLocalIssuer
}

// climb chains what the server sent, from its own certificate up.
func climb(sent []*certs.Certificate) []*certs.Certificate {
	chain, used := sent[:1:1], make([]bool, len(sent))
	for len(chain) < deepest {
		x, found := chain[len(chain)-1], false
		for i, c := range sent {
			if i > 0 && !used[i] && !x.SelfIssued && c.Issued(x) {
				chain, used[i], found = append(chain, c), true, true
				break
			}
		}
		if !found {
			break
		}
	}
	return chain
}

// issuer returns the trusted authority that issued a certificate, by all but the
// signature; nil where there is none.
func (s *store) issuer(c *certs.Certificate) *certs.Certificate {
	for _, a := range s.anchors[string(c.RawIssuer)] {
		if a.Issued(c) {
			return a
		}
	}
	return nil
}

// checkExtensions looks at what the certificates may be used for, from the
// server's own up, and returns which it stopped at. Those of the store are not
// checked.
func (s *store) checkExtensions(untrusted []*certs.Certificate) (number, at int) {
	for i, c := range untrusted {
		switch {
		case c.UnknownCritical:
			return unknownCritical, i
		case i > 0 && !c.IsAuthority():
			return invalidCA, i
		case s.checkUse && !c.ServesTLS(i > 0):
			return invalidPurpose, i
		case i > 1 && limit(c) >= 0 && i > limit(c)+1:
			return pathTooLong, i
		}
	}
	return 0, 0
}

// limit returns the most authorities that may stand between this one and the
// server's certificate, -1 for any.
func limit(c *certs.Certificate) int {
	if !c.BasicConstraintsValid || c.MaxPathLen == 0 && !c.MaxPathLenZero {
		return -1
	}
	return c.MaxPathLen
}

// checkSignatures looks at signatures and times, from the root down, and returns which
// certificate it stopped at.
func (s *store) checkSignatures(chain []*certs.Certificate, now int64, v *verdict) (number, at int) {
	issuer := chain[len(chain)-1]
	for i := len(chain) - 1; i >= 0; i-- {
		c := chain[i]
		if number := s.signed(issuer, c); number != 0 {
			return number, i
		}
		if number := s.checkTime(c, now, v); number != 0 {
			return number, i
		}
		issuer = c
	}
	return 0, 0
}

func (s *store) signed(issuer, c *certs.Certificate) int {
	switch {
	case issuer.Key() == nil:
		return noIssuerKey
	case s.noSHA2 && c.SignatureAlgorithm != x509.MD5WithRSA && c.SignatureAlgorithm != x509.SHA1WithRSA:
		return BadSignature
	}
	hash := hashes[c.SignatureAlgorithm]
	if hash == 0 {
		return BadSignature
	}
	h := hash.New()
	h.Write(c.RawTBSCertificate)
	if rsa.VerifyPKCS1v15(issuer.Key(), hash, h.Sum(nil), c.Signature) != nil {
		return BadSignature
	}
	return 0
}

// checkTime narrows the verdict's stretch to where its comparisons hold. A
// certificate has ended in its last second already: so does OpenSSL 0.9.8 read it.
func (s *store) checkTime(c *certs.Certificate, now int64, v *verdict) int {
	if s.checkStart && v.before(now, c.NotBefore) {
		return NotYetValid
	}
	if s.checkEnd && !v.before(now, c.NotAfter) {
		return Expired
	}
	return 0
}

// before reports whether a moment is still to come, and narrows the verdict to the
// time for which the answer stays the same.
func (v *verdict) before(now int64, moment time.Time) bool {
	at := moment.Unix()
	if now < at {
		v.to = min(v.to, at)
		return true
	}
	v.from = max(v.from, at)
	return false
}

// hashes are those of the signatures that can be read. SHA-2 beyond 256 bits goes
// with SHA-256.
var hashes = map[x509.SignatureAlgorithm]crypto.Hash{
	x509.MD5WithRSA: crypto.MD5, x509.SHA1WithRSA: crypto.SHA1, x509.SHA256WithRSA: crypto.SHA256,
	x509.SHA384WithRSA: crypto.SHA384, x509.SHA512WithRSA: crypto.SHA512,
}
