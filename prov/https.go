package prov

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"spafleet/certs"
	"spafleet/certs/ssl"
)

// An HTTPS is one listener with one certificate, as the devices need: they name
// no server when they connect. At least one of SSL and TLS is set.
type HTTPS struct {
	Name string      // for people
	Addr string      // host:port as in [Server]
	SSL  *ssl.Server // SSL 3.0 to TLS 1.1; for tests and demos, it protects nothing
	TLS  *tls.Config // TLS 1.2; with SSL too, the client's hello decides
	// Match gives a file whose path names a device only to a client that shows
	// the certificate of that device; others get status 403.
	Match bool

	listener net.Listener
}

// HTTPSAt returns where the listeners of HTTPS are, in their order; zero values
// for those that never were open.
func (s *Server) HTTPSAt() []netip.AddrPort {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := make([]netip.AddrPort, len(s.HTTPS))
	for i, h := range s.HTTPS {
		if h.listener != nil {
			list[i] = addrPort(h.listener.Addr())
		}
	}
	return list
}

func (s *Server) listenHTTPS() error {
	for i := range s.HTTPS {
		h := &s.HTTPS[i]
		if h.SSL == nil && h.TLS == nil {
			return fmt.Errorf("listen for https on %s: no certificate", h.Addr)
		}
		l, err := net.Listen("tcp4", h.Addr)
		if err != nil {
			return listenError("https", h.Addr, err)
		}
		h.listener = l
	}
	return nil
}

// serveHTTPS starts a server on each of the listeners.
func (s *Server) serveHTTPS() {
	for i := range s.HTTPS {
		h := &s.HTTPS[i]
		server := s.newHTTP(http.HandlerFunc(s.handleHTTPS))
		server.ConnContext = func(ctx context.Context, c net.Conn) context.Context { return context.WithValue(ctx, sealedKey{}, c) }
		s.https = append(s.https, server)
		s.serveOn(server, &sealedListener{s.queue.listener(h.listener), i, s}) // handleHTTPS needs the sealed connection itself
	}
}

// secure returns a listener of HTTPS as it is now. Close waits for those who call it, so
// it has a lock of its own.
func (s *Server) secure(i int) *HTTPS {
	s.sealing.Lock()
	defer s.sealing.Unlock()
	h := &s.HTTPS[i]
	return &HTTPS{Name: h.Name, SSL: h.SSL, TLS: h.TLS, Match: h.Match}
}

// Secure changes the certificate of a listener of HTTPS, and what it asks of clients,
// for the connections that come from now on. Where it listens stays.
func (s *Server) Secure(i int, h HTTPS) {
	s.sealing.Lock()
	defer s.sealing.Unlock()
	s.HTTPS[i].Name, s.HTTPS[i].SSL, s.HTTPS[i].TLS, s.HTTPS[i].Match = h.Name, h.SSL, h.TLS, h.Match
}

type sealedKey struct{}

// handleHTTPS answers a request whose connection has shaken hands.
func (s *Server) handleHTTPS(w http.ResponseWriter, q *http.Request) {
	conn := q.Context().Value(sealedKey{}).(*sealed) // put there by serveHTTPS
	r := httpRequest(q)
	r.Scheme = "https"
	t := s.begin(r, q.UserAgent())
	if !t.enter(q) {
		return
	}
	defer s.queue.leave()
	t.x.subject, t.x.tls = conn.subject(), conn.protocol
	if conn.h.Match && t.foreign() {
		t.fail(http.StatusForbidden, errForeign)
	} else {
		t.take(w, q)
	}
	t.send(w)
}

// A Subject is what a client's certificate says of its device (field: S of the
// guides is ST).
type Subject struct {
	Name   string // the whole, the last attribute first, as nginx has it in $ssl_client_s_dn
	MAC    string // 12 lower-case hexadecimal digits as a rule
	Serial string
	Model  string // OU
}

func newSubject(leaf *x509.Certificate) *Subject {
	first := func(list []string) string {
		if len(list) == 0 {
			return ""
		}
		return list[0]
	}
	n := leaf.Subject
	name := n.String()
	if d, err := certs.Describe(leaf.Raw); err == nil {
		name = d.Subject
	}
	return &Subject{Name: name, MAC: first(n.Province), Serial: first(n.Locality), Model: first(n.OrganizationalUnit)}
}

// A sealedListener gives connections that shake hands when they are first read,
// so that a client that stalls holds up nobody.
type sealedListener struct {
	net.Listener
	i int // of the server's HTTPS
	s *Server
}

func (l *sealedListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &sealed{Conn: conn, inner: conn, h: l.s.secure(l.i), s: l.s}, nil
}

// A sealed connection is a TCP connection whose first Read shakes hands. Who
// closes it may be another goroutine than the one that reads and writes.
type sealed struct {
	net.Conn // TCP
	h        *HTTPS
	s        *Server
	once     sync.Once
	broken   error
	protocol string
	chain    func() []*x509.Certificate

	mu    sync.Mutex
	inner net.Conn // what is inside: after the handshake the protocol's
}

func (c *sealed) opened() net.Conn {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.inner
}

// Write writes after the handshake.
func (c *sealed) Write(p []byte) (int, error) { return c.opened().Write(p) }

// Close says goodbye as the protocol does, and closes.
func (c *sealed) Close() error { return c.opened().Close() }

func (c *sealed) open(inner net.Conn, protocol string, chain func() []*x509.Certificate) {
	c.protocol, c.chain = protocol, chain
	c.mu.Lock()
	defer c.mu.Unlock()
	c.inner = inner
}

// handshakeWait is how long a client may take for its handshake.
const handshakeWait = 30 * time.Second

func (c *sealed) Read(p []byte) (int, error) {
	c.once.Do(func() { c.broken = c.shake() })
	if c.broken != nil {
		return 0, c.broken
	}
	n, err := c.opened().Read(p)
	var late *ssl.Error
	if errors.As(err, &late) { // of a second handshake
		c.logFailed(err)
	}
	return n, err
}

// logFailed logs a handshake that failed.
func (c *sealed) logFailed(err error) {
	c.s.Core.logHandshake(c.s.now(), addrPort(c.RemoteAddr()).Addr(), handshakeErrorOf(err))
}

func (c *sealed) shake() error {
	if err := c.SetDeadline(time.Now().Add(handshakeWait)); err != nil {
		return err
	}
	raw := &sniffed{Conn: c.Conn, in: bufio.NewReaderSize(c.Conn, 4<<10)}
	if err := c.answerBadly(raw); err != nil {
		return err
	}
	var err error
	if c.h.SSL == nil || c.h.TLS != nil && raw.isModern() {
		err = c.shakeTLS(raw)
	} else {
		err = c.shakeSSL(raw)
	}
	if err != nil {
		if !errors.Is(err, io.EOF) && !errors.Is(err, net.ErrClosed) {
			c.logFailed(err)
		}
		return err
	}
	return c.SetDeadline(time.Time{})
}

func (c *sealed) shakeSSL(raw net.Conn) error {
	conn := ssl.Accept(raw, c.h.SSL)
	if err := conn.Handshake(); err != nil {
		return err
	}
	state := conn.State()
	// A later handshake may bring the client's certificate.
	c.open(conn, state.Version.String()+" "+state.Suite.String(), func() []*x509.Certificate { return parseChain(conn.State().Chain) })
	return nil
}

func (c *sealed) shakeTLS(raw net.Conn) error {
	said := &alertSeen{Conn: raw}
	conn := tls.Server(said, c.h.TLS)
	ctx, cancel := context.WithTimeout(c.s.closing, handshakeWait)
	defer cancel()
	if err := conn.HandshakeContext(ctx); err != nil {
		return said.explain(err)
	}
	state := conn.ConnectionState()
	c.open(conn, tls.VersionName(state.Version)+" "+tls.CipherSuiteName(state.CipherSuite), func() []*x509.Certificate { return state.PeerCertificates })
	return nil
}

func parseChain(chain [][]byte) []*x509.Certificate {
	if len(chain) == 0 {
		return nil
	}
	leaf, err := x509.ParseCertificate(chain[0])
	if err != nil {
		return nil
	}
	return []*x509.Certificate{leaf}
}

// subject returns what the client's certificate says, nil for a client without.
func (c *sealed) subject() *Subject {
	chain := c.chain()
	if len(chain) == 0 {
		return nil
	}
	return newSubject(chain[0])
}

// A sniffed connection can be looked into before it is read.
type sniffed struct {
	net.Conn
	in *bufio.Reader
}

func (c *sniffed) Read(p []byte) (int, error) { return c.in.Read(p) }

// isModern reports whether a client's hello is for TLS 1.2 or later. What is no
// such hello is for the old side, which says what is wrong.
func (c *sniffed) isModern() bool {
	const handshake, upToVersion = 22, 11
	head, err := c.in.Peek(upToVersion)
	return err == nil && head[0] == handshake && head[9] == 3 && head[10] >= 3
}
