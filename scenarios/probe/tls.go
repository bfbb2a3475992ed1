package probe

import (
	"cmp"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"spafleet/certs"
	"spafleet/certs/ssl"
	"spafleet/certs/trust"
)

// A tlsTrial is a trial with what HTTPS needs.
type tlsTrial struct{ *trial }

func overTLS(run func(tlsTrial)) func(*trial) { return func(t *trial) { run(tlsTrial{t}) } }

// A call is one connection of the phone to a port of the probe's that speaks TLS.
type call struct {
	wire    *wire
	hello   *hello    // nil: what came was none
	state   ssl.State // of the handshake, as far as it came
	modern  bool      // crypto/tls spoke, for which alert 42 is every refusal
	through bool      // the handshake went well
	asked   bool      // and a request came
	alert   ssl.Alert // that the phone sent last; NoAlert: none
	err     error     // why the handshake failed

	waiting bool  // after the probe's first words the phone waited for more
	shaken  bool  // of one that is asked to shake hands again: it has done so before
	second  error // and what came of it
	brought int   // bytes of the first record with data
	ended   time.Time
}

// A speaker shakes hands with a phone whose hello has been read, and returns what is
// inside. It notes what it sees in the call alone: the phone may call again meanwhile.
type speaker func(*call) (net.Conn, error)

// taken says in words what the phone did with a handshake.
func (c *call) taken() string {
	switch {
	case c.asked:
		return "taken"
	case c.through:
		return "shaken hands, then closed without a request"
	case c.alert != ssl.NoAlert:
		return fmt.Sprintf("refused with alert %d, %v", c.alert, c.alert)
	case isLate(c.err):
		return "no word more"
	}
	return "closed without an alert"
}

// isLate reports whether a handshake failed because nothing more came.
func isLate(err error) bool {
	var timeout net.Error
	return errors.As(err, &timeout) && timeout.Timeout()
}

// handshakeWait is how long a phone may take for a handshake.
const handshakeWait = 45 * time.Second

// secure has the phone ask for a right file by HTTPS, at a port of its own where a
// speaker answers, and returns the first connection. Host is that of the URL; "": the
// probe's address.
func (t tlsTrial) secure(host string, speak speaker) *call {
	p := &securePort{t: t.trial, speak: speak}
	at := t.listen(p.serve)
	if host == "" {
		host = at.Addr().String()
	}
	t.ask(fmt.Sprintf("https://%s:%d/p/%s/%s/%s", host, at.Port(), t.s.server.token, t.place, t.serve(nil)))
	t.await(handshakeWait, func([]request) bool {
		t.s.mu.Lock()
		defer t.s.mu.Unlock()
		return p.busy == 0
	})
	t.s.mu.Lock()
	defer t.s.mu.Unlock()
	if p.first == nil {
		t.fail("the phone did not connect for HTTPS")
		return &call{wire: &wire{}, alert: ssl.NoAlert}
	}
	return p.first
}

// A securePort serves the connections of one port.
type securePort struct {
	t     *trial
	speak speaker
	first *call // under the session's lock, as all below
	busy  int
}

func (p *securePort) serve(conn net.Conn) {
	s := p.t.s
	if !ours(s, addrOf(conn.RemoteAddr()).Addr()) {
		return
	}
	c := &call{wire: &wire{Conn: conn}, alert: ssl.NoAlert}
	p.count(1, nil)
	defer p.count(-1, c)
	_ = conn.SetDeadline(time.Now().Add(handshakeWait))
	if c.hello, c.err = readHello(c.wire); c.err != nil {
		return
	}
	inner, err := p.speak(c)
	if err != nil {
		c.failed(err)
		return
	}
	c.through = true
	defer inner.Close()
	c.asked = s.server.serveStream(inner, addrOf(conn.RemoteAddr()), "https")
}

// count says that a connection begins, or has ended.
func (p *securePort) count(n int, ended *call) {
	p.t.s.mu.Lock()
	p.busy += n
	if ended != nil {
		ended.ended = time.Now()
	}
	if p.first == nil {
		p.first = ended
	}
	p.t.s.mu.Unlock()
	p.t.s.server.wake()
}

// failed keeps why a handshake failed.
func (c *call) failed(err error) {
	c.err = err
	var old *ssl.Error
	a, sent := trust.ModernAlert(err)
	if errors.As(err, &old) {
		a, sent = old.Alert, old.Sent
	}
	if a != ssl.NoAlert && !sent {
		c.alert = a
	}
}

// everySuite is what the probe takes, without and with DHE.
var (
	everySuite = []ssl.Suite{ssl.AES256SHA, ssl.AES128SHA, ssl.DES3SHA, ssl.RC4SHA, ssl.RC4MD5}
	everyDHE   = []ssl.Suite{ssl.DHEAES256SHA, ssl.DHEAES128SHA, ssl.DHEDES3SHA}
)

// showing speaks what the phone does best, with a certificate.
func showing(cert *ssl.Certificate) speaker {
	return func(c *call) (net.Conn, error) {
		if c.hello.version < tls.VersionTLS12 {
			return speakOld(c, &ssl.Server{Certificate: cert})
		}
		c.modern = true
		conn := tls.Server(c.wire, &tls.Config{
			MinVersion: tls.VersionTLS12, MaxVersion: tls.VersionTLS12, SessionTicketsDisabled: true,
			Certificates: []tls.Certificate{{Certificate: cert.Chain, PrivateKey: cert.Key}},
			CipherSuites: []uint16{tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, tls.TLS_RSA_WITH_AES_256_CBC_SHA, tls.TLS_RSA_WITH_AES_128_CBC_SHA},
		})
		if err := conn.Handshake(); err != nil { //nolint:noctx // the connection has a deadline
			return nil, err
		}
		return conn, nil
	}
}

// speakOld speaks SSL 3.0 to TLS 1.1, with all suites without DHE where the server names
// none.
func speakOld(c *call, as *ssl.Server) (*ssl.Conn, error) {
	copied := *as
	s := &copied
	s.Min, s.Max = ssl.SSL30, ssl.TLS11
	if s.Suites == nil {
		s.Suites = everySuite
	}
	conn := ssl.Accept(c.wire, s)
	err := conn.Handshake()
	c.state = conn.State()
	return conn, err
}

// old is a speaker of SSL 3.0 to TLS 1.1.
func old(s *ssl.Server) speaker {
	return func(c *call) (net.Conn, error) { return speakOld(c, s) }
}

// certificate returns a server's certificate, of the authority that the phone trusts and
// for the probe's address, where the request says nothing else.
func (t tlsTrial) certificate(r certs.ServerRequest) *ssl.Certificate {
	nobody := &ssl.Certificate{}
	switch {
	case t.failed != nil:
		return nobody
	case t.s.q.PKI == nil:
		t.fail("it needs an authority that the phone trusts: --certs")
		return nobody
	case r.CA == "" && t.s.phone.authority.name == "":
		t.fail("the phone trusts none of the authorities of --certs; it would with one of them as its Custom CA")
		return nobody
	case r.CA == "":
		r.CA = t.s.phone.authority.name
	}
	if r.CN == "" && r.Subject == nil {
		r.CN = t.s.at("http").Addr().String()
	}
	r.Bits = 1024
	cert, err := t.s.q.PKI.Server(r)
	if err != nil {
		t.fail("%w", err)
		return nobody
	}
	return cert
}

// shows has the phone see a certificate, and notes what it does.
func (t tlsTrial) shows(what string, r certs.ServerRequest) *call {
	cert := t.certificate(r)
	if t.failed != nil {
		return &call{wire: &wire{}, alert: ssl.NoAlert}
	}
	c := t.secure("", showing(cert))
	t.fact(what, "%s", c.taken())
	return c
}

// again has the phone shake hands, ask for a file, and then be asked to shake hands again. The
// state is of the second handshake as far as it came.
func (t tlsTrial) again() *call {
	const enough = 5 * time.Second
	server := t.asking(ssl.AskLater)
	return t.secure("", func(c *call) (net.Conn, error) {
		conn, err := speakOld(c, server)
		if err != nil {
			return nil, err
		}
		c.shaken = true
		_ = conn.SetDeadline(time.Now().Add(enough))
		_, c.second = conn.Read(make([]byte, 1))
		c.state = conn.State()
		return nil, cmp.Or(c.second, io.EOF) // the phone has no answer
	})
}

// mostWire bounds what is kept of a connection.
const mostWire = 64 << 10

// A wire is a connection that keeps what came, and how long it took after the probe had
// sent something.
type wire struct {
	net.Conn
	in    []byte // what came
	pos   int    // of it was read
	sent  time.Time
	waits []time.Duration // from what was sent to what came next
}

// look returns the first n bytes without reading them.
func (w *wire) look(n int) ([]byte, error) {
	for len(w.in) < n {
		if err := w.more(); err != nil {
			return nil, err
		}
	}
	return w.in[:n], nil
}

// more waits for more bytes, and keeps them.
func (w *wire) more() error {
	b := make([]byte, 4096)
	n, err := w.Conn.Read(b)
	if n > 0 && !w.sent.IsZero() {
		w.waits = append(w.waits, time.Since(w.sent))
		w.sent = time.Time{}
	}
	w.in = append(w.in, b[:n]...)
	switch {
	case n > 0:
		return nil
	case len(w.in) > mostWire:
		return io.ErrShortBuffer
	}
	return err
}

// Read reads what came.
func (w *wire) Read(p []byte) (int, error) {
	if w.pos == len(w.in) {
		if len(w.in) > mostWire {
			return 0, io.ErrShortBuffer
		}
		if err := w.more(); err != nil {
			return 0, err
		}
	}
	n := copy(p, w.in[w.pos:])
	w.pos += n
	return n, nil
}

// Write sends.
func (w *wire) Write(p []byte) (int, error) {
	n, err := w.Conn.Write(p)
	w.sent = time.Now()
	return n, err
}

// data returns the lengths of the records with data that came, as they are on the wire.
func (w *wire) data() (lengths []int) {
	b := w.in
	if len(b) > 2 && b[0]&0x80 != 0 { // a hello in the format of SSL 2.0
		b = b[min(len(b), 2+int(b[0]&0x7f)<<8+int(b[1])):]
	}
	for len(b) >= 5 {
		n := int(b[3])<<8 | int(b[4])
		if b[0] == 23 {
			lengths = append(lengths, n)
		}
		b = b[min(len(b), 5+n):]
	}
	return lengths
}
