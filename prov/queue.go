package prov

import (
	"errors"
	"io"
	"net"
	"net/netip"
	"sync"

	"golang.org/x/net/netutil"
)

var (
	errBusy  = errors.New("too many transfers wait for their turn: not answered, the device asks again")
	errAgain = errors.New("the request has come before and waits, or is answered")
)

// waitingFor is how many TFTP requests may wait, and how many connections may be
// open, for each transfer that may run.
const waitingFor = 4

// A queue lets so many transfers run at once; the next wait. A nil queue lets all
// run.
type queue struct {
	slots  chan struct{}
	closed <-chan struct{} // when the server closes

	mu     sync.Mutex
	asking map[netip.AddrPort]bool // TFTP clients that wait or are served
}

// newQueue returns a queue for most transfers at once, until closed; 0: no limit.
func newQueue(most int, closed <-chan struct{}) *queue {
	if most == 0 {
		return nil
	}
	return &queue{slots: make(chan struct{}, most), closed: closed, asking: map[netip.AddrPort]bool{}}
}

// enter waits for a transfer's turn, which leave ends. It fails when the server
// closes or gone, the end of the client's connection, comes first.
func (q *queue) enter(gone <-chan struct{}) error {
	if q == nil {
		return nil
	}
	select {
	case q.slots <- struct{}{}:
	case <-gone:
		return net.ErrClosed
	case <-q.closed:
		return net.ErrClosed
	}
	select {
	case <-q.closed: // the transfer that made room was broken off
		q.leave()
		return net.ErrClosed
	default:
		return nil
	}
}

func (q *queue) leave() {
	if q != nil {
		<-q.slots
	}
}

// enterTFTP is enter for a request that came by a packet. Those of which too many
// wait are refused, and so is one that the client has only repeated.
func (q *queue) enterTFTP(client netip.AddrPort) (leave func(), err error) {
	if q == nil {
		return func() {}, nil
	}
	if err := q.note(client); err != nil {
		return nil, err
	}
	if err := q.enter(nil); err != nil {
		q.forget(client)
		return nil, err
	}
	return func() { q.leave(); q.forget(client) }, nil
}

func (q *queue) note(client netip.AddrPort) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	switch {
	case q.asking[client]:
		return errAgain
	case len(q.asking) >= (1+waitingFor)*cap(q.slots):
		return errBusy
	}
	q.asking[client] = true
	return nil
}

func (q *queue) forget(client netip.AddrPort) {
	q.mu.Lock()
	defer q.mu.Unlock()
	delete(q.asking, client)
}

// listener takes as many connections as may wait; the next stay in the system's
// queue.
func (q *queue) listener(l net.Listener) net.Listener {
	if q == nil {
		return l
	}
	return netutil.LimitListener(l, waitingFor*cap(q.slots))
}

// keepQuiet ends a request for a file without any packet, for which pin/tftp has no
// other way: it closes the transfer's socket whatever becomes of its reader.
func keepQuiet(to io.ReaderFrom) {
	defer func() {
		if r := recover(); r != nil && r != errQuiet { //nolint:errorlint // the very value
			panic(r)
		}
	}()
	_, _ = to.ReadFrom(quiet{}) // never returns
}

var errQuiet = errors.New("no answer")

type quiet struct{}

func (quiet) Read([]byte) (int, error) { panic(errQuiet) }
