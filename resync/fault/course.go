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
	at       time.Time     // without sockets: as if time passed only by its troubles
}

func (c *course) now() time.Time { return c.at }

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
func (t *Trouble) Request(n int64) bool {
	c := t.course
	if _, shut, _ := t.limits(); shut.Given && c.in >= shut.Bytes {
		return false
	}
	c.sent(int(n), c.now)
	return !c.silenced
}

// Answer tells, without sockets, what becomes of so many bytes of the server,
// headers included. It is asked once for each turn of the conversation.
func (t *Trouble) Answer(n int64) (a Answer) {
	c := t.course
	reset, _, end := t.limits()
	for a.Received < n {
		if c.silenced {
			a.Ending = Silent
			return a
		}
		piece, ending := room(c.in, n-a.Received, reset, end)
		if piece == 0 {
			a.Ending = ending
			return a
		}
		due := c.received(int(piece), c.now)
		if c.silenced {
			a.Ending = Silent
			return a
		}
		wait := max(due.Sub(c.at), 0)
		if a.Received == 0 {
			a.FirstByte = wait
		} else {
			a.Body += wait
		}
		c.at = c.at.Add(wait)
		a.Received += piece
	}
	return a
}

// Silenced reports whether the connection carries nothing any more.
func (t *Trouble) Silenced() bool { return t.course.silenced }

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
