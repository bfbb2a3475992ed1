package ssl

import (
	"cmp"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
)

// A Conn is a connection that speaks SSL. The first Read or Write shakes hands
// if [Conn.Handshake] was not called. One goroutine may read while another
// writes. Deadlines are those of the connection below. After a deadline has passed in a
// handshake or a Write the Conn cannot be used any more; a Read can be repeated.
type Conn struct {
	net.Conn
	client *Client // or
	server *Server

	ready  atomic.Bool             // the first handshake is through
	broken atomic.Pointer[failure] // why the connection is of no use any more
	state  atomic.Pointer[State]
	closed atomic.Bool

	version Version // on the records; both locks are held to change it
	agreed  bool    // on the version

	reading sync.Mutex // is taken before writing where both are
	r       *half
	raw     []byte // what came from below stands in raw[from:to]
	from    int
	to      int
	data    []byte // what was decrypted and not read yet
	early   []byte // data that came in the middle of a second handshake
	ended   bool   // close_notify came
	useless int    // records in a row that brought nothing
	warned  Alert  // the latest warning
	asked   bool   // of a server with AskLater: it has asked

	writing sync.Mutex
	w       *half
	out     []byte // records that were not sent yet
	fault   error  // why there was no chance for them
}

type failure struct{ err error }

// maxUseless bounds the empty records, warnings and second handshakes between
// two records with data, and maxEarly the data that is kept during a handshake,
// in bytes. OpenSSL's first bound is 32 too, in later versions than the devices'.
const (
	maxUseless = 32
	maxEarly   = 128 << 10
)

// Connect returns the client's side of a connection. It sends nothing yet.
func Connect(conn net.Conn, c *Client) *Conn {
	return &Conn{Conn: conn, client: c, version: min(c.newest(), TLS10), r: &half{}, w: &half{}}
}

// Accept returns the server's side of a connection. It reads nothing yet.
func Accept(conn net.Conn, s *Server) *Conn {
	return &Conn{Conn: conn, server: s, version: min(s.newest(), TLS10), r: &half{}, w: &half{}}
}

// Handshake shakes hands, once: later calls return what the first returned. An
// error is an *[Error], or of the connection below, or of Client.Think.
func (c *Conn) Handshake() error {
	if c.ready.Load() {
		return nil
	}
	c.reading.Lock()
	defer c.reading.Unlock()
	return c.begin()
}

// begin shakes hands for the first time. The lock for reading is held.
func (c *Conn) begin() error {
	if c.ready.Load() {
		return nil
	}
	if f := c.broken.Load(); f != nil {
		return f.err
	}
	if err := c.shake(); err != nil {
		return err
	}
	c.ready.Store(true)
	return nil
}

// State returns the result of the latest handshake; of one that failed, what was
// known by then. Its slices must not be changed.
func (c *Conn) State() State {
	if s := c.state.Load(); s != nil {
		return *s
	}
	return State{}
}

// Read reads data. It returns [io.EOF] after the other side's close_notify, and
// [io.ErrUnexpectedEOF] if the connection ended without one. OpenSSL 0.9.8 takes
// both for the end of an answer; a strict caller takes the second for a truncation.
func (c *Conn) Read(p []byte) (int, error) {
	c.reading.Lock()
	defer c.reading.Unlock()
	if err := c.begin(); err != nil || len(p) == 0 {
		return 0, err
	}
	for len(c.data) == 0 {
		if c.ended {
			c.drained()
			return 0, io.EOF
		}
		if f := c.broken.Load(); f != nil {
			return 0, f.err
		}
		if err := c.more(); err != nil {
			return 0, err
		}
	}
	n := copy(p, c.data)
	if c.data = c.data[n:]; len(c.data) == 0 {
		c.data = nil
		c.drained()
	}
	return n, nil
}

// more reads one record, and does what it asks for.
func (c *Conn) more() error {
	typ, body, err := c.readRecord()
	switch {
	case c.ended:
		return nil
	case err != nil:
	case typ == typeData:
		return c.gotData(body)
	case typ == typeHandshake:
		err = c.gotHandshake(body)
	default:
		err = refuse(UnexpectedMessage, "a record of type %d came among the data", typ)
	}
	return c.fails(err)
}

func (c *Conn) gotData(body []byte) error {
	c.data = body
	if c.server == nil || c.server.Ask != AskLater || c.asked {
		return nil
	}
	// The data stands in the buffer that the handshake is going to use.
	c.asked = true
	c.early = append(c.early, body...)
	c.data = nil
	return c.shake()
}

// gotHandshake reacts to a HelloRequest in a client, to a ClientHello in a server.
func (c *Conn) gotHandshake(body []byte) error {
	if err := c.wasUseless("handshake messages"); err != nil {
		return err
	}
	if c.server != nil {
		if len(body) == 0 || body[0] != msgClientHello {
			return refuse(UnexpectedMessage, "a handshake message came that nothing asked for")
		}
		return c.warn(NoRenegotiation)
	}
	if string(body) != "\x00\x00\x00\x00" {
		return refuse(UnexpectedMessage, "a handshake message came that nothing asked for")
	}
	switch c.client.OnHelloRequest {
	case IgnoreHello:
		return nil
	case RefuseHello:
		return c.warn(NoRenegotiation)
	}
	return c.shake()
}

// wasUseless counts records that bring no data; too many of them are an error.
func (c *Conn) wasUseless(what string) error {
	if c.useless++; c.useless > maxUseless {
		return refuse(UnexpectedMessage, "too many %s without data", what)
	}
	return nil
}

// Write sends data. It returns when all of it was handed to the connection below.
func (c *Conn) Write(p []byte) (int, error) {
	if err := c.Handshake(); err != nil {
		return 0, err
	}
	c.writing.Lock()
	defer c.writing.Unlock()
	sent := 0
	for sent < len(p) {
		if f := c.broken.Load(); f != nil {
			return sent, f.err
		}
		n := min(len(p)-sent, maxPlain)
		if err := c.writeData(p[sent : sent+n]); err != nil {
			return sent, c.breaks(err)
		}
		sent += n
	}
	return sent, nil
}

func (c *Conn) writeData(p []byte) error {
	c.out = buffer(len(p) + 2*sealedMore)[:0]
	if c.client != nil && c.client.EmptyFragments && c.w.cbc != nil && c.version < TLS11 {
		c.seal(typeData, nil)
	}
	c.seal(typeData, p)
	return c.flush()
}

// Close sends close_notify, once and only after a handshake, and closes the
// connection below. It waits only until these few bytes are written, at most until
// the deadline for writing.
func (c *Conn) Close() error {
	if !c.closed.Swap(true) && c.ready.Load() && c.broken.Load() == nil && c.writing.TryLock() {
		_ = c.sendAlert(levelWarning, CloseNotify) // the other side may be gone
		c.writing.Unlock()
	}
	return c.Conn.Close()
}

// warn sends a warning, where the version knows it.
func (c *Conn) warn(a Alert) error {
	if a = a.In(c.version); a == NoAlert {
		return nil
	}
	c.writing.Lock()
	defer c.writing.Unlock()
	return c.sendAlert(levelWarning, a)
}

// fails keeps an error in reading, and sends the alert if the error is this side's.
// A deadline that has passed is not kept, since it can be moved.
func (c *Conn) fails(err error) error {
	var timeout net.Error
	if err == nil || c.broken.Load() != nil || errors.As(err, &timeout) && timeout.Timeout() {
		return err
	}
	c.from = c.to
	c.drained()
	c.writing.Lock()
	defer c.writing.Unlock()
	return c.breaks(err)
}

// breaks ends the connection for good. The lock for writing is held.
func (c *Conn) breaks(err error) error {
	if e, ok := err.(*Error); ok && e.Sent { //nolint:errorlint // an Error that is wrapped is not this connection's
		e.Alert = e.Alert.In(c.version)
		if e.Sent = e.Alert != NoAlert; e.Sent {
			_ = c.sendAlert(levelFatal, e.Alert) // err is the news, also where nobody hears of it
		}
	}
	c.broken.Store(&failure{err})
	release(c.out)
	c.out = nil
	return err
}

const (
	levelWarning = 1
	levelFatal   = 2
)

func (c *Conn) sendAlert(level byte, a Alert) error {
	c.seal(typeAlert, []byte{level, byte(a)})
	return c.flush()
}

// seal adds a record to those that the next flush sends.
func (c *Conn) seal(typ byte, data []byte) {
	if c.out == nil {
		c.out = buffer(flightLen)[:0]
	}
	chance := c.w.scratch[:c.w.overhead()]
	c.chance(chance)
	c.out = c.w.seal(c.out, typ, c.version, chance, data)
}

// flush sends the sealed records, unless random bytes were missing for one.
func (c *Conn) flush() error {
	err := c.fault
	if err == nil && len(c.out) > 0 {
		_, err = c.Conn.Write(c.out)
	}
	release(c.out)
	c.out = nil
	return err
}

// chance fills p with random bytes of the side's source. If that fails, nothing more
// is sent and the next flush returns the error.
func (c *Conn) chance(p []byte) {
	if len(p) == 0 {
		return
	}
	if _, err := io.ReadFull(cmp.Or(c.source(), rand.Reader), p); err != nil {
		c.fault = fmt.Errorf("draw %d bytes: %w", len(p), err)
	}
}

// source returns the source of random bytes; nil is crypto/rand.
func (c *Conn) source() io.Reader {
	if c.client != nil {
		return c.client.Rand
	}
	return c.server.Rand
}

// readRecord reads the next record that is not an alert. The body is valid until
// the next call.
func (c *Conn) readRecord() (byte, []byte, error) {
	for {
		typ, body, err := c.readAny()
		if err != nil {
			return 0, nil, err
		}
		switch {
		case typ == typeAlert:
			err = c.gotAlert(body)
		case len(body) == 0:
			err = c.wasUseless("empty records")
		default:
			if typ == typeData {
				c.useless = 0
			}
			return typ, body, nil
		}
		if err != nil {
			return 0, nil, err
		}
		c.drained()
	}
}

// gotAlert returns what an alert means; nil where it is a warning.
func (c *Conn) gotAlert(body []byte) error {
	if len(body) != 2 {
		return refuse(DecodeError, "an alert of %d bytes", len(body))
	}
	a := Alert(body[1])
	switch {
	case body[0] == levelFatal:
		return &Error{Alert: a}
	case body[0] != levelWarning:
		return refuse(IllegalParameter, "an alert of level %d", body[0])
	case a == CloseNotify:
		c.ended = true
		return io.EOF
	case a == NoRenegotiation && c.server != nil:
		return refuse(HandshakeFailure, "the client does not shake hands again")
	}
	c.warned = a
	return c.wasUseless("warnings")
}

// readAny reads and decrypts a record.
func (c *Conn) readAny() (byte, []byte, error) {
	if err := c.fill(headerLen); err != nil {
		return 0, nil, err
	}
	head := c.raw[c.from:]
	typ, version, n := head[0], Version(binary.BigEndian.Uint16(head[1:])), int(binary.BigEndian.Uint16(head[3:]))
	switch {
	case version>>8 != SSL30>>8:
		return 0, nil, refuse(NoAlert, "what came is no SSL: %q", head[:headerLen])
	case c.agreed && version != c.version:
		return 0, nil, refuse(ProtocolVersion, "a record has the version %v, agreed was %v", version, c.version)
	case n > maxSealed || c.r.mac == nil && n > maxPlain:
		return 0, nil, refuse(RecordOverflow, "a record of %d bytes is too long", n)
	}
	if err := c.fill(headerLen + n); err != nil {
		return 0, nil, err
	}
	body := c.raw[c.from+headerLen : c.from+headerLen+n]
	c.from += headerLen + n
	body, bad := c.r.open(typ, version, body)
	switch {
	case bad != nil:
		return 0, nil, bad
	case len(body) > maxPlain:
		return 0, nil, refuse(RecordOverflow, "a record with %d bytes is too long", len(body))
	}
	return typ, body, nil
}

// fill reads until n bytes are in the buffer.
func (c *Conn) fill(n int) error {
	if c.from == c.to {
		c.from, c.to = 0, 0
	}
	for c.to-c.from < n {
		c.grow(n)
		m, err := c.Conn.Read(c.raw[c.to:])
		c.to += m
		if err != nil && c.to-c.from < n {
			if errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			return err
		}
	}
	return nil
}

// grow makes room in the buffer for n bytes from its first one on, and for one more read.
func (c *Conn) grow(n int) {
	if c.from+n <= len(c.raw) {
		return
	}
	old, b := c.raw, c.raw
	if n > len(b) {
		if !c.ready.Load() {
			n = max(n, flightLen)
		}
		b = buffer(n)
		defer release(old)
	}
	c.raw, c.from, c.to = b, 0, copy(b, old[c.from:c.to])
}

// drained gives the buffer back if it is empty.
func (c *Conn) drained() {
	if c.from == c.to && len(c.data) == 0 {
		release(c.raw)
		c.raw, c.from, c.to = nil, 0, 0
	}
}
