package probetest

import (
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"time"
)

// The bounds of a connection and of a listener.
const (
	mostBuffered = 64 << 10 // bytes of one direction: as many in the sender, and in the receiver
	mostQueued   = 128      // connections that nobody has accepted
)

// A listener is a port that answers, or one that is deaf.
type listener struct {
	host   *Host
	port   uint16
	deaf   bool
	cond   *sync.Cond
	queue  []*conn
	closed bool
}

// Accept waits for a connection.
func (l *listener) Accept() (net.Conn, error) {
	l.host.m.mu.Lock()
	defer l.host.m.mu.Unlock()
	for len(l.queue) == 0 && !l.closed {
		l.cond.Wait()
	}
	if l.closed {
		return nil, &net.OpError{Op: "accept", Net: "tcp", Addr: l.host.tcp(l.port), Err: net.ErrClosed}
	}
	c := l.queue[0]
	l.queue = l.queue[1:]
	l.host.m.changed.Broadcast() // there is room for another
	return c, nil
}

// Close frees the port, and resets the connections that nobody has accepted.
func (l *listener) Close() error {
	l.host.m.mu.Lock()
	defer l.host.m.mu.Unlock()
	if l.closed {
		return &net.OpError{Op: "close", Net: "tcp", Addr: l.host.tcp(l.port), Err: net.ErrClosed}
	}
	l.closed = true
	delete(l.host.at.streams, l.port)
	for _, c := range l.queue {
		c.hurried = true
		c.close()
	}
	l.queue = nil
	l.cond.Broadcast()
	l.host.m.changed.Broadcast()
	return nil
}

// Addr returns a *net.TCPAddr.
func (l *listener) Addr() net.Addr { return l.host.tcp(l.port) }

// A conn is one end of a connection. What is under way is in the sender, and moves to
// the receiver while both hosts are on the network and there is room.
type conn struct {
	host          *Host
	peer          *conn
	cond          *sync.Cond // of both ends
	local, remote *net.TCPAddr

	sent  []byte // and not yet with the peer
	count int    // of all bytes that were sent
	way   way    // what of it has come so far that the peer can have it
	got   []byte // and not yet read
	shut  bool   // nothing more is sent
	ended bool   // nothing more comes: the peer's end has arrived
	reset bool   // the peer broke it off
	told  bool   // and a call has returned that

	closed    bool
	hurried   bool // Close resets
	resets    bool // a reset is on its way to the peer
	forgotten bool // the host knows nothing of it any more

	read, write deadline
}

// A way is what has left an end and has taken its time.
type way struct {
	count  int       // of bytes
	shut   bool      // their end too
	resets bool      // a reset, or forgotten
	last   time.Time // when all of it has; zero: at once
}

// send sends what the end has to send.
func (c *conn) send() {
	count, shut, resets := c.count, c.shut, c.resets
	c.way.last = c.host.m.after(c.way.last, func() {
		c.way.count, c.way.shut, c.way.resets = max(c.way.count, count), c.way.shut || shut, c.way.resets || resets
		c.flush()
	})
}

// connect makes both ends of a connection.
func connect(from, to *Host, local, remote *net.TCPAddr) (own, other *conn) {
	cond := sync.NewCond(&from.m.mu)
	own = &conn{host: from, cond: cond, local: local, remote: remote}
	other = &conn{host: to, cond: cond, local: remote, remote: local, peer: own}
	own.peer = other
	from.conns[own], to.conns[other] = true, true
	return own, other
}

// flush moves what can arrive to the peer.
func (c *conn) flush() {
	p := c.peer
	if c.forgotten || c.host.off || p.host.off {
		return
	}
	defer c.cond.Broadcast()
	if c.resets && c.way.resets {
		p.reset, p.sent, c.resets = true, nil, false
		c.done()
		p.done()
		return
	}
	come := len(c.sent) - (c.count - c.way.count)
	if come > 0 && (p.closed || p.forgotten) { // nobody is there: it answers with a reset
		c.reset, c.sent = true, nil
		c.done()
		p.done()
		return
	}
	n := min(max(come, 0), mostBuffered-len(p.got))
	p.got = append(p.got, c.sent[:n]...)
	if c.sent = c.sent[n:]; len(c.sent) == 0 {
		c.sent = nil
		p.ended = p.ended || c.way.shut
		c.done()
		p.done()
	}
}

// done forgets a connection at its host that nothing can happen to any more.
func (c *conn) done() {
	if c.forgotten && (c.peer.closed || c.peer.reset) || !c.forgotten && c.closed && len(c.sent) == 0 && !c.resets {
		delete(c.host.conns, c)
	}
}

// forget drops what the host has of the connection.
func (c *conn) forget() {
	c.forgotten, c.sent, c.got, c.resets = true, nil, nil, false
	c.cond.Broadcast()
}

// Read reads what has arrived, also before a reset.
func (c *conn) Read(p []byte) (int, error) {
	c.host.m.mu.Lock()
	defer c.host.m.mu.Unlock()
	for {
		switch {
		case c.closed:
			return 0, c.failed("read", net.ErrClosed)
		case c.read.over:
			return 0, c.failed("read", os.ErrDeadlineExceeded)
		case len(p) == 0:
			return 0, nil
		case len(c.got) > 0:
			n := copy(p, c.got)
			if c.got = c.got[n:]; len(c.got) == 0 {
				c.got = nil
			}
			c.peer.flush()
			return n, nil
		case c.ended, c.told:
			return 0, io.EOF
		case c.reset:
			c.told = true
			return 0, c.failed("read", os.NewSyscallError("read", syscall.ECONNRESET))
		}
		c.cond.Wait()
	}
}

// Write returns when all is sent, which need not have arrived.
func (c *conn) Write(p []byte) (n int, err error) {
	c.host.m.mu.Lock()
	defer c.host.m.mu.Unlock()
	for {
		switch {
		case c.closed:
			return n, c.failed("write", net.ErrClosed)
		case c.write.over:
			return n, c.failed("write", os.ErrDeadlineExceeded)
		case c.reset && !c.ended && !c.told:
			c.told = true
			return n, c.failed("write", os.NewSyscallError("write", syscall.ECONNRESET))
		case c.reset, c.shut:
			return n, c.failed("write", os.NewSyscallError("write", syscall.EPIPE))
		}
		some := min(len(p)-n, mostBuffered-len(c.sent))
		c.sent = append(c.sent, p[n:n+some]...)
		n, c.count = n+some, c.count+some
		c.send()
		if n == len(p) {
			return n, nil
		}
		if some == 0 || len(c.sent) >= mostBuffered {
			c.cond.Wait()
		}
	}
}

func (c *conn) failed(op string, err error) error {
	return &net.OpError{Op: op, Net: "tcp", Source: c.local, Addr: c.remote, Err: err}
}

// CloseWrite ends this direction.
func (c *conn) CloseWrite() error {
	c.host.m.mu.Lock()
	defer c.host.m.mu.Unlock()
	if c.closed {
		return c.failed("close", net.ErrClosed)
	}
	c.shut = true
	c.send()
	return nil
}

// SetLinger has Close reset the connection for 0.
func (c *conn) SetLinger(sec int) error {
	c.host.m.mu.Lock()
	defer c.host.m.mu.Unlock()
	c.hurried = sec == 0
	return nil
}

// Close ends the connection. As elsewhere it resets it where something has arrived that
// nobody has read.
func (c *conn) Close() error {
	c.host.m.mu.Lock()
	defer c.host.m.mu.Unlock()
	if c.closed {
		return c.failed("close", net.ErrClosed)
	}
	c.close()
	return nil
}

func (c *conn) close() {
	c.closed, c.shut = true, true
	c.read.to(time.Time{}, c.cond)
	c.write.to(time.Time{}, c.cond)
	if c.hurried || len(c.got) > 0 {
		c.sent, c.got, c.resets = nil, nil, !c.reset && !c.forgotten
	}
	c.send()
	c.peer.flush() // what it has sent finds nobody
	c.done()
	c.peer.done()
	c.cond.Broadcast()
}

// LocalAddr returns a *net.TCPAddr.
func (c *conn) LocalAddr() net.Addr { return c.local }

// RemoteAddr returns a *net.TCPAddr.
func (c *conn) RemoteAddr() net.Addr { return c.remote }

// SetDeadline sets both deadlines.
func (c *conn) SetDeadline(at time.Time) error { return c.deadline(at, &c.read, &c.write) }

// SetReadDeadline sets that of Read.
func (c *conn) SetReadDeadline(at time.Time) error { return c.deadline(at, &c.read) }

// SetWriteDeadline sets that of Write.
func (c *conn) SetWriteDeadline(at time.Time) error { return c.deadline(at, &c.write) }

func (c *conn) deadline(at time.Time, which ...*deadline) error {
	c.host.m.mu.Lock()
	defer c.host.m.mu.Unlock()
	if c.closed {
		return c.failed("set", net.ErrClosed)
	}
	for _, d := range which {
		d.to(at, c.cond)
	}
	return nil
}
