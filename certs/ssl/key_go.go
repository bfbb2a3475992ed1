//go:build !openssl

package ssl

import "crypto/rsa"

// Computed says what computes RSA in this program.
func Computed() string { return "Go" }

func powerOf(key *rsa.PrivateKey) func([]byte) []byte { return goPowerOf(key) }
