package fleet

import (
	"bytes"
	"sync"
	"time"

	"spafleet/device"
	"spafleet/resync/fault"
)

// sipFaults finds what faults do to the datagrams of a transaction: one exchange. Of each
// port of a device it remembers the last transaction in each direction, while there are
// faults. It is safe for concurrent use.
type sipFaults struct {
	plan *fault.Plan

	mu   sync.Mutex
	last map[transactionKey]transaction
}

type transactionKey struct {
	dev  device.Index
	port uint16
	own  bool // the device has begun it
}

type transaction struct {
	branch      string // with the method
	disturbance *fault.Disturbance
}

func newSIPFaults(p *fault.Plan) *sipFaults {
	return &sipFaults{plan: p, last: map[transactionKey]transaction{}}
}

// fate returns how often a datagram arrives that a device sends (out) or that comes to
// it, and how much later.
func (s *sipFaults) fate(dev device.Index, port uint16, out bool, text []byte) (copies int, late time.Duration) {
	if s.plan.Idle() {
		return 1, 0
	}
	branch, method, answer := peek(text)
	s.mu.Lock()
	defer s.mu.Unlock()
	key := transactionKey{dev, port, out != answer}
	t, known := s.last[key]
	if !known || t.branch != branch+method {
		t = transaction{branch + method, nil}
		if !answer { // an answer to what is not known is of no exchange
			t.disturbance = s.plan.Exchange(fault.Exchange{Device: uint32(dev), Scheme: "sip", Path: "/" + method})
			s.last[key] = t
		}
	}
	return t.disturbance.Datagram(out, len(text))
}

// peek reads what a transaction is known by: the branch of the topmost Via and the method.
// It is of use for what devices and servers write; of other texts it returns what it finds.
func peek(text []byte) (branch, method string, answer bool) {
	first, rest, _ := bytes.Cut(text, []byte("\n"))
	answer = bytes.HasPrefix(first, []byte("SIP/2.0 "))
	if !answer {
		name, _, _ := bytes.Cut(first, []byte(" "))
		method = string(name)
	}
	if _, after, ok := bytes.Cut(rest, []byte("branch=")); ok {
		branch = string(after[:end(after, ";, \r\n")])
	}
	if _, after, ok := bytes.Cut(rest, []byte("\nCSeq:")); ok && answer {
		line := bytes.Fields(after[:end(after, "\r\n")])
		if len(line) == 2 {
			method = string(line[1])
		}
	}
	return branch, method, answer
}

// end returns where the first of some bytes stands, the length of the text for none.
func end(text []byte, ends string) int {
	if i := bytes.IndexAny(text, ends); i >= 0 {
		return i
	}
	return len(text)
}
