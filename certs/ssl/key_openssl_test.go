//go:build openssl

package ssl

import (
	"strings"
	"testing"
)

// Without it the tests of keys would be of Go's arithmetic, and nobody would see it.
func TestKeysAreComputedByOpenSSL(t *testing.T) {
	if by := Computed(); !strings.HasPrefix(by, "OpenSSL ") {
		t.Errorf("keys are computed by %s", by)
	}
	for _, key := range testKeys(t, 1024, 2048) {
		if NewKey(key).power == nil {
			t.Errorf("a key of %d bits is left to the standard library", key.N.BitLen())
		}
	}
}
