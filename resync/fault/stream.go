package fault

import "time"

// A stream is a connection as its disturbance leaves it: what happens to its bytes
// and when they come. Bytes travel in segments. A lost one comes with a
// retransmission, whose wait doubles each time; one that is lost so often that
// a system would give up never comes.
type stream struct {
	disturbance *Disturbance
	turns       uint64        // of the conversation, each with its delay
	out, in     int64         // bytes so far
	late        time.Duration // what repairs cost the next arrival
	busy        time.Time     // until then the line is taken
	asking      bool          // the next bytes that come in answer something
	silenced    bool          // nothing comes any more
	at          time.Time     // without sockets: as if time passed only by its disturbances
}

func (s *stream) now() time.Time { return s.at }

const (
	segment     = 1460
	handWait    = time.Second            // for the answer to the first packet of a connection
	resendWait  = 200 * time.Millisecond // for that to another one
	mostResends = 7
)

// repair returns how long it takes until the next segment is through; false if
// it never is.
func (s *stream) repair(direction int, wait time.Duration) (time.Duration, bool) {
	total := time.Duration(0)
	for range mostResends {
		if !s.disturbance.loses(s.disturbance.next(direction)) {
			return total, true
		}
		total += wait
		wait *= 2
	}
	return 0, false
}

// connect returns how much later a connection is up; false if it never is.
func (s *stream) connect() (time.Duration, bool) {
	late, ok := s.repair(outward, handWait)
	s.asking = true
	return late + s.turn(), ok
}

// turn returns the delay of one turn of the conversation.
func (s *stream) turn() time.Duration {
	if !s.asking {
		return 0
	}
	s.asking = false
	s.turns++
	return s.disturbance.delay(s.turns - 1)
}

// sent notes bytes that go out at a moment.
func (s *stream) sent(n int, now func() time.Time) {
	s.asking = true
	s.late += s.segments(outward, &s.out, n)
	s.take(n, now)
}

// segments moves a count of bytes on and returns what repairs cost.
func (s *stream) segments(direction int, count *int64, n int) (late time.Duration) {
	before := (*count + segment - 1) / segment
	*count += int64(n)
	for range (*count+segment-1)/segment - before {
		more, ok := s.repair(direction, resendWait)
		late += more
		s.silenced = s.silenced || !ok
	}
	return late
}

// take puts bytes on the line.
func (s *stream) take(n int, now func() time.Time) {
	line := s.disturbance.onLine(n)
	if line == 0 {
		return
	}
	if at := now(); s.busy.Before(at) {
		s.busy = at
	}
	s.busy = s.busy.Add(line)
}

// received returns when bytes that come in now reach the device; the zero time
// is at once.
func (s *stream) received(n int, now func() time.Time) time.Time {
	late := s.late + s.segments(inward, &s.in, n) + s.turn()
	s.late = 0
	if late > 0 && s.busy.Before(now()) {
		s.busy = now()
	}
	s.busy = s.busy.Add(late)
	s.take(n, now)
	if s.busy.IsZero() {
		return time.Time{}
	}
	return s.busy
}

// An Ending is how a connection ends for the device.
type Ending uint8

// The endings of a connection: as the server wants it, with nothing more coming,
// reset, or closed early.
const (
	Whole Ending = iota
	Silent
	Reset
	Cut
)

// An Answer is what becomes of bytes that a server sends on a connection.
type Answer struct {
	FirstByte, Body time.Duration // how much longer they take
	Ending          Ending
	Received        int64 // bytes that the device gets
}

// Request tells, without sockets, that the device sends so many bytes on the
// connection of Connect. It returns false where none of them gets out: nothing
// of an answer will come then but the end.
func (d *Disturbance) Request(n int64) bool {
	s := d.stream
	if _, shut, _ := d.limits(); shut.Given && s.in >= shut.Bytes {
		d.shut(shut)
		return false
	}
	s.sent(int(n), s.now)
	return !s.silenced
}

// Answer tells, without sockets, what becomes of so many bytes of the server,
// headers included. It is asked once for each turn of the conversation.
func (d *Disturbance) Answer(n int64) (a Answer) {
	s := d.stream
	reset, shut, end := d.limits()
	for a.Received < n {
		if s.silenced {
			a.Ending = Silent
			return a
		}
		piece, ending := allowed(s.in, n-a.Received, reset, end)
		if piece == 0 {
			a.Ending = ending
			d.ended(ending)
			return a
		}
		due := s.received(int(piece), s.now)
		if s.silenced {
			a.Ending = Silent
			return a
		}
		wait := max(due.Sub(s.at), 0)
		if a.Received == 0 {
			a.FirstByte = wait
		} else {
			a.Body += wait
		}
		s.at = s.at.Add(wait)
		a.Received += piece
		if shut.Given && s.in >= shut.Bytes {
			d.shut(shut)
		}
	}
	return a
}

// Silenced reports whether the connection carries nothing any more.
func (d *Disturbance) Silenced() bool { return d.stream.silenced }

// allowed returns how many of n bytes may come in at once, up to the end of the
// segment, and how it ends with none.
func allowed(received, n int64, reset, end Limit) (int64, Ending) {
	n = min(n, segment-received%segment)
	ending := Whole
	for _, l := range []struct {
		Limit
		Ending
	}{{reset, Reset}, {end, Cut}} {
		if left := max(l.Bytes-received, 0); l.Given && left < n {
			n, ending = left, l.Ending
		}
	}
	return n, ending
}
