package prov

import (
	"hash/maphash"
	"sync"

	"spafleet/device"
	"spafleet/resync"
	"spafleet/resync/body"
)

// sums are those of the answers that were made last, one for each device that asks, so that
// none is made for a device that has it already. There are as many as devices have asked.
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
	of      body.Sum // zero: none
	request uint64   // stands for the request
	source  uint64   // stands for the request, the device that its path names, and the generations
	changes uint32   // of pairs, when source was looked at
	size    int32
}

var sourceSeed = maphash.MakeSeed()

// A moment is how often files and secrets have changed. It is looked at before they are, and
// counts a change of files after it was made, one of secrets while nobody can read them: a
// sum that was worked out meanwhile is never found again.
type moment struct{ files, secrets uint32 }

// requestSum stands for what an answer follows from beside secrets.
func (m moment) requestSum(r *resync.Request) uint64 {
	var h maphash.Hash
	h.SetSeed(sourceSeed)
	maphash.WriteComparable(&h, m.files)
	h.WriteString(r.Path)
	addr := r.Source.As16()
	h.Write(addr[:])
	return h.Sum64()
}

// sum returns the sum of an exchange, without that of the answer.
func (x *exchange) sum() sum {
	s := sum{request: x.begun.requestSum(x.request), changes: x.begun.secrets}
	s.source = maphash.Comparable(sourceSeed, [4]uint64{
		s.request, uint64(x.asker.Unit.Index), uint64(x.rotation.Asked.Generation), uint64(x.rotation.Next.Generation),
	})
	return s
}

// page returns the page of a device and its place there; nil where there is none and
// none is to be made.
func (s *sums) page(dev device.Index, found bool) (*sumPage, int) {
	number, place := dev/device.Index(len(sumPage{}.all)), int(dev)%len(sumPage{}.all)
	s.mu.RLock()
	p := s.pages[number]
	s.mu.RUnlock()
	if p != nil || !found {
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

// find returns the sum of a device's last answer.
func (s *sums) find(dev device.Index) (a sum, ok bool) {
	p, place := s.page(dev, false)
	if p == nil {
		return a, false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.all[place], p.all[place].of != 0
}

// keep takes the place of a device's last sum, and returns that.
func (s *sums) keep(dev device.Index, now sum) sum {
	p, place := s.page(dev, true)
	p.mu.Lock()
	defer p.mu.Unlock()
	before := p.all[place]
	p.all[place] = now
	return before
}
