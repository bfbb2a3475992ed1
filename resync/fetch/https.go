package fetch

import (
	"context"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"runtime"
	"time"

	"spafleet/certs"
	"spafleet/certs/ssl"
	"spafleet/certs/trust"
	"spafleet/device"
	"spafleet/device/phase"
	"spafleet/host"
	"spafleet/resync"
)

// A sealed connection has shaken hands, and the server has the right name.
type sealed struct {
	net.Conn
	asked func() bool // whether the server asked for a certificate: it may do so after the request
}

// A handshakeError is a handshake that failed, or a certificate for another
// host.
type handshakeError struct {
	trust.Failure
	cause error
}

func (e *handshakeError) Error() string { return "handshake: " + e.cause.Error() }
func (e *handshakeError) Unwrap() error { return e.cause }

// A handshakeConfig is what a device brings to a handshake: one of the two, by its
// firmware.
type handshakeConfig struct {
	old    *ssl.Client
	modern *tls.Config
	shown  [][]byte // by the server, once it has
}

// handshakeConfig returns what a device needs before it connects: its certificate
// may have to be made first, and that is not the device's time. An error is this
// program's.
func (s *Sockets) handshakeConfig(ctx context.Context, r *resync.Request) (d *handshakeConfig, err error) {
	slots := s.slots()
	select { // no more at once than there are cores: else none would be done when they are cut off
	case slots <- struct{}{}:
		defer func() { <-slots }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	d = &handshakeConfig{}
	at, devices := time.Unix(0, r.Now), s.Certs
	if r.CA != "" {
		devices = devices.With(r.CA)
	}
	if trust.Speaks12(r.Unit.Row) {
		if d.modern, err = devices.Modern(r.Unit, r.Params, at); err != nil {
			return nil, err
		}
		d.modern.KeyLogWriter = s.Capture.KeyLog(r.Unit)
		verify := d.modern.VerifyPeerCertificate
		d.modern.VerifyPeerCertificate = func(chain [][]byte, verified [][]*x509.Certificate) error {
			d.shown = chain
			return verify(chain, verified)
		}
		return d, nil
	}
	if d.old, err = devices.Client(r.Unit, r.Params, at); err != nil {
		return nil, err
	}
	d.old.KeyLog = s.Capture.KeyLog(r.Unit)
	verify := d.old.Verify
	d.old.Verify = func(chain [][]byte) (*rsa.PublicKey, int) {
		d.shown = chain
		return verify(chain)
	}
	if think := r.Unit.Row.Behaviour.TLS.Think; think > 0 {
		d.old.Think = func(int) error { return host.Sleep(ctx, think) }
	}
	return d, nil
}

func (s *Sockets) slots() chan struct{} {
	s.slotsOnce.Do(func() { s.certSlots = make(chan struct{}, runtime.GOMAXPROCS(0)) })
	return s.certSlots
}

// seal shakes hands on a connection as the device's firmware does, and looks at
// the server's name after it (field). The whole handshake has the time of one
// read (inferred).
func (s *Sockets) seal(ctx context.Context, conn net.Conn, r *resync.Request, with *handshakeConfig) (*sealed, error) {
	if err := conn.SetDeadline(s.now().Add(r.Unit.Row.Behaviour.HTTPRead)); err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil { // the deadline may have overwritten that of wake
		return nil, err
	}
	c, asked, leaf, err := with.shake(ctx, conn, r)
	if err != nil {
		return nil, err
	}
	if !s.nameFits(ctx, r, leaf) {
		c.Close() // says goodbye: the server sees a visitor who asks nothing (field)
		return nil, &handshakeError{trust.Failure{Number: trust.WrongName, Alert: ssl.NoAlert, Chain: with.shown}, errors.New("the certificate's name is another one")}
	}
	return &sealed{lenient{c}, asked}, nil
}

// Greet connects to the server of a request and shakes hands as the device does, but
// takes every certificate and every prime, and asks for nothing. It returns what the
// server showed, of a handshake that failed what was known by then. Errors are as
// those of [Sockets.Fetch]; they do not count a certificate or prime as a failure.
func (s *Sockets) Greet(ctx context.Context, r *resync.Request) (ssl.State, error) {
	if err := s.Guard.Admit(r.Host, r.Server.Addr()); err != nil {
		return ssl.State{}, &resync.Error{Result: device.NoConnect, Phase: phase.Admission, Cause: err}
	}
	with, err := s.handshakeConfig(ctx, r)
	if err != nil {
		return ssl.State{}, err
	}
	m := moments{begun: s.now(), secret: true}
	conn, err := s.connect(ctx, r)
	if err != nil {
		return ssl.State{}, s.failure(ctx, r, m, err)
	}
	defer conn.Close()
	defer wake(ctx, conn)()
	m.connected = s.now()
	if err := conn.SetDeadline(m.connected.Add(r.Unit.Row.Behaviour.HTTPRead)); err != nil {
		return ssl.State{}, err
	}
	state, err := with.greet(ctx, conn, r)
	if err != nil {
		return state, s.failure(ctx, r, m, err)
	}
	return state, nil
}

// greet shakes hands without a look at what the server shows, and says goodbye.
func (d *handshakeConfig) greet(ctx context.Context, conn net.Conn, r *resync.Request) (ssl.State, error) {
	if d.modern != nil {
		d.modern.VerifyPeerCertificate = func(chain [][]byte, _ [][]*x509.Certificate) error {
			d.shown = chain
			return nil
		}
		c, asked, _, err := d.shakeModern(ctx, conn, r)
		if err != nil {
			return ssl.State{Chain: d.shown}, err
		}
		defer c.Close()
		now := c.(*tls.Conn).ConnectionState() //nolint:forcetypeassert // shakeModern makes no other
		return ssl.State{Version: ssl.Version(now.Version), Suite: ssl.Suite(now.CipherSuite), Chain: d.shown, Asked: asked()}, nil
	}
	d.old.Verify, d.old.MostDHBits = trust.AnyClient, 0
	old := ssl.Connect(conn, d.old)
	if err := old.Handshake(); err != nil {
		return old.State(), d.oldFailure(err)
	}
	defer old.Close()
	return old.State(), nil
}

// shake shakes hands, and returns the server's certificate.
func (d *handshakeConfig) shake(ctx context.Context, conn net.Conn, r *resync.Request) (c net.Conn, asked func() bool, leaf []byte, err error) {
	if d.modern != nil {
		return d.shakeModern(ctx, conn, r)
	}
	old := ssl.Connect(conn, d.old)
	if err := old.Handshake(); err != nil {
		return nil, nil, nil, d.oldFailure(err)
	}
	return old, func() bool { return old.State().Asked }, old.State().Chain[0], nil
}

func (d *handshakeConfig) oldFailure(err error) error {
	failed := &handshakeError{trust.Failure{Alert: ssl.NoAlert}, err}
	var e *ssl.Error
	if errors.As(err, &e) {
		failed.Failure = trust.Failure{Number: e.Verify, Alert: e.Alert, Sent: e.Sent, Chain: d.shown, DHBits: e.DHBits}
	}
	return failed
}

// shakeModern speaks TLS 1.2.
func (d *handshakeConfig) shakeModern(ctx context.Context, conn net.Conn, r *resync.Request) (c net.Conn, asked func() bool, leaf []byte, err error) {
	wanted, show := false, d.modern.GetClientCertificate
	d.modern.GetClientCertificate = func(q *tls.CertificateRequestInfo) (*tls.Certificate, error) {
		wanted = true
		return show(q)
	}
	if err := host.Sleep(ctx, r.Unit.Row.Behaviour.TLS.Think); err != nil {
		return nil, nil, nil, err
	}
	modern := tls.Client(conn, d.modern)
	if err := modern.HandshakeContext(undated{ctx}); err != nil {
		return nil, nil, nil, d.modernFailure(err)
	}
	return modern, func() bool { return wanted }, modern.ConnectionState().PeerCertificates[0].Raw, nil
}

func (d *handshakeConfig) modernFailure(err error) error {
	failed := &handshakeError{cause: err}
	failed.Chain = d.shown
	failed.Alert, failed.Sent = trust.ModernAlert(err)
	var refused *trust.VerifyError
	if errors.As(err, &refused) {
		failed.Number = refused.Number
	}
	return failed
}

// nameFits applies the firmware's rule for the server's name.
func (s *Sockets) nameFits(ctx context.Context, r *resync.Request, leaf []byte) bool {
	row := r.Unit.Row
	if !trust.NameFits(row, leaf, r.Host) {
		return false
	}
	name, ok := trust.NameToResolve(row, leaf)
	if !ok {
		return trust.AddressFits(row, leaf, r.Server.Addr(), nil)
	}
	found, _ := s.Resolve(ctx, name) // a name that is not found has no address
	return trust.AddressFits(row, leaf, r.Server.Addr(), found)
}

func (s *Sockets) kind(u *device.Unit) certs.Kind {
	if s.Certs.Holder == nil {
		return certs.NoCertificate
	}
	return s.Certs.Holder.Kind(u)
}

// lenient takes the end of the TCP connection for the end of the data, as
// programs on old OpenSSL do that read until nothing comes (inferred).
type lenient struct{ net.Conn }

func (c lenient) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if errors.Is(err, io.ErrUnexpectedEOF) {
		err = io.EOF
	}
	return n, err
}

// handshakeOf tells the attempt what became of a handshake.
func (s *Sockets) handshakeOf(r *resync.Request, err error) resync.Handshake {
	var e *handshakeError
	if !errors.As(err, &e) {
		return resync.Handshake{}
	}
	devices := s.Certs
	if r.CA != "" {
		devices = devices.With(r.CA)
	}
	e.Host, e.Now = r.Host, time.Unix(0, r.Now)
	h := resync.Handshake{Verify: e.Number, Sent: e.Sent || e.Number != 0, Log: trust.LogLines(e.Number, r.Host), Hint: devices.Hint(r.Unit.Row, e.Failure)}
	if e.Alert != ssl.NoAlert {
		h.Alert = uint8(e.Alert)
	}
	return h
}
