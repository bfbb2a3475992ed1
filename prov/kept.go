package prov

import (
	"bytes"
	"hash/maphash"
	"sync"

	"spafleet/device"
)

// A kept is the answers that were made last, one for each device, so that none is made
// again for a device that asks for the same. When it is full, it takes no answers of
// other devices.
type kept struct {
	mu      sync.Mutex
	answers map[device.Index]keptAnswer
	size    int // bytes, with what keeping them takes
	max     int
	seed    maphash.Seed
}

// A keptAnswer is a body with what it follows from beside the device.
type keptAnswer struct {
	route  *route
	origin uint64 // hash of the rest
	wanted bool   // it was wanted again
	body   []byte
}

// An origin is what a device's answer by a route follows from.
type origin struct {
	path        string
	asked, next uint32 // generations
}

func newKept(most int) kept { return kept{max: most, seed: maphash.MakeSeed()} }

// weight is what an answer takes: its bytes, and about so many of the map's.
func (a *keptAnswer) weight() int { return len(a.body) + 96 }

// origin returns the hash of what the answer to an exchange follows from.
func (k *kept) origin(x *exchange) uint64 {
	return maphash.Comparable(k.seed, origin{x.request.Path, x.rotation.Asked.Generation, x.rotation.Next.Generation})
}

// find returns the answer to an exchange, nil for none. It belongs to the core.
func (k *kept) find(r *route, x *exchange) []byte {
	dev, from := x.asker.Unit.Index, k.origin(x)
	k.mu.Lock()
	defer k.mu.Unlock()
	a, ok := k.answers[dev]
	if !ok || a.route != r || a.origin != from {
		return nil
	}
	if !a.wanted {
		a.wanted = true
		k.answers[dev] = a
	}
	return a.body
}

// keep takes a copy of the answer to an exchange. It takes the place of the device's last
// one, unless that is another route's and was wanted again: a device may ask for several
// files in turn.
func (k *kept) keep(r *route, x *exchange, body []byte) {
	a := keptAnswer{route: r, origin: k.origin(x), body: bytes.Clone(body)}
	dev := x.asker.Unit.Index
	k.mu.Lock()
	defer k.mu.Unlock()
	size := k.size + a.weight()
	if old, ok := k.answers[dev]; ok {
		if old.wanted && old.route != r {
			return
		}
		size -= old.weight()
	}
	if size > k.max {
		return
	}
	if k.answers == nil {
		k.answers = map[device.Index]keptAnswer{}
	}
	k.answers[dev], k.size = a, size
}

// forget lets go of all answers.
func (k *kept) forget() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.answers, k.size = nil, 0
}
