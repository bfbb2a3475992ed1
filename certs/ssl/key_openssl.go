//go:build openssl

package ssl

import (
	"crypto/rsa"
	"fmt"
	"math/big"
	"sync"

	"github.com/golang-fips/openssl/v2"
	"github.com/golang-fips/openssl/v2/bbig"
)

// libraries are the names of OpenSSL's library, the newest first.
var libraries = []string{"libcrypto.so.3", "libcrypto.so.1.1", "libcrypto.3.dylib"}

// load finds OpenSSL, once, and returns why it cannot be used.
var load = sync.OnceValue(func() error {
	for _, name := range libraries {
		if found, _ := openssl.CheckVersion(name); !found {
			continue
		}
		if err := openssl.Init(name); err != nil {
			return fmt.Errorf("%s cannot be used: %w", name, err)
		}
		return nil
	}
	return fmt.Errorf("none of %q is on this machine", libraries)
})

// Computed says what computes RSA in this program. Without OpenSSL it is Go.
func Computed() string {
	if err := load(); err != nil {
		return fmt.Sprintf("Go, since OpenSSL was not found: %v", err)
	}
	return openssl.VersionText()
}

func powerOf(key *rsa.PrivateKey) func([]byte) []byte {
	if load() != nil {
		return goPowerOf(key)
	}
	r := remaindersOf(key)
	if r == nil {
		return nil
	}
	priv, err := openssl.NewPrivateKeyRSA(bbig.Enc(key.N), bbig.Enc(big.NewInt(int64(key.E))), bbig.Enc(key.D),
		bbig.Enc(r.p), bbig.Enc(r.q), bbig.Enc(r.dp), bbig.Enc(r.dq), bbig.Enc(r.qInv))
	if err != nil {
		return nil
	}
	return func(message []byte) []byte {
		m, err := openssl.DecryptRSANoPadding(priv, message)
		if err != nil { // the key was checked, and the message is below N
			return r.power(message)
		}
		return m
	}
}
