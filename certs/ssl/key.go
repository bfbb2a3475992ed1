package ssl

import (
	"crypto"
	"crypto/rsa"
	"fmt"
	"io"
	"math/big"
)

// A Key is an RSA key that signs and decrypts as PKCS #1 v1.5 has it, with the
// same results as the *rsa.PrivateKey it was made from. Up to 1,536 bits it is
// faster: there the standard library's arithmetic, which takes the same time for
// every key, has no assembly for the halves of the key. A Key's time depends on
// the key. In a program that was built with the tag openssl, OpenSSL computes it
// all; see [Computed].
type Key struct {
	key *rsa.PrivateKey
	// power raises a message, below N and as long as N, to the private exponent; nil
	// where the standard library is faster.
	power func(message []byte) []byte
}

// NewKey prepares a key, which must not be changed afterwards.
func NewKey(key *rsa.PrivateKey) *Key { return &Key{key: key, power: powerOf(key)} }

// mostOwnBits is the longest key computed with math/big. From 2,048 bits on the
// standard library is faster.
const mostOwnBits = 1536

// goPowerOf is powerOf without OpenSSL.
func goPowerOf(key *rsa.PrivateKey) func([]byte) []byte {
	if key.N.BitLen() > mostOwnBits {
		return nil
	}
	if r := remaindersOf(key); r != nil {
		return r.power
	}
	return nil
}

// remainders are a key's numbers of the Chinese remainder theorem.
type remainders struct {
	p, q, dp, dq, qInv *big.Int
	size               int
}

// remaindersOf returns them; nil where the key has more than two primes or is none.
func remaindersOf(key *rsa.PrivateKey) *remainders {
	if len(key.Primes) != 2 {
		return nil
	}
	one := big.NewInt(1)
	p, q := key.Primes[0], key.Primes[1]
	r := &remainders{p: p, q: q, size: key.Size()}
	r.dp = new(big.Int).Mod(key.D, new(big.Int).Sub(p, one))
	r.dq = new(big.Int).Mod(key.D, new(big.Int).Sub(q, one))
	if r.qInv = new(big.Int).ModInverse(q, p); r.qInv == nil {
		return nil
	}
	return r
}

// Public returns the public key, a *rsa.PublicKey.
func (k *Key) Public() crypto.PublicKey { return k.key.Public() }

// digestInfos precede the hash in a signature; MD5SHA1 has none.
var digestInfos = map[crypto.Hash]string{
	crypto.MD5:     "\x30\x20\x30\x0c\x06\x08\x2a\x86\x48\x86\xf7\x0d\x02\x05\x05\x00\x04\x10",
	crypto.SHA1:    "\x30\x21\x30\x09\x06\x05\x2b\x0e\x03\x02\x1a\x05\x00\x04\x14",
	crypto.SHA256:  "\x30\x31\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\x05\x00\x04\x20",
	crypto.MD5SHA1: "",
}

// Sign signs a digest; rand is not used where the options ask for PKCS #1 v1.5.
func (k *Key) Sign(rand io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	info, known := digestInfos[opts.HashFunc()]
	if _, pss := opts.(*rsa.PSSOptions); k.power == nil || pss || !known {
		return k.key.Sign(rand, digest, opts)
	}
	size := k.key.Size()
	if len(digest) != opts.HashFunc().Size() {
		return nil, fmt.Errorf("sign: a digest of %d bytes is none of %v", len(digest), opts.HashFunc())
	}
	if size < len(info)+len(digest)+11 {
		return nil, rsa.ErrMessageTooLong
	}
	m := make([]byte, size)
	m[1] = 1
	rest := m[size-len(digest)-len(info):]
	for i := 2; i < size-len(rest)-1; i++ {
		m[i] = 0xff
	}
	copy(rest[copy(rest, info):], digest)
	return k.power(m), nil
}

// Decrypt decrypts PKCS #1 v1.5; with options the standard library does it.
func (k *Key) Decrypt(rand io.Reader, sealed []byte, opts crypto.DecrypterOpts) ([]byte, error) {
	if k.power == nil || opts != nil {
		return k.key.Decrypt(rand, sealed, opts)
	}
	return k.unpad(sealed)
}

// unpad decrypts, and returns what follows the padding.
func (k *Key) unpad(sealed []byte) ([]byte, error) {
	if len(sealed) > k.key.Size() || new(big.Int).SetBytes(sealed).Cmp(k.key.N) >= 0 {
		return nil, rsa.ErrDecryption
	}
	m := k.power(append(make([]byte, k.key.Size()-len(sealed)), sealed...))
	if m[0] != 0 || m[1] != 2 {
		return nil, rsa.ErrDecryption
	}
	for i, b := range m[2:] {
		if b == 0 && i >= 8 {
			return m[2+i+1:], nil
		} else if b == 0 {
			break
		}
	}
	return nil, rsa.ErrDecryption
}

func (r *remainders) power(message []byte) []byte {
	m := new(big.Int).SetBytes(message)
	var a, b big.Int
	a.Exp(a.Mod(m, r.p), r.dp, r.p)
	b.Exp(b.Mod(m, r.q), r.dq, r.q)
	m.Sub(&a, &b)
	m.Mul(m, r.qInv)
	m.Mod(m, r.p)
	m.Mul(m, r.q)
	m.Add(m, &b)
	return m.FillBytes(make([]byte, r.size))
}
