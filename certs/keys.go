package certs

import (
	"crypto/rsa"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math/big"
)

// exponent is the public exponent of every key.
const exponent = 65537

// newKey returns the RSA key that belongs to a seed and a label: the same one in
// every process. It is for tests only: anyone with the seed has the key.
func newKey(seed uint64, label string, bits int) (*rsa.PrivateKey, error) {
	if bits < 1024 || bits > 8192 || bits%16 != 0 {
		return nil, fmt.Errorf("an RSA key of %d bits is not made here: use 1024 or 2048", bits)
	}
	s := newStream(seed, label, bits)
	p, q := s.prime(bits/2), s.prime(bits/2)
	if p.Cmp(q) < 0 {
		p, q = q, p
	}
	one := big.NewInt(1)
	phi := new(big.Int).Mul(new(big.Int).Sub(p, one), new(big.Int).Sub(q, one))
	key := &rsa.PrivateKey{
		PublicKey: rsa.PublicKey{N: new(big.Int).Mul(p, q), E: exponent},
		D:         new(big.Int).ModInverse(big.NewInt(exponent), phi),
		Primes:    []*big.Int{p, q},
	}
	key.Precompute()
	if err := key.Validate(); err != nil {
		return nil, fmt.Errorf("make key %s: %w", label, err)
	}
	return key, nil
}

// A keyName is all that a key depends on.
type keyName struct {
	seed  uint64
	label string
	bits  int
}

// made are the keys of authorities, servers and pools that were used last, of all
// PKIs: those who run a scenario again and again open one of the same seed each time.
var made onceCache[keyName, *rsa.PrivateKey]

// mostMade is all the authorities, pools and servers of a few seeds; a key is 2 KB.
const mostMade = 256

// keptKey is newKey for keys that are likely to be asked for again.
func keptKey(seed uint64, label string, bits int) (*rsa.PrivateKey, error) {
	return made.get(keyName{seed, label, bits}, mostMade, func() (*rsa.PrivateKey, error) { return newKey(seed, label, bits) })
}

// A stream is endless bytes that are a function of seed and label: SHA-256 of
// both and a count.
type stream struct {
	root  [32]byte
	count uint64
	rest  []byte
}

func newStream(seed uint64, label string, bits int) *stream {
	return &stream{root: sha256.Sum256(fmt.Appendf(nil, "spafleet key\x00%d\x00%s\x00%d", seed, label, bits))}
}

// read fills b.
func (s *stream) read(b []byte) {
	for len(b) > 0 {
		if len(s.rest) == 0 {
			sum := sha256.Sum256(binary.BigEndian.AppendUint64(s.root[:], s.count))
			s.rest = sum[:]
			s.count++
		}
		n := copy(b, s.rest)
		b, s.rest = b[n:], s.rest[n:]
	}
}

// window is how many odd numbers behind a drawn one are looked at.
const window = 4096

// prime returns a prime of exactly so many bits, with both upper bits set, so
// that the product of two has all its bits; less one it is not divisible by the
// exponent.
func (s *stream) prime(length int) *big.Int {
	b := make([]byte, length/8)
	for {
		s.read(b)
		b[0] |= 0xc0
		b[len(b)-1] |= 1
		if p := primeFrom(new(big.Int).SetBytes(b)); p != nil && p.BitLen() == length {
			return p
		}
	}
}

// rounds of Miller and Rabin's test, beside one by Lucas sequences. The numbers are
// drawn, not an opponent's: for 512 bits, five rounds alone err once in 2^80.
const rounds = 5

// primeFrom returns the first fitting prime of the window that begins at an odd
// number; nil where there is none.
func primeFrom(first *big.Int) *big.Int {
	composite := sieve(first)
	p, less := new(big.Int), new(big.Int)
	e := big.NewInt(exponent)
	for i := range composite {
		if composite[i] {
			continue
		}
		p.Add(first, big.NewInt(int64(2*i)))
		fits := new(big.Int).Mod(less.Sub(p, big.NewInt(1)), e).Sign() != 0
		if fits && p.ProbablyPrime(rounds) {
			return p
		}
	}
	return nil
}

// sieve marks which of the odd numbers first, first+2, … small primes divide.
func sieve(first *big.Int) *[window]bool {
	composite := new([window]bool)
	rest, divisor := new(big.Int), new(big.Int)
	for _, small := range smallPrimes {
		p := int(small)
		r := int(rest.Mod(first, divisor.SetInt64(int64(p))).Int64())
		// first + 2i is divisible where i = -r/2 mod p, and 1/2 is (p+1)/2.
		for i := (p - r) * (p + 1) / 2 % p; i < window; i += p {
			composite[i] = true
		}
	}
	return composite
}

// smallPrimes are the odd primes below 2^13.
var smallPrimes = func() (list []uint16) {
	var composite [1 << 13]bool
	for n := 3; n < len(composite); n += 2 {
		if composite[n] {
			continue
		}
		list = append(list, uint16(n))
		for m := n * n; m < len(composite); m += 2 * n {
			composite[m] = true
		}
	}
	return list
}()
