package chance_test

import (
	"testing"

	"spafleet/device/chance"
)

func TestDrawsAreEvenAndDiffer(t *testing.T) {
	var buckets [10]int
	for dev := range uint32(10_000) {
		d := chance.Draw(1, dev, chance.Boot, 0)
		buckets[int(d*10)]++
	}
	for i, n := range buckets {
		if n < 850 || n > 1150 {
			t.Errorf("tenth %d has %d of 10000 draws", i, n)
		}
	}
	first := chance.Draw(1, 5, chance.Boot, 0)
	for what, other := range map[string]float64{
		"seed": chance.Draw(2, 5, chance.Boot, 0), "device": chance.Draw(1, 6, chance.Boot, 0),
		"purpose": chance.Draw(1, 5, chance.Timer, 0), "count": chance.Draw(1, 5, chance.Boot, 1),
	} {
		if other == first {
			t.Errorf("another %s changes nothing", what)
		}
	}
}

// A number that changed would change what every seed decides.
func TestPurposesKeepTheirNumbers(t *testing.T) {
	for purpose, want := range map[chance.Purpose]uint8{
		chance.Boot: 1, chance.Timer: 2, chance.Upgrade: 3, chance.Order: 4, chance.Nonce: 5, chance.Network: 6,
		chance.Sample: 200, chance.Pace: 202,
	} {
		if uint8(purpose) != want {
			t.Errorf("purpose %d, want %d", purpose, want)
		}
	}
	if got := chance.Hash(1, 2, 3); got != 0xcc823493c15d2618 {
		t.Errorf("Hash(1, 2, 3) = %#x", got)
	}
}
