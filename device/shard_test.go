package device_test

import (
	"testing"

	"pgregory.net/rapid"

	"spafleet/device"
)

func TestShardsAreDisjointAndTheirUnionIsTheFleet(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		total := rapid.IntRange(0, 500).Draw(t, "devices")
		count := rapid.IntRange(1, 40).Draw(t, "shards")
		owner := make([]int, total)
		for i := range count {
			s := device.Shard{Index: i, Count: count}
			if err := s.Check(); err != nil {
				t.Fatal(err)
			}
			for place := range s.Len(total) {
				dev := s.At(place)
				if int(dev) >= total || !s.Has(dev) || s.Place(dev) != place {
					t.Fatalf("place %d of %+v is device %d: %t, place %d", place, s, dev, s.Has(dev), s.Place(dev))
				}
				owner[dev]++
			}
		}
		for dev, n := range owner {
			if n != 1 {
				t.Fatalf("device %d is in %d shards", dev, n)
			}
		}
	})
}

func TestBetweenCountsTheDevicesOfAStretch(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := device.Shard{Count: rapid.IntRange(1, 9).Draw(t, "shards")}
		s.Index = rapid.IntRange(0, s.Count-1).Draw(t, "index")
		first := rapid.IntRange(0, 60).Draw(t, "first")
		last := rapid.IntRange(first, 90).Draw(t, "last")
		want := 0
		for dev := first; dev < last; dev++ {
			if s.Has(device.Index(dev)) {
				want++
			}
		}
		if got := s.Between(first, last); got != want {
			t.Fatalf("%+v has %d of %d to %d, want %d", s, got, first, last, want)
		}
	})
}

func TestTheZeroShardIsTheWholeFleet(t *testing.T) {
	for _, s := range []device.Shard{{}, {Count: 1}} {
		if !s.Whole() || s.Check() != nil || s.Len(7) != 7 || s.At(3) != 3 || !s.Has(6) {
			t.Errorf("%+v", s)
		}
	}
	for _, s := range []device.Shard{{Index: 1}, {Index: 3, Count: 3}, {Index: -1, Count: 2}, {Count: -1}} {
		if s.Check() == nil {
			t.Errorf("%+v is taken", s)
		}
	}
}
