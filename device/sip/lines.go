package sip

import (
	"iter"
	"net/netip"

	"spafleet/device"
	"spafleet/device/chance"
)

// Lines are what a device keeps of its lines; the zero Lines is that of one that has had
// nothing to do with SIP. What an idle registered line costs is one Line: 48 bytes. One that
// subscribes to its mailbox, or keeps a way through NAT open, has a second and a third.
type Lines struct{ first *Line }

// A Line is what a device keeps up for one line: the least, since there may be a million.
// Numbers, tags and names are computed when they are sent.
type Line struct {
	next   *Line
	tx     *exchange // a request that waits for its answer, or what is kept of answers; nil: none
	due    int64     // fleet time at which it acts by itself; 0: never
	lost   uint32    // since when it has no registration, in seconds; 0: it has had none since the boot
	last   uint32    // when it was granted last, in seconds; 0: not since the boot
	seq    uint32    // CSeq of its last request
	server uint32    // the fingerprint of the address that registered it
	heard  uint32    // the fingerprint of the NOTIFY that was done last
	number uint8
	kind   lineKind
	fails  uint8 // requests in a row that failed
	flags  lineFlags
}

// A lineKind is what is kept up.
type lineKind uint8

const (
	registration lineKind = iota
	mailbox               // a subscription to message-summary
	keepAlive             // datagrams that keep a way through NAT open
	telling               // what is told of calls
	numKinds
)

type lineFlags uint8

const (
	granted lineFlags = 1 << iota // by its server
	leaving                       // its request ends what was granted
)

const (
	knownFlags = granted | leaving
	kindShift  = 4 // of the kind, in the flags of a record
)

// An exchange is a request that waits for its answer, or without a text what is kept between
// two of them.
type exchange struct {
	server  string
	text    []byte // nil: none is under way
	began   int64  // when the first of it was sent
	wait    int64  // until it is sent again
	end     int64  // when it counts as not answered
	expires uint32 // that it asks for
	tries   uint8  // answers that made the device ask again
	remains
}

// What remains between two exchanges, of few lines.
type remains struct {
	peer  string // the tag of the other end of a subscription
	nonce string // the challenge that is answered again, "" for none: a 407 begins with "proxy "
	used  uint32 // how often it was
}

// asks reports whether a request is under way.
func (l *Line) asks() bool { return l.tx != nil && l.tx.text != nil }

// over ends an exchange, and keeps what remains.
func (l *Line) over() {
	if l.tx != nil && l.tx.remains != (remains{}) {
		l.tx = &exchange{remains: l.tx.remains}
		return
	}
	l.tx = nil
}

// all yields the lines of which something is kept.
func (l *Lines) all() iter.Seq[*Line] {
	return func(yield func(*Line) bool) {
		for line := l.first; line != nil && yield(line); line = line.next {
		}
	}
}

// find returns what a line keeps up, nil for nothing of that kind.
func (l *Lines) find(number uint8, kind lineKind) *Line {
	for line := range l.all() {
		if line.number == number && line.kind == kind {
			return line
		}
	}
	return nil
}

// of returns a line's registration, nil where nothing is kept of it.
func (l *Lines) of(number uint8) *Line { return l.find(number, registration) }

// own returns what a line keeps up, to be changed.
func (l *Lines) own(number uint8, kind lineKind) *Line {
	line := l.find(number, kind)
	if line == nil {
		line = &Line{next: l.first, number: number, kind: kind}
		l.first = line
	}
	return line
}

// Due returns when a line next does something by itself, 0 for never.
func (l *Lines) Due() (at int64) {
	for line := range l.all() {
		if line.due != 0 && (at == 0 || line.due < at) {
			at = line.due
		}
	}
	return at
}

// Delay changes when lines do something by themselves.
func (l *Lines) Delay(when func(at int64) int64) {
	for line := range l.all() {
		if line.due != 0 {
			line.due = when(line.due)
		}
	}
}

// Reset forgets what a boot forgets: what was granted, and what was asked for. The number of the
// last request goes on (surface-2.md K48: field; over a boot: inferred from the
// parameter Random_REG_CID_On_Reboot), and a NOTIFY stays done. A request that ends what was
// granted may still be answered, if its end is said to be kept.
func (l *Lines) Reset(keepsLeaving bool) {
	for line := range l.all() {
		line.due, line.lost, line.last, line.fails = 0, 0, 0, 0
		if keepsLeaving && line.flags&leaving != 0 {
			line.flags = leaving
			continue
		}
		line.flags, line.tx = 0, nil
	}
}

// Lost returns since when a line has no registration, as fleet time: 0 while it has one, and
// booted where it has had none since the boot.
func (l *Lines) Lost(number uint8, booted int64) int64 {
	switch line := l.of(number); {
	case line == nil:
		return booted
	case line.flags&granted != 0:
		return 0
	case line.lost != 0:
		return int64(line.lost) * 1e9
	}
	return booted
}

// Registered returns how many lines are registered.
func (l *Lines) Registered() (n int) {
	for line := range l.all() {
		if line.kind == registration && line.flags&granted != 0 {
			n++
		}
	}
	return n
}

// Show adds to a view the lines that pages tell of: those that have tried to register.
func (l *Lines) Show(v *device.View) {
	v.Registered = l.Registered()
	for line := range l.all() {
		if line.kind == registration && (line.flags&granted != 0 || line.last != 0 || line.due != 0) {
			v.Line(int(line.number), line.flags&granted != 0, int64(line.last)*1e9, line.due)
		}
	}
}

// A LineRecord is what is kept of what a line keeps up when the program ends.
type LineRecord struct {
	Number, Fails, Flags           uint8 // its kind is one of the flags
	Lost, Last, Seq, Server, Heard uint32
	Due                            int64
	Exchange                       *ExchangeRecord
}

// An ExchangeRecord is a request that waits for its answer when the program ends, or what
// remains of one.
type ExchangeRecord struct {
	Server, Text     string
	Began, Wait, End int64
	Expires          uint32
	Tries            uint8
	Peer, Nonce      string // with the flag RecordRemains
	Used             uint32
}

// RecordFlags are the flags that a record may have, RecordRemains says that something remains
// of an exchange; RecordLines is the most lines of one.
const (
	RecordFlags   = uint8(knownFlags) | 3<<kindShift | RecordRemains
	RecordRemains = 1 << 7
	RecordLines   = 128
)

// Record returns what is kept of the lines.
func (l *Lines) Record() (list []LineRecord) {
	for line := range l.all() {
		r := LineRecord{Number: line.number, Fails: line.fails, Flags: uint8(line.flags) | uint8(line.kind)<<kindShift, Lost: line.lost, Last: line.last, Seq: line.seq, Server: line.server,
			Heard: line.heard, Due: line.due}
		if x := line.tx; x != nil {
			r.Exchange = &ExchangeRecord{x.server, string(x.text), x.began, x.wait, x.end, x.expires, x.tries, x.peer, x.nonce, x.used}
			if x.remains != (remains{}) {
				r.Flags |= RecordRemains
			}
		}
		list = append(list, r)
	}
	return list
}

// Restore returns the lines of a record.
func Restore(list []LineRecord) (l Lines) {
	end := &l.first
	for _, r := range list {
		kind := lineKind(r.Flags >> kindShift & 3)
		line := &Line{due: r.Due, lost: r.Lost, last: r.Last, seq: r.Seq, server: r.Server, heard: r.Heard, number: r.Number, kind: kind, fails: r.Fails,
			flags: lineFlags(r.Flags) & knownFlags}
		if x := r.Exchange; x != nil {
			line.tx = &exchange{x.Server, nil, x.Began, x.Wait, x.End, x.Expires, x.Tries, remains{x.Peer, x.Nonce, x.Used}}
			if x.Text != "" {
				line.tx.text = []byte(x.Text)
			}
		}
		*end, end = line, &line.next
	}
	return l
}

// addressOf returns the fingerprint of an address, never 0.
func addressOf(a netip.Addr) uint32 {
	b := a.As16()
	var halves [2]uint64
	for i, v := range b {
		halves[i/8] = halves[i/8]<<8 | uint64(v)
	}
	return uint32(chance.Hash(0, halves[0], halves[1])) | 1
}
