package fetch

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"time"

	"spafleet/certs"
	"spafleet/certs/ssl"
	"spafleet/device"
	"spafleet/resync"
)

// A sealed connection has shaken hands, and the server has the right name.
type sealed struct {
	net.Conn
	mutual bool // the server asked, and the device showed a certificate of its own
}

// A handshakeError is a handshake that failed, or a certificate for another
// host.
type handshakeError struct {
	number int
	alert  uint8
	cause  error
}

func (e *handshakeError) Error() string { return "handshake: " + e.cause.Error() }
func (e *handshakeError) Unwrap() error { return e.cause }

// seal shakes hands on a connection as the device's firmware does, and looks at
// the server's name after it (field). The whole handshake has the time of one
// read (inferred).
func (s *Sockets) seal(ctx context.Context, conn net.Conn, r *resync.Request) (*sealed, error) {
	if err := conn.SetDeadline(s.now().Add(r.Unit.Row.Behaviour.HTTPRead)); err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil { // the deadline may have overwritten that of wake
		return nil, err
	}
	at := time.Unix(0, r.Now)
	shake := s.shake
	if certs.Speaks12(r.Unit.Row) {
		shake = s.shakeModern
	}
	c, leaf, err := shake(ctx, conn, r, at)
	if err != nil {
		return nil, err
	}
	if !s.nameFits(ctx, r, leaf) {
		c.Close() // says goodbye: the server sees a visitor who asks nothing (field)
		return nil, &handshakeError{number: certs.WrongName, cause: errors.New("the certificate's name is another one")}
	}
	return c, nil
}

// shake speaks SSL 3.0 to TLS 1.1.
func (s *Sockets) shake(ctx context.Context, conn net.Conn, r *resync.Request, at time.Time) (*sealed, []byte, error) {
	client, err := s.Certs.Client(r.Unit, r.Params, at)
	if err != nil {
		return nil, nil, &handshakeError{cause: err}
	}
	if think := r.Unit.Row.Behaviour.TLS.Think; think > 0 {
		client.Think = func(int) error { return rest(ctx, think) }
	}
	c := ssl.Connect(conn, client)
	if err := c.Handshake(); err != nil {
		failed := &handshakeError{cause: err}
		var e *ssl.Error
		if errors.As(err, &e) {
			failed.number = e.Verify
			if e.Alert != ssl.NoAlert {
				failed.alert = uint8(e.Alert)
			}
		}
		return nil, nil, failed
	}
	st := c.State()
	return &sealed{lenient{c}, st.Asked && st.Answered && s.kind(r.Unit) == certs.OwnCertificate}, st.Chain[0], nil
}

// shakeModern speaks TLS 1.2.
func (s *Sockets) shakeModern(ctx context.Context, conn net.Conn, r *resync.Request, at time.Time) (*sealed, []byte, error) {
	config, err := s.Certs.Modern(r.Unit, r.Params, at)
	if err != nil {
		return nil, nil, &handshakeError{cause: err}
	}
	asked, show := false, config.GetClientCertificate
	config.GetClientCertificate = func(q *tls.CertificateRequestInfo) (*tls.Certificate, error) {
		asked = true
		return show(q)
	}
	if err := rest(ctx, r.Unit.Row.Behaviour.TLS.Think); err != nil {
		return nil, nil, err
	}
	c := tls.Client(conn, config)
	if err := c.HandshakeContext(undated{ctx}); err != nil {
		failed := &handshakeError{cause: err}
		var refused *certs.VerifyError
		var alert tls.AlertError
		switch {
		case errors.As(err, &refused):
			failed.number, failed.alert = refused.Number, 42 // crypto/tls has but this one
		case errors.As(err, &alert):
			failed.alert = uint8(alert)
		}
		return nil, nil, failed
	}
	return &sealed{lenient{c}, asked && s.kind(r.Unit) == certs.OwnCertificate}, c.ConnectionState().PeerCertificates[0].Raw, nil
}

// rest waits as long as a slow processor needs.
func rest(ctx context.Context, wait time.Duration) error {
	if wait <= 0 {
		return nil
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// nameFits applies the firmware's rule for the server's name.
func (s *Sockets) nameFits(ctx context.Context, r *resync.Request, leaf []byte) bool {
	row := r.Unit.Row
	if !certs.NameFits(row, leaf, r.Host) {
		return false
	}
	name, ok := certs.NameToResolve(row, leaf)
	if !ok {
		return certs.AddressFits(row, leaf, r.Server.Addr(), nil)
	}
	found, _ := s.Resolve(ctx, name) // a name that is not found has no address
	return certs.AddressFits(row, leaf, r.Server.Addr(), found)
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
func handshakeOf(host string, err error) resync.Handshake {
	var e *handshakeError
	if !errors.As(err, &e) {
		return resync.Handshake{}
	}
	return resync.Handshake{Verify: e.number, Alert: e.alert, Log: certs.LogLines(e.number, host)}
}
