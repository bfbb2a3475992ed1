package prov

import (
	"sync"

	"spafleet/device"
)

// A kept is the answers that were made last, so that none is made again for a device
// that asks for the same: each device's last one of each route. When it is full, it
// takes no answers of other devices.
type kept struct {
	mu      sync.Mutex
	answers map[keptFor]keptAnswer
	size    int // bytes, with what keeping them takes
	max     int
}

type keptFor struct {
	route *route
	dev   device.Index
}

// A keptAnswer is a body with what it follows from beside route and device.
type keptAnswer struct {
	path        string
	asked, next uint32 // generations
	body        []byte
}

// weight is what an answer takes: its bytes, and about so many of the map's.
func (a *keptAnswer) weight() int { return len(a.path) + len(a.body) + 160 }

// find returns the answer to an exchange, nil for none.
func (k *kept) find(r *route, x *exchange) []byte {
	k.mu.Lock()
	defer k.mu.Unlock()
	a, ok := k.answers[keptFor{r, x.asker.Unit.Index}]
	if !ok || a.path != x.request.Path || a.asked != x.rotation.Asked.Generation || a.next != x.rotation.Next.Generation {
		return nil
	}
	return a.body
}

// keep takes the answer to an exchange, which must not be changed any more.
func (k *kept) keep(r *route, x *exchange, body []byte) {
	a := keptAnswer{x.request.Path, x.rotation.Asked.Generation, x.rotation.Next.Generation, body}
	k.mu.Lock()
	defer k.mu.Unlock()
	key := keptFor{r, x.asker.Unit.Index}
	size := k.size + a.weight()
	if old, ok := k.answers[key]; ok {
		size -= old.weight()
	}
	if size > k.max {
		return
	}
	if k.answers == nil {
		k.answers = map[keptFor]keptAnswer{}
	}
	k.answers[key], k.size = a, size
}

// forget lets go of all answers.
func (k *kept) forget() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.answers, k.size = nil, 0
}
