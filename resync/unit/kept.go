package unit

import (
	"encoding/binary"
	"slices"
	"sync"

	"spafleet/device/model"
)

// keptSets numbers the sets of extra files that devices have in flash, so that a
// device holds a number alone: those of a fleet have much in common. Number 0 is the
// empty set. A set that no device has any more gives its number back. It is safe
// for concurrent use.
type keptSets struct {
	mu      sync.RWMutex
	sets    []keptSet         // set n is at n-1
	numbers map[string]uint32 // by packed keys
	free    []uint32
}

// A keptSet is keys of files, packed in ascending order, and how many devices have
// just these.
type keptSet struct {
	packed  string
	devices int
}

// keys returns the keys of a set.
func (k *keptSets) keys(number uint32) []uint64 { return unpackKeys(k.packed(number)) }

func (k *keptSets) packed(number uint32) string {
	if number == 0 {
		return ""
	}
	k.mu.RLock()
	defer k.mu.RUnlock()
	return k.sets[number-1].packed
}

// has reports whether a file is in a set.
func (k *keptSets) has(number uint32, key uint64) bool {
	packed := k.packed(number)
	for ; packed != ""; packed = packed[8:] {
		if unpackKey(packed) == key {
			return true
		}
	}
	return false
}

// with returns the set that a device has from now on in place of another one: it
// has a new file, in place of the earlier one of the same parameter.
func (k *keptSets) with(number uint32, x *model.Extra) uint32 {
	keys := slices.DeleteFunc(k.keys(number), x.Replaces)
	return k.swap(number, append(keys, x.Key))
}

// swap takes a set from a device and gives it another.
func (k *keptSets) swap(number uint32, keys []uint64) uint32 {
	k.mu.Lock()
	defer k.mu.Unlock()
	next := k.take(packKeys(keys))
	if number != 0 {
		k.release(number)
	}
	return next
}

func (k *keptSets) take(packed string) uint32 {
	if packed == "" {
		return 0
	}
	number, known := k.numbers[packed]
	if !known {
		number = k.vacant()
		if k.numbers == nil {
			k.numbers = map[string]uint32{}
		}
		k.numbers[packed] = number
		k.sets[number-1].packed = packed
	}
	k.sets[number-1].devices++
	return number
}

// vacant returns a number that no set has.
func (k *keptSets) vacant() uint32 {
	if n := len(k.free); n > 0 {
		number := k.free[n-1]
		k.free = k.free[:n-1]
		return number
	}
	k.sets = append(k.sets, keptSet{})
	return uint32(len(k.sets))
}

func (k *keptSets) release(number uint32) {
	s := &k.sets[number-1]
	if s.devices--; s.devices > 0 {
		return
	}
	delete(k.numbers, s.packed)
	*s = keptSet{}
	k.free = append(k.free, number)
}

func packKeys(keys []uint64) string {
	slices.Sort(keys)
	packed := make([]byte, 0, 8*len(keys))
	for _, key := range slices.Compact(keys) {
		packed = binary.BigEndian.AppendUint64(packed, key)
	}
	return string(packed)
}

func unpackKeys(packed string) (keys []uint64) {
	for ; packed != ""; packed = packed[8:] {
		keys = append(keys, unpackKey(packed))
	}
	return keys
}

func unpackKey(packed string) uint64 { return binary.BigEndian.Uint64([]byte(packed[:8])) }
