package certs_test

import (
	"testing"

	"spafleet/certs"
	"spafleet/device"
	"spafleet/device/devicetest"
)

// BenchmarkMint makes certificates of 1024-bit authorities, each for another
// device, with the pool of keys made as they come: 100,000 shall take a minute
// of one core, which is 600 µs each.
func BenchmarkMint(b *testing.B) {
	for _, name := range []string{"SPA2102", "PAP2", "SPA504G"} {
		b.Run(name, func(b *testing.B) {
			row := devicetest.Turned(b, name, "", map[string]string{"client_root": "early"})
			h := &certs.Holder{PKI: certs.New(1)}
			i := device.Index(0)
			for b.Loop() {
				u := device.NewUnit(row, 1, i, device.Unit{}.IP)
				if _, _, err := h.Certificate(&u); err != nil {
					b.Fatal(err)
				}
				i++
			}
		})
	}
}

// BenchmarkHeld asks for a certificate that is there.
func BenchmarkHeld(b *testing.B) {
	row := devicetest.Row(b, "SPA2102", "")
	h := &certs.Holder{PKI: certs.New(1)}
	u := device.NewUnit(row, 1, 0, device.Unit{}.IP)
	for b.Loop() {
		if _, _, err := h.Certificate(&u); err != nil {
			b.Fatal(err)
		}
	}
}
