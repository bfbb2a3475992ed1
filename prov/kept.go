package prov

import (
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
}

// A keptAnswer is a body with what it follows from beside the device.
type keptAnswer struct {
	route       *route
	asked, next uint32 // generations
	path        uint16 // bytes of text
	wanted      bool   // it was wanted again
	text        []byte // path and body
}

// weight is what an answer takes: its bytes, and about so many of the map's.
func (a *keptAnswer) weight() int { return len(a.text) + 96 }

// find returns the answer to an exchange, nil for none. It belongs to the core.
func (k *kept) find(r *route, x *exchange) []byte {
	dev := x.asker.Unit.Index
	k.mu.Lock()
	defer k.mu.Unlock()
	a, ok := k.answers[dev]
	if !ok || a.route != r || a.asked != x.rotation.Asked.Generation || a.next != x.rotation.Next.Generation || string(a.text[:a.path]) != x.request.Path {
		return nil
	}
	if !a.wanted {
		a.wanted = true
		k.answers[dev] = a
	}
	return a.text[a.path:]
}

// keep takes a copy of the answer to an exchange. It takes the place of the device's last
// one, unless that is another route's and was wanted again: a device may ask for several
// files in turn.
func (k *kept) keep(r *route, x *exchange, body []byte) {
	path := x.request.Path
	if len(path) > 1<<16-1 {
		return
	}
	a := keptAnswer{route: r, asked: x.rotation.Asked.Generation, next: x.rotation.Next.Generation, path: uint16(len(path))}
	a.text = append(append(make([]byte, 0, len(path)+len(body)), path...), body...)
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
