package ssl

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"fmt"
	"testing"
)

var digests = []crypto.Hash{crypto.MD5, crypto.SHA1, crypto.SHA256, crypto.MD5SHA1, crypto.SHA512}

// testKeys are several of each length, new in each run.
func testKeys(t testing.TB, lengths ...int) []*rsa.PrivateKey {
	t.Helper()
	var keys []*rsa.PrivateKey
	for _, bits := range lengths {
		for range 3 {
			key, err := rsa.GenerateKey(rand.Reader, bits)
			if err != nil {
				t.Fatal(err)
			}
			keys = append(keys, key)
		}
	}
	return keys
}

func random(n int) []byte {
	p := make([]byte, n)
	rand.Read(p)
	return p
}

func TestKeySignsAsTheStandardLibrary(t *testing.T) {
	for _, key := range testKeys(t, 1024, 1025, 1536, 2048) {
		own := NewKey(key)
		for range 20 {
			for _, hash := range digests {
				digest := random(hash.Size())
				want, err := rsa.SignPKCS1v15(nil, key, hash, digest)
				if err != nil {
					t.Fatal(err)
				}
				got, err := own.Sign(rand.Reader, digest, hash)
				if err != nil || !bytes.Equal(got, want) {
					t.Fatalf("%d bits, %v of %x: %x, %v; want %x", key.N.BitLen(), hash, digest, got, err, want)
				}
			}
		}
		if pub, ok := own.Public().(*rsa.PublicKey); !ok || !pub.Equal(&key.PublicKey) {
			t.Error("the public key is another one")
		}
		if _, err := own.Sign(nil, make([]byte, 5), crypto.SHA1); err == nil {
			t.Error("a digest that is too short was signed")
		}
		digest := random(crypto.SHA256.Size())
		sig, err := own.Sign(rand.Reader, digest, &rsa.PSSOptions{Hash: crypto.SHA256})
		if err != nil || rsa.VerifyPSS(&key.PublicKey, crypto.SHA256, digest, sig, nil) != nil {
			t.Errorf("PSS: %v", err)
		}
	}
}

func TestKeyDecryptsAsTheStandardLibrary(t *testing.T) {
	for _, key := range testKeys(t, 1024, 1027, 2048) {
		own := NewKey(key)
		for range 20 {
			secret := random(48)
			sealed, err := rsa.EncryptPKCS1v15(rand.Reader, &key.PublicKey, secret) //nolint:staticcheck // the padding under test
			if err != nil {
				t.Fatal(err)
			}
			if got, err := own.Decrypt(rand.Reader, sealed, nil); err != nil || !bytes.Equal(got, secret) {
				t.Errorf("%d bits: %x, %v; want %x", key.N.BitLen(), got, err, secret)
			}
			sealed, err = encrypt(new(counting), &key.PublicKey, secret)
			if err != nil {
				t.Fatal(err)
			}
			if got, err := key.Decrypt(rand.Reader, sealed, nil); err != nil || !bytes.Equal(got, secret) {
				t.Errorf("own encryption with %d bits: %x, %v; want %x", key.N.BitLen(), got, err, secret)
			}
			broken := random(key.Size())
			if got, err := own.Decrypt(rand.Reader, broken, nil); err == nil {
				if want, err := key.Decrypt(rand.Reader, broken, nil); err != nil || !bytes.Equal(got, want) {
					t.Errorf("chance was decrypted as %x, %v", got, err)
				}
			}
			options := &rsa.PKCS1v15DecryptOptions{SessionKeyLen: 48} //nolint:staticcheck // the padding under test
			if got, err := own.Decrypt(rand.Reader, sealed, options); err != nil || !bytes.Equal(got, secret) {
				t.Errorf("with a session key length: %x, %v", got, err)
			}
		}
		if _, err := own.Decrypt(rand.Reader, make([]byte, key.Size()+1), nil); !errors.Is(err, rsa.ErrDecryption) {
			t.Errorf("a message too long: %v", err)
		}
	}
}

func BenchmarkSign(b *testing.B) {
	for _, bits := range []int{1024, 1536, 2048} {
		key := testKeys(b, bits)[0]
		digest := random(36)
		own := &Key{key: key, power: remaindersOf(key).power}
		for name, signer := range map[string]crypto.Signer{"rsa": key, "big": own, "key": NewKey(key)} {
			b.Run(fmt.Sprint(bits, name), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					if _, err := signer.Sign(rand.Reader, digest, crypto.MD5SHA1); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
