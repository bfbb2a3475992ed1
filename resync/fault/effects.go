package fault

import "time"

// Effects is what a fault does. Those of the network happen between device and
// server, the others are the server's doing.
type Effects struct {
	// Packets of either direction that are lost, arrive twice, or change places
	// with the next one of their direction. A connection repairs these: there a
	// lost packet is a delay of a retransmission, and the others do not show.
	Lose, Duplicate, Reorder Packets
	// Delay is how much later an answer arrives: each packet that comes to the
	// device; on a connection each turn of the conversation, the first being
	// the connection itself.
	Delay Delay
	// Bandwidth is that of the line, both directions together, in bits a second;
	// 0: no limit.
	Bandwidth float64
	// ResetAfter breaks the connection after so many bytes that the device has
	// received, headers and handshake among them: both sides see a reset.
	ResetAfter Limit
	// CloseAfter closes the device's half of the connection then: the server
	// sees the end of its request, and the answer goes on.
	CloseAfter Limit
	// Truncate has the device see the end then. A TFTP transfer has no such
	// end: the block is cut short, which says that the file is whole.
	Truncate Limit

	// Status is the HTTP status of the answer, or below 100 the code of a TFTP
	// error; see HasStatus.
	Status    int
	HasStatus bool
	// Alert is the fatal TLS alert that answers the client's hello; 0: none.
	Alert int
	// StallAfter has the server fall silent after so many bytes of the body.
	StallAfter Limit
	Corrupt    bool // bytes of the body are flipped
	Hostile    Hostile
	Down       bool // nobody listens
}

// OfServer reports whether a server has to do any of it.
func (e *Effects) OfServer() bool {
	return e.HasStatus || e.Alert != 0 || e.StallAfter.Given || e.Corrupt || e.Hostile != "" || e.Down
}

// OfNetwork reports whether any of it happens between device and server.
func (e *Effects) OfNetwork() bool {
	return e.Lose.Given() || e.Duplicate.Given() || e.Reorder.Given() || e.Delay.Given() || e.Bandwidth > 0 ||
		e.ResetAfter.Given || e.CloseAfter.Given || e.Truncate.Given
}

// ofHandshake reports whether a fault happens before the client has asked for
// anything: then there is no path that it could be chosen by.
func (f *Fault) ofHandshake() bool {
	return f.Alert != 0 || f.Hostile == Garbage && f.Match.Scheme == "https" && f.Match.path == ""
}

// A Limit is a number of bytes, which may be 0. The zero Limit is none.
type Limit struct {
	Bytes int64
	Given bool
}

// After returns the limit of n bytes.
func After(n int64) Limit { return Limit{n, true} }

// least returns the smaller of two limits.
func (l Limit) least(m Limit) Limit {
	if !l.Given || m.Given && m.Bytes < l.Bytes {
		return m
	}
	return l
}

// A Delay is drawn evenly from Least to Most. The zero Delay is none.
type Delay struct{ Least, Most time.Duration }

// Given reports whether there is any delay.
func (d Delay) Given() bool { return d.Most > 0 }

func (d Delay) at(chance float64) time.Duration {
	return d.Least + time.Duration(chance*float64(d.Most-d.Least))
}

// A Hostile way of answering.
type Hostile string

// The ways of a hostile server. Endless never ends the body; Drip sends it byte
// by byte; Length announces a gigabyte; Bomb sends little that unpacks to much;
// Headers never ends the header; Storm sends TFTP blocks that nobody asked for;
// Garbage speaks no protocol, and where the fault names https and no path, takes
// the place of the handshake.
const (
	Endless Hostile = "endless"
	Drip    Hostile = "drip"
	Length  Hostile = "length"
	Bomb    Hostile = "bomb"
	Headers Hostile = "headers"
	Storm   Hostile = "storm"
	Garbage Hostile = "garbage"
)

// A Trouble is what befalls one exchange. It belongs to that exchange, and is
// not safe for concurrent use except where its sockets are.
type Trouble struct {
	parts  []part
	seen   [2]uint64 // packets so far, by direction
	lost   map[copied]bool
	course *course // of its connection
}

// part is what one fault does to an exchange.
type part struct {
	effects *Effects
	key     uint64 // of its chances
}

// Server returns what a server has to do: of each kind, what the first of the
// exchange's faults says. A nil Trouble is nothing.
func (t *Trouble) Server() Effects {
	var e Effects
	if t == nil {
		return e
	}
	for _, p := range t.parts {
		f := p.effects
		if f.HasStatus && !e.HasStatus {
			e.HasStatus, e.Status = true, f.Status
		}
		if e.Alert == 0 {
			e.Alert = f.Alert
		}
		if e.Hostile == "" {
			e.Hostile = f.Hostile
		}
		e.StallAfter = e.StallAfter.least(f.StallAfter)
		e.Corrupt = e.Corrupt || f.Corrupt
		e.Down = e.Down || f.Down
	}
	return e
}

// Corrupt flips bits of a body in place: of one byte in 256 or so, at least one.
func (t *Trouble) Corrupt(body []byte) {
	if len(body) == 0 {
		return
	}
	key := t.parts[0].key
	for i := range uint64(1 + len(body)/256) {
		at := int(draw(key, ofBytes, 2*i) * float64(len(body)))
		body[at] ^= 1 + byte(draw(key, ofBytes, 2*i+1)*255) // never 0
	}
}

// Noise fills b with bytes that have no meaning.
func (t *Trouble) Noise(b []byte) {
	for i := range b {
		b[i] = byte(draw(t.parts[0].key, ofBytes, uint64(i)) * 256)
	}
}

// limits returns where an exchange's bytes end, and how.
func (t *Trouble) limits() (reset, shut, end Limit) {
	for _, p := range t.parts {
		reset = reset.least(p.effects.ResetAfter)
		shut = shut.least(p.effects.CloseAfter)
		end = end.least(p.effects.Truncate)
	}
	return reset, shut, end
}

// delay returns how much later the n-th answer arrives.
func (t *Trouble) delay(n uint64) time.Duration {
	var d time.Duration
	for _, p := range t.parts {
		if p.effects.Delay.Given() {
			d += p.effects.Delay.at(draw(p.key, ofDelay, n))
		}
	}
	return d
}

// onLine returns how long n bytes are on the line.
func (t *Trouble) onLine(n int) time.Duration {
	var d time.Duration
	for _, p := range t.parts {
		if b := p.effects.Bandwidth; b > 0 {
			d = max(d, time.Duration(float64(n)*8/b*1e9))
		}
	}
	return d
}
