package prov

import (
	"bytes"
	"encoding/binary"
	"hash/maphash"
	"sync"

	"spafleet/device"
	"spafleet/resync/body"
)

// sums are those of the answers that were made last, one for each device, so that none is
// made for a device that has it already. There are as many as devices have asked.
type sums struct {
	mu    sync.RWMutex
	pages map[device.Index]*sumPage // by the number of the first device, divided
}

// A sumPage is the sums of devices with neighbouring numbers.
type sumPage struct {
	mu  sync.Mutex
	all [256]sum
}

// A sum is that of an answer, with its bytes and what it follows from.
type sum struct {
	source uint64
	of     body.Sum // zero: none
	size   int32
}

// sourceOf stands for what a stable answer follows from beside the device.
func (x *exchange) sourceOf() uint64 {
	var h maphash.Hash
	h.SetSeed(sourceSeed)
	h.WriteString(x.request.Path)
	var generations [8]byte
	binary.LittleEndian.PutUint32(generations[:], x.rotation.Asked.Generation)
	binary.LittleEndian.PutUint32(generations[4:], x.rotation.Next.Generation)
	h.Write(generations[:])
	return h.Sum64()
}

var sourceSeed = maphash.MakeSeed()

// page returns the page of a device and its place there; nil where there is none and
// none is to be made.
func (s *sums) page(dev device.Index, make bool) (*sumPage, int) {
	number, place := dev/device.Index(len(sumPage{}.all)), int(dev)%len(sumPage{}.all)
	s.mu.RLock()
	p := s.pages[number]
	s.mu.RUnlock()
	if p != nil || !make {
		return p, place
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if p = s.pages[number]; p == nil {
		if s.pages == nil {
			s.pages = map[device.Index]*sumPage{}
		}
		p = new(sumPage)
		s.pages[number] = p
	}
	return p, place
}

// has reports whether the answer to an exchange is the body that the device has, and
// how many bytes that is.
func (s *sums) has(x *exchange) (size int, ok bool) {
	if x.request.Has == 0 {
		return 0, false
	}
	p, place := s.page(x.asker.Unit.Index, false)
	if p == nil {
		return 0, false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	a := &p.all[place]
	return int(a.size), a.of == x.request.Has && a.source == x.sourceOf()
}

// mark is how a body begins that a device may take for something else than a file; it
// is looked at each time.
var mark = []byte("####")

// keep notes the answer to an exchange, and reports whether it was noted before: the
// device wants it again and does not have it.
func (s *sums) keep(x *exchange, made []byte) (again bool) {
	if bytes.HasPrefix(made, mark) {
		return true
	}
	now := sum{x.sourceOf(), body.SumOf(made), int32(len(made))}
	p, place := s.page(x.asker.Unit.Index, true)
	p.mu.Lock()
	defer p.mu.Unlock()
	again = p.all[place] == now
	p.all[place] = now
	return again
}

// forget lets go of all.
func (s *sums) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pages = nil
}
