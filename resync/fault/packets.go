package fault

import (
	"net/netip"
	"slices"
	"sort"
	"sync"
	"time"

	"spafleet/host"
	"spafleet/resync/tftp/packet"
)

// Datagrams is what a TFTP transfer needs of its socket; *net.UDPConn has it.
type Datagrams interface {
	ReadFromUDPAddrPort(p []byte) (int, netip.AddrPort, error)
	WriteToUDPAddrPort(p []byte, to netip.AddrPort) (int, error)
	SetDeadline(time.Time) error
	SetReadDeadline(time.Time) error
	Close() error
}

// packets is a packet socket with a line before it. What arrives later than it
// came waits in coming.
type packets struct {
	inner       Datagrams
	disturbance *Disturbance
	now         func() time.Time
	end         Limit
	coming      []arrival // by time
	heldIn      *arrival
	heldOut     *arrival
	busy        time.Time // until then the line is taken
	arrived     uint64

	mu       sync.Mutex
	deadline time.Time // the user's
	narrowed bool      // the inner socket has an earlier one
}

// An arrival is a packet on its way.
type arrival struct {
	at   time.Time
	addr netip.AddrPort
	data []byte
}

func (s *packets) SetDeadline(t time.Time) error     { return s.keep(t, s.inner.SetDeadline) }
func (s *packets) SetReadDeadline(t time.Time) error { return s.keep(t, s.inner.SetReadDeadline) }
func (s *packets) Close() error                      { return s.inner.Close() }

func (s *packets) keep(t time.Time, set func(time.Time) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.deadline, s.narrowed = t, false
	return set(t)
}

// narrow has the inner socket's next read end when the next packet that is on
// its way arrives, if that is before the deadline. It returns when that is.
func (s *packets) narrow() (time.Time, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	until := s.deadline
	if len(s.coming) > 0 && (until.IsZero() || s.coming[0].at.Before(until)) {
		until = s.coming[0].at
	}
	narrowed := !until.Equal(s.deadline)
	if !narrowed && !s.narrowed {
		return until, nil
	}
	s.narrowed = narrowed
	return until, s.inner.SetReadDeadline(until)
}

func (s *packets) ReadFromUDPAddrPort(p []byte) (int, netip.AddrPort, error) {
	for {
		if a, ok := s.due(); ok {
			return copy(p, a.data), a.addr, nil
		}
		until, err := s.narrow()
		if err != nil {
			return 0, netip.AddrPort{}, err
		}
		n, from, err := s.inner.ReadFromUDPAddrPort(p)
		switch {
		case err == nil:
			s.receive(p[:n], from)
		case host.TimedOut(err) && len(s.coming) > 0 && !s.coming[0].at.After(until):
			a := s.take()
			return copy(p, a.data), a.addr, nil
		default:
			return 0, netip.AddrPort{}, err
		}
	}
}

// due takes the first packet on its way, if it is here.
func (s *packets) due() (arrival, bool) {
	if len(s.coming) == 0 {
		return arrival{}, false
	}
	if at := s.coming[0].at; !at.IsZero() && at.After(s.now()) {
		return arrival{}, false
	}
	return s.take(), true
}

func (s *packets) take() arrival {
	a := s.coming[0]
	s.coming = s.coming[1:]
	return a
}

// receive decides about a packet that came in. A packet that is not delayed has
// the zero time, and no clock is read for it.
func (s *packets) receive(p []byte, from netip.AddrPort) {
	f := s.disturbance.packet(inward, p)
	if f.lost {
		return
	}
	a := arrival{at: s.arrival(len(p)), addr: from, data: append([]byte(nil), s.shorten(p)...)}
	if f.held && s.heldIn == nil {
		s.heldIn = &a
		return
	}
	s.put(a)
	if f.doubled {
		s.put(a)
	}
	if s.heldIn != nil {
		held := *s.heldIn
		held.at = a.at
		s.heldIn = nil
		s.put(held)
	}
}

// arrival returns when a packet that came now reaches the device.
func (s *packets) arrival(n int) time.Time {
	delay, line := s.disturbance.delay(s.arrived), s.disturbance.onLine(n)
	s.arrived++
	if delay == 0 && line == 0 {
		return time.Time{}
	}
	at := s.now()
	if s.busy.After(at) {
		at = s.busy
	}
	s.busy = at.Add(line)
	return s.busy.Add(delay)
}

// put has a packet arrive after those that come before it.
func (s *packets) put(a arrival) {
	after := func(i int) bool { return s.coming[i].at.After(a.at) }
	s.coming = slices.Insert(s.coming, sort.Search(len(s.coming), after), a)
}

// shorten cuts the block in which the file is to end. Blocks are of 512 bytes:
// the devices know no others.
func (s *packets) shorten(p []byte) []byte {
	block := packet.Parse(p)
	if !s.end.Given || block.Op != packet.Data {
		return p
	}
	whole := int64(len(p))
	before := (int64(block.Number) - 1) * packet.BlockSize
	left := min(whole, packet.HeaderSize+max(s.end.Bytes-before, 0))
	if left < whole {
		s.disturbance.ended(Cut)
	}
	return p[:left]
}

func (s *packets) WriteToUDPAddrPort(p []byte, to netip.AddrPort) (int, error) {
	f := s.disturbance.packet(outward, p)
	s.occupy(len(p))
	switch {
	case f.lost:
		return len(p), nil
	case f.held && s.heldOut == nil:
		s.heldOut = &arrival{addr: to, data: append([]byte(nil), p...)}
		return len(p), nil
	}
	n, err := s.inner.WriteToUDPAddrPort(p, to)
	if err == nil && f.doubled {
		n, err = s.inner.WriteToUDPAddrPort(p, to)
	}
	if held := s.heldOut; err == nil && held != nil {
		s.heldOut = nil
		_, err = s.inner.WriteToUDPAddrPort(held.data, held.addr)
	}
	return n, err
}

// occupy takes the line for a packet that goes out. The socket does not wait for
// it: what comes in comes so much later.
func (s *packets) occupy(n int) {
	line := s.disturbance.onLine(n)
	if line == 0 {
		return
	}
	if now := s.now(); s.busy.Before(now) {
		s.busy = now
	}
	s.busy = s.busy.Add(line)
}
