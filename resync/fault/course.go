package fault

import "time"

// A course is a connection as its troubles have it: what becomes of its bytes
// and when they come. Bytes travel in segments. A lost one comes with a
// retransmission, whose wait doubles each time; one that is lost so often that
// a system would give up never comes.
type course struct {
	trouble  *Trouble
	turns    uint64        // of the conversation, each with its delay
	out, in  int64         // bytes so far
	late     time.Duration // what repairs cost the next arrival
	busy     time.Time     // until then the line is taken
	asking   bool          // the next bytes that come in answer something
	silenced bool          // nothing comes any more
}

const (
	segment     = 1460
	handWait    = time.Second            // for the answer to the first packet of a connection
	resendWait  = 200 * time.Millisecond // for that to another one
	mostResends = 7
)

// repair returns how long it takes until the next segment is through; false if
// it never is.
func (c *course) repair(direction int, wait time.Duration) (time.Duration, bool) {
	total := time.Duration(0)
	t := c.trouble
	for range mostResends {
		n := t.seen[direction]
		t.seen[direction]++
		if !t.fate(packetPlace{sequence: uint32(t.seen[outward] + t.seen[inward]), draw: n<<1 | uint64(direction)}).lost {
			return total, true
		}
		total += wait
		wait *= 2
	}
	return 0, false
}

// connect returns how much later a connection is up; false if it never is.
func (c *course) connect() (time.Duration, bool) {
	late, ok := c.repair(outward, handWait)
	c.asking = true
	return late + c.turn(), ok
}

// turn returns the delay of one turn of the conversation.
func (c *course) turn() time.Duration {
	if !c.asking {
		return 0
	}
	c.asking = false
	c.turns++
	return c.trouble.delay(c.turns - 1)
}

// sent notes bytes that go out at a moment.
func (c *course) sent(n int, now func() time.Time) {
	c.asking = true
	c.late += c.segments(outward, &c.out, n)
	c.take(n, now)
}

// segments moves a count of bytes on and returns what repairs cost.
func (c *course) segments(direction int, count *int64, n int) (late time.Duration) {
	before := (*count + segment - 1) / segment
	*count += int64(n)
	for range (*count+segment-1)/segment - before {
		more, ok := c.repair(direction, resendWait)
		late += more
		c.silenced = c.silenced || !ok
	}
	return late
}

// take puts bytes on the line.
func (c *course) take(n int, now func() time.Time) {
	line := c.trouble.onLine(n)
	if line == 0 {
		return
	}
	if at := now(); c.busy.Before(at) {
		c.busy = at
	}
	c.busy = c.busy.Add(line)
}

// received returns when bytes that come in now reach the device; the zero time
// is at once.
func (c *course) received(n int, now func() time.Time) time.Time {
	late := c.late + c.segments(inward, &c.in, n) + c.turn()
	c.late = 0
	if late > 0 && c.busy.Before(now()) {
		c.busy = now()
	}
	c.busy = c.busy.Add(late)
	c.take(n, now)
	if c.busy.IsZero() {
		return time.Time{}
	}
	return c.busy
}

// An Ending is how a connection ends for the device.
type Ending uint8

// The endings of a connection: as the server wants it, never begun, with
// nothing more coming, reset, or closed early.
const (
	Whole Ending = iota
	Unconnected
	Silent
	Reset
	Cut
)

// A Stream is what becomes of one request and its answer on a connection of
// their own.
type Stream struct {
	// How much longer the parts of it take.
	Connect, FirstByte, Body time.Duration
	Ending                   Ending
	Received                 int64 // bytes of the answer that the device gets
	Refused                  bool  // the request does not get out: the server sees a connection without one
}

// Stream returns what becomes of a request of so many bytes and an answer of so
// many, headers included, without any sockets. A Trouble has either that or
// Conn, once.
func (t *Trouble) Stream(request, answer int64) Stream {
	c := &course{trouble: t}
	at := time.Unix(1, 0) // any: only differences count
	now := func() time.Time { return at }
	var s Stream
	late, ok := c.connect()
	if !ok {
		s.Ending = Unconnected
		return s
	}
	s.Connect = late
	reset, shut, end := t.limits()
	s.Refused = shut.Given && shut.Bytes == 0
	if !s.Refused {
		c.sent(int(request), now)
	}
	if c.silenced {
		s.Ending = Silent
		return s
	}
	for s.Received < answer {
		room, ending := room(s.Received, answer-s.Received, reset, end)
		if room == 0 {
			s.Ending = ending
			return s
		}
		due := c.received(int(room), now)
		if c.silenced {
			s.Ending = Silent
			return s
		}
		wait := max(due.Sub(at), 0)
		if s.Received == 0 {
			s.FirstByte = wait
		} else {
			s.Body += wait
		}
		at = at.Add(wait)
		s.Received += room
	}
	return s
}

// room returns how many of n bytes may come in at once, up to the end of the
// segment, and how it ends with none.
func room(received, n int64, reset, end Limit) (int64, Ending) {
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
