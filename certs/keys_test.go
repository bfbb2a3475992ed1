package certs_test

import (
	"fmt"
	"testing"

	"spafleet/certs"
)

func TestKeysAreOfTheLengthThatWasAskedFor(t *testing.T) {
	for _, bits := range []int{1024, 1536, 2048} {
		for i := range 5 {
			key, err := certs.NewKey(1, fmt.Sprint(i), bits)
			if err != nil {
				t.Fatal(err)
			}
			if got := key.N.BitLen(); got != bits {
				t.Errorf("key %d: %d bits, want %d", i, got, bits)
			}
			for _, p := range key.Primes {
				if p.BitLen() != bits/2 || !p.ProbablyPrime(32) {
					t.Errorf("key %d: %d is no prime of %d bits", i, p, bits/2)
				}
			}
			if err := key.Validate(); err != nil {
				t.Errorf("key %d: %v", i, err)
			}
		}
	}
}

func TestKeysDependOnSeedLabelAndLength(t *testing.T) {
	base, err := certs.NewKey(1, "a", 1024)
	if err != nil {
		t.Fatal(err)
	}
	for _, other := range []struct {
		seed  uint64
		label string
	}{{2, "a"}, {1, "b"}, {11, ""}} {
		key, err := certs.NewKey(other.seed, other.label, 1024)
		if err != nil {
			t.Fatal(err)
		}
		if key.Equal(base) {
			t.Errorf("seed %d, label %q: the same key", other.seed, other.label)
		}
	}
}

func BenchmarkNewKey(b *testing.B) {
	for _, bits := range []int{1024, 2048} {
		b.Run(fmt.Sprint(bits), func(b *testing.B) {
			i := 0
			for b.Loop() {
				if _, err := certs.NewKey(1, fmt.Sprint(i), bits); err != nil {
					b.Fatal(err)
				}
				i++
			}
		})
	}
}
