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
	Replica    int  // of Down: the only one of several servers with one name, from 1; 0: all
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
