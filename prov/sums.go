package prov

import (
	"bytes"
	"hash/maphash"
	"net/http"
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

func (c *Core) moment() moment {
	return moment{c.changes.Load(), c.options.Pairs.changes.Load()}
}

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

// mayLeaveOut reports whether the bytes of an answer may be left out: the device says
// what it has, and nothing is done to them on the way.
func (x *exchange) mayLeaveOut() bool {
	return x.tellsWhatItHas && x.request.Has != 0 && x.disturbance == nil
}

// unchanged is the answer to a device that has it.
func unchanged(size int) resync.Response {
	return resync.Response{Status: http.StatusOK, Unchanged: true, Passed: size}
}

// hasByRequest answers a request that was answered before, for a device that has that
// answer, where nothing has changed since that could change it and nobody listens.
func (c *Core) hasByRequest(r *resync.Request) (resync.Response, bool) {
	if r.Has == 0 || r.Unit == nil || r.Method != http.MethodGet || c.options.Log != nil || c.auth.Load() != nil || !c.options.Faults.Idle() {
		return resync.Response{}, false
	}
	a, ok := c.sums.find(r.Unit.Index)
	now := c.moment()
	if !ok || a.of != r.Has || a.changes != now.secrets || a.request != now.requestSum(r) {
		return resync.Response{}, false
	}
	return unchanged(int(a.size)), true
}

// hasBySource does that for an exchange whose route was found.
func (c *Core) hasBySource(x *exchange) (resync.Response, bool) {
	if !x.mayLeaveOut() {
		return resync.Response{}, false
	}
	a, ok := c.sums.find(x.request.Unit.Index)
	now := x.sum()
	if !ok || a.of != x.request.Has || a.source != now.source {
		return resync.Response{}, false
	}
	now.of, now.size = a.of, a.size
	c.sums.keep(x.request.Unit.Index, now)
	return unchanged(int(a.size)), true
}

// mark is how a body begins that a device may take for something else than a file; it
// is looked at each time.
var mark = []byte("####")

// noteSum notes the answer to an exchange, and reports whether it was noted before: the
// device wants it again and does not have it.
func (c *Core) noteSum(x *exchange, made []byte) (again bool) {
	if bytes.HasPrefix(made, mark) {
		return true
	}
	now := x.sum()
	now.of, now.size = body.SumOf(made), int32(len(made))
	before := c.sums.keep(x.request.Unit.Index, now)
	return before.of == now.of && before.source == now.source
}
