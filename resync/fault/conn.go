package fault

import (
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"time"
)

// Connect returns how much longer it takes until a connection is up; false if
// that never happens. It is asked once, before Conn, or Request and Answer.
func (d *Disturbance) Connect() (late time.Duration, ok bool) {
	d.stream = &stream{disturbance: d, at: time.Unix(1, 0)} // any: only differences count
	return d.stream.connect()
}

// Conn returns a connection with the exchange's disturbance. Now is the
// clock that its deadlines follow. Wait returns when a moment has come, or with
// an error when nobody waits any more. Deadlines may be set by another
// goroutine; of reading and writing there is one.
func (d *Disturbance) Conn(inner net.Conn, now func() time.Time, wait func(until time.Time) error) net.Conn {
	if d.stream == nil {
		_, _ = d.Connect()
	}
	c := &conn{Conn: inner, stream: d.stream, now: now, wait: wait}
	c.reset, c.shut, c.end = d.limits()
	c.shutIfDue()
	return c
}

type conn struct {
	net.Conn
	stream           *stream
	now              func() time.Time
	wait             func(time.Time) error
	reset, shut, end Limit
	closed           bool      // the device's half is
	kept             []byte    // came in, but was not waited for
	ready            time.Time // when kept is here
	broken           error     // what comes after kept

	mu       sync.Mutex
	deadline time.Time // of reading
}

func (c *conn) SetDeadline(t time.Time) error {
	c.keep(t)
	return c.Conn.SetDeadline(t)
}

func (c *conn) SetReadDeadline(t time.Time) error {
	c.keep(t)
	return c.Conn.SetReadDeadline(t)
}

func (c *conn) keep(t time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.deadline = t
}

func (c *conn) Read(p []byte) (int, error) {
	if len(c.kept) > 0 || c.broken != nil {
		return c.readKept(p)
	}
	if c.stream.silenced {
		return 0, c.silence()
	}
	most, ending := allowed(c.stream.in, int64(len(p)), c.reset, c.end)
	if most == 0 && len(p) > 0 {
		return 0, c.finish(ending)
	}
	n, err := c.Conn.Read(p[:most])
	at := c.ready
	if n > 0 {
		at = c.stream.received(n, c.now)
	}
	if c.stream.silenced {
		return 0, c.silence()
	}
	c.shutIfDue()
	if late := c.until(at); late != nil {
		c.kept, c.ready, c.broken = append(c.kept, p[:n]...), at, err
		return 0, late
	}
	return n, err
}

func (c *conn) readKept(p []byte) (int, error) {
	if err := c.until(c.ready); err != nil {
		return 0, err
	}
	n := copy(p, c.kept)
	c.kept = c.kept[n:]
	if len(c.kept) > 0 || n > 0 {
		return n, nil
	}
	err := c.broken
	c.broken = nil
	return 0, err
}

// until waits for a moment, but no longer than the deadline.
func (c *conn) until(at time.Time) error {
	if at.IsZero() || !at.After(c.now()) {
		return nil
	}
	c.mu.Lock()
	deadline := c.deadline
	c.mu.Unlock()
	if deadline.IsZero() || !at.After(deadline) {
		return c.wait(at)
	}
	if err := c.wait(deadline); err != nil {
		return err
	}
	return os.ErrDeadlineExceeded
}

// silence waits for what does not come.
func (c *conn) silence() error {
	const forever = 100 * 365 * 24 * time.Hour
	if err := c.until(c.now().Add(forever)); err != nil {
		return err
	}
	return os.ErrDeadlineExceeded
}

// finish ends the connection early.
func (c *conn) finish(e Ending) error {
	c.stream.disturbance.ended(e)
	if e == Cut {
		return io.EOF
	}
	if tcp, ok := c.Conn.(interface{ SetLinger(int) error }); ok {
		_ = tcp.SetLinger(0) // then closing resets
	}
	c.Close()
	return &net.OpError{Op: "read", Net: "tcp", Source: c.LocalAddr(), Addr: c.RemoteAddr(), Err: os.NewSyscallError("read", syscall.ECONNRESET)}
}

// shutIfDue closes the device's half when its bytes have come.
func (c *conn) shutIfDue() {
	if !c.shut.Given || c.closed || c.stream.in < c.shut.Bytes {
		return
	}
	c.closed = true
	c.stream.disturbance.shut(c.shut)
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		_ = half.CloseWrite() // nobody is left to tell
	}
}

func (c *conn) Write(p []byte) (int, error) {
	if c.closed { // it goes into the void
		return len(p), nil
	}
	c.stream.sent(len(p), c.now)
	if c.stream.silenced {
		return len(p), nil
	}
	return c.Conn.Write(p)
}
