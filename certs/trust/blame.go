package trust

import (
	"cmp"
	"crypto/rsa"
	"crypto/x509"
	"fmt"
	"time"

	"spafleet/certs"
	"spafleet/device/model"
)

// A blame says which certificate of a chain a refusal is about, for a person.
type blame struct {
	who    string // such as: the server's certificate "prov.example.com"
	issuer string // the name of its authority
	what   string // of its signature: why it does not verify
	from   time.Time
	to     time.Time
	// sameName says that an authority of the issuer's name is trusted. Where a refusal
	// is about the issuer, its key must be another one.
	sameName bool
}

func (s *store) blameOf(chain []*certs.Certificate, at, untrusted, number int) blame {
	c := chain[at]
	b := blame{who: role(c, at, untrusted), issuer: c.Issuer.CommonName, from: c.NotBefore, to: c.NotAfter, sameName: len(s.anchors[string(c.RawIssuer)]) > 0}
	b.issuer = cmp.Or(b.issuer, c.Issuer.String())
	if number == BadSignature {
		b.what = "was not made with the key of the authority that it names"
		switch c.SignatureAlgorithm {
		case x509.MD5WithRSA, x509.SHA1WithRSA:
		default:
			if s.noSHA2 || hashes[c.SignatureAlgorithm] == 0 {
				b.what = "is " + c.SignatureAlgorithm.String()
			}
		}
	}
	return b
}

// role names a certificate by its place: the first is the server's, and those from the
// store are authorities.
func role(c *certs.Certificate, at, untrusted int) string {
	name := cmp.Or(c.Subject.CommonName, c.Subject.String())
	switch {
	case at == 0:
		return fmt.Sprintf("the server's certificate %.80q", name)
	case at < untrusted:
		return fmt.Sprintf("certificate %d of the server's chain, %.80q,", at+1, name)
	}
	return fmt.Sprintf("the authority %.80q", name)
}

// Unreadable says why a firmware cannot read a trusted authority, with its evidence;
// "" where it can.
func Unreadable(r *model.Row, a *x509.Certificate) string {
	switch a.SignatureAlgorithm {
	case x509.MD5WithRSA, x509.SHA1WithRSA:
	default:
		if r.Behaviour.TLS.RefuseSHA256 || hashes[a.SignatureAlgorithm] == 0 {
			return fmt.Sprintf("its signature is %s (%s)", a.SignatureAlgorithm, known(r, "cert_sha256"))
		}
	}
	if _, ok := a.PublicKey.(*rsa.PublicKey); !ok {
		return "its key is none of RSA (" + model.Inferred.String() + ")"
	}
	return ""
}
