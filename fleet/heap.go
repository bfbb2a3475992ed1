package fleet

import "spafleet/device"

// An entry is a moment at which a device acts. Entries are ordered by time,
// device and the device's own count, so the order is the same however many loops
// there are.
type entry struct {
	at  int64
	dev device.Index
	n   uint32
}

func (a entry) before(b entry) bool {
	if a.at != b.at {
		return a.at < b.at
	}
	if a.dev != b.dev {
		return a.dev < b.dev
	}
	return a.n < b.n
}

// heap is a 4-ary heap of entries: shallower than a binary one, and its four
// children lie in one or two cache lines.
type heap []entry

// due reports whether the first entry's time has come.
func (h heap) due(now int64) bool { return len(h) > 0 && h[0].at <= now }

func (h *heap) push(e entry) {
	*h = append(*h, e)
	s := *h
	i := len(s) - 1
	for i > 0 {
		parent := (i - 1) / 4
		if !e.before(s[parent]) {
			break
		}
		s[i] = s[parent]
		i = parent
	}
	s[i] = e
}

func (h *heap) pop() entry {
	s := *h
	top, last := s[0], s[len(s)-1]
	s = s[:len(s)-1]
	*h = s
	if len(s) > 0 {
		s.sink(0, last)
	}
	return top
}

// sink puts e where it belongs at or below i.
func (h heap) sink(i int, e entry) {
	for {
		least := i
		least4 := e
		for c := 4*i + 1; c <= 4*i+4 && c < len(h); c++ {
			if h[c].before(least4) {
				least, least4 = c, h[c]
			}
		}
		if least == i {
			h[i] = e
			return
		}
		h[i] = least4
		i = least
	}
}

// keep drops the entries that a test refuses and orders the rest again.
func (h *heap) keep(live func(entry) bool) {
	s := (*h)[:0]
	for _, e := range *h {
		if live(e) {
			s = append(s, e)
		}
	}
	for i := (len(s) - 2) / 4; i >= 0 && len(s) > 1; i-- {
		s.sink(i, s[i])
	}
	*h = s
}
