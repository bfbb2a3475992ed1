package device

import "fmt"

// A Shard is one machine's share of a fleet: of Count shards, device d belongs
// to number d mod Count. Everything that a device is, is a function of its index
// in the whole fleet, so the union of all shards is the fleet, whatever their
// number. The zero Shard, like Count 1, is the whole fleet.
type Shard struct {
	Index, Count int
	// Alone says that no other machine runs the other shards: this one is looked at by
	// itself, as the whole of what runs.
	Alone bool `json:",omitempty"`
}

// Only is the shard that has one device of a fleet and is run alone.
func Only(dev Index, total int) Shard {
	return Shard{Index: int(dev), Count: max(total, int(dev)+1), Alone: true}
}

// Check says what is wrong with a shard.
func (s Shard) Check() error {
	if s.Count < 0 || s.Index < 0 || s.Index >= s.of() {
		return fmt.Errorf("shard %d of %d: shards are numbered from 0 to one less than their count", s.Index, s.Count)
	}
	return nil
}

func (s Shard) of() int { return max(s.Count, 1) }

// Whole reports whether the shard is the whole fleet.
func (s Shard) Whole() bool { return s.of() == 1 }

// Others reports whether other machines run the rest of the fleet.
func (s Shard) Others() bool { return !s.Whole() && !s.Alone }

// Turns returns how many shards act in turn, and which of them this one is.
func (s Shard) Turns() (count, index int) {
	if !s.Others() {
		return 1, 0
	}
	return s.Count, s.Index
}

// Len returns how many of a fleet's first total devices belong to the shard.
func (s Shard) Len(total int) int {
	return max(total-s.Index+s.of()-1, 0) / s.of()
}

// Between returns how many devices from index first up to, without it, last
// belong to the shard.
func (s Shard) Between(first, last int) int { return s.Len(last) - s.Len(first) }

// Has reports whether a device belongs to the shard.
func (s Shard) Has(dev Index) bool { return int(dev)%s.of() == s.Index }

// Place returns a device's place among those of its shard, from 0.
func (s Shard) Place(dev Index) int { return int(dev) / s.of() }

// At returns the device at a place of the shard.
func (s Shard) At(place int) Index { return Index(place*s.of() + s.Index) }

// Part returns the shard's part of a number of things that all shards share,
// at least one of them.
func (s Shard) Part(n int) int { return max(s.Len(n), 1) }
