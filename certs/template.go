package certs

import (
	"crypto"
	_ "crypto/md5" // the Sipura authority signs with it
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"fmt"
	"math/big"
	"net"
	"time"
)

// A template is a certificate before it is signed. It is encoded here because
// crypto/x509 signs nothing with MD5, and because servers read the subjects of
// devices letter by letter.
type template struct {
	serial          []byte // big-endian; nil: made from all else
	hash            crypto.Hash
	issuer, subject []byte // names, DER
	from, to        time.Time
	key             []byte   // SubjectPublicKeyInfo
	extensions      [][]byte // in their order
}

// algorithms are what signatures are made with.
var algorithms = map[crypto.Hash][]byte{
	crypto.MD5:    rsaWith(4),
	crypto.SHA1:   rsaWith(5),
	crypto.SHA256: rsaWith(11),
}

func rsaWith(n int) []byte {
	return der(tagSequence, oid(1, 2, 840, 113549, 1, 1, n), der(tagNull))
}

// sign returns the certificate, DER. Signatures of PKCS #1 v1.5 are not random: the
// same template gives the same bytes.
func (t *template) sign(by crypto.Signer) ([]byte, error) {
	algorithm, ok := algorithms[t.hash]
	if !ok {
		return nil, fmt.Errorf("sign certificate: hash %s is not one of MD5, SHA-1, SHA-256", t.hash)
	}
	tbs := t.tbs(algorithm)
	h := t.hash.New()
	h.Write(tbs)
	signature, err := by.Sign(nil, h.Sum(nil), t.hash)
	if err != nil {
		return nil, fmt.Errorf("sign certificate: %w", err)
	}
	return der(tagSequence, tbs, algorithm, bits(signature)), nil
}

// tbs returns the part that is signed.
func (t *template) tbs(algorithm []byte) []byte {
	rest := [][]byte{
		algorithm,
		t.issuer,
		der(tagSequence, moment(t.from), moment(t.to)),
		t.subject,
		t.key,
		der(tagConstructed|3, der(tagSequence, t.extensions...)),
	}
	serial := t.serial
	if serial == nil {
		serial = serialOf(rest)
	}
	version3 := der(tagConstructed, der(tagInteger, []byte{2}))
	return der(tagSequence, append([][]byte{version3, der(tagInteger, positive(serial))}, rest...)...)
}

// serialOf returns a serial number of 16 bytes, as the makers' are: no two
// certificates that differ share one.
func serialOf(parts [][]byte) []byte {
	h := sha256.New()
	for _, p := range parts {
		h.Write(p)
	}
	serial := h.Sum(nil)[:16]
	serial[0] &= 0x7f
	return serial
}

// publicKey returns the SubjectPublicKeyInfo of a key.
func publicKey(key *rsa.PublicKey) []byte {
	return der(tagSequence, rsaWith(1), bits(rsaPublicKey(key)))
}

// rsaPublicKey returns the RSAPublicKey, of which the key identifier is made.
func rsaPublicKey(key *rsa.PublicKey) []byte {
	return der(tagSequence, unsigned(key.N), unsigned(big.NewInt(int64(key.E))))
}

// rsaOf returns the public half of a signer.
func rsaOf(key crypto.Signer) (*rsa.PublicKey, error) {
	if p, ok := key.Public().(*rsa.PublicKey); ok {
		return p, nil
	}
	return nil, errNotRSA
}

// Extensions. None is critical in what was seen of the makers' (field).
var (
	oidSubjectKeyID     = oid(2, 5, 29, 14)
	oidKeyUsage         = oid(2, 5, 29, 15)
	oidSubjectAltName   = oid(2, 5, 29, 17)
	oidBasicConstraints = oid(2, 5, 29, 19)
	oidAuthorityKeyID   = oid(2, 5, 29, 35)
	oidExtKeyUsage      = oid(2, 5, 29, 37)
	oidServerAuth       = oid(1, 3, 6, 1, 5, 5, 7, 3, 1)
	oidClientAuth       = oid(1, 3, 6, 1, 5, 5, 7, 3, 2)
	oidNetscapeType     = oid(2, 16, 840, 1, 113730, 1, 1)
	oidNetscapeComment  = oid(2, 16, 840, 1, 113730, 1, 13)
)

func extension(id []byte, value []byte) []byte {
	return der(tagSequence, id, der(tagOctets, value))
}

func basicConstraints(authority bool) []byte {
	if authority {
		return extension(oidBasicConstraints, der(tagSequence, der(tagBoolean, []byte{0xff})))
	}
	return extension(oidBasicConstraints, der(tagSequence))
}

// keyID is SHA-1 of the key, as OpenSSL's "hash" (inferred).
func keyID(key *rsa.PublicKey) []byte {
	sum := sha1.Sum(rsaPublicKey(key))
	return sum[:]
}

func subjectKeyID(key *rsa.PublicKey) []byte {
	return extension(oidSubjectKeyID, der(tagOctets, keyID(key)))
}

// authorityKeyIDOf names an authority.
func authorityKeyIDOf(by *Authority) []byte {
	return authorityKeyID(by.Cert.SubjectKeyId, by.Cert.RawIssuer, by.Cert.SerialNumber.Bytes())
}

// authorityKeyID names an authority thrice: by its key, and by its issuer and serial
// number, which its sisters share.
func authorityKeyID(key, issuer, serial []byte) []byte {
	return extension(oidAuthorityKeyID, der(tagSequence,
		der(tagContext, key),
		der(tagConstructed|1, der(tagConstructed|4, issuer)),
		der(tagContext|2, positive(serial))))
}

// Netscape's certificate types: the byte and how many of its bits are not used.
var (
	netscapeClient    = [2]byte{7, 0x80}
	netscapeServer    = [2]byte{6, 0x40}
	netscapeAuthority = [2]byte{2, 0x04}
)

func netscapeType(t [2]byte) []byte {
	return extension(oidNetscapeType, der(tagBits, t[:]))
}

func netscapeComment(text string) []byte {
	return extension(oidNetscapeComment, der(tagIA5, []byte(text)))
}

func extKeyUsage(purpose []byte) []byte {
	return extension(oidExtKeyUsage, der(tagSequence, purpose))
}

// keyUsage takes the bits with the number of those not used in front.
func keyUsage(b [2]byte) []byte { return extension(oidKeyUsage, der(tagBits, b[:])) }

// subjectAltName takes host names and addresses.
func subjectAltName(hosts []string) []byte {
	var names [][]byte
	for _, host := range hosts {
		switch ip := net.ParseIP(host); {
		case ip == nil:
			names = append(names, der(tagContext|2, []byte(host)))
		case ip.To4() != nil:
			names = append(names, der(tagContext|7, ip.To4()))
		default:
			names = append(names, der(tagContext|7, ip))
		}
	}
	return extension(oidSubjectAltName, der(tagSequence, names...))
}
