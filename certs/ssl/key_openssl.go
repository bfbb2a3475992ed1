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

// load finds OpenSSL, once. A program that was built for it does not go on without it:
// what it measures would be another program's.
var load = sync.OnceFunc(func() {
	for _, name := range libraries {
		if found, _ := openssl.CheckVersion(name); !found {
			continue
		}
		if err := openssl.Init(name); err != nil {
			panic(fmt.Sprintf("this program was built with the tag openssl, and %s cannot be used: %v; build it without the tag", name, err))
		}
		return
	}
	panic(fmt.Sprintf("this program was built with the tag openssl, and none of %q is on this machine; install OpenSSL, or build it without the tag", libraries))
})

// Computed says what computes RSA in this program.
func Computed() string {
	load()
	return openssl.VersionText()
}

func powerOf(key *rsa.PrivateKey) func([]byte) []byte {
	load()
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
