package prov

import (
	"errors"
	"fmt"
	"net"

	"spafleet/certs/ssl"
	"spafleet/certs/trust"
	"spafleet/resync"
)

// A handshakeError is a handshake that failed, as the server's side knows it.
type handshakeError struct {
	resync.Handshake // Verify is of the client's certificate; Log and Hint are empty
	cause            error
}

func (e *handshakeError) Error() string { return "handshake: " + e.cause.Error() }
func (e *handshakeError) Unwrap() error { return e.cause }

// text says what both networks know.
func (e *handshakeError) text() string {
	text := "handshake failed"
	switch {
	case e.Alert != 0 && e.Sent:
		text += fmt.Sprintf(": alert %d (%s) from the client", e.Alert, ssl.Alert(e.Alert))
	case e.Alert != 0:
		text += fmt.Sprintf(": alert %d (%s) to the client", e.Alert, ssl.Alert(e.Alert))
	}
	if e.Verify != 0 {
		text += fmt.Sprintf(", verify error %d of its certificate", e.Verify)
	}
	return text
}

// A clientRefused is a client's certificate that is refused in TLS 1.2.
type clientRefused struct{ number int } // OpenSSL's

func (e *clientRefused) Error() string {
	return fmt.Sprintf("client certificate: verify error %d", e.number)
}

// An alertSeen is the connection of a handshake of TLS 1.2. Errors of crypto/tls do not
// always tell which alert was sent.
type alertSeen struct {
	net.Conn
	alert uint8 // the last one that was sent; 0: none
}

func (c *alertSeen) Write(p []byte) (int, error) {
	const alertRecord, size = 21, 7 // of a record that is not encrypted
	if len(p) == size && p[0] == alertRecord {
		c.alert = p[size-1]
	}
	return c.Conn.Write(p)
}

// explain adds to the error of a handshake the alert that was sent.
func (c *alertSeen) explain(err error) error {
	if c.alert == 0 {
		return err
	}
	h := &handshakeError{resync.Handshake{Alert: c.alert}, err}
	var refused *clientRefused
	if errors.As(err, &refused) {
		h.Verify = refused.number
	}
	return h
}

// handshakeErrorOf returns what the server knows of a handshake that failed on a
// socket.
func handshakeErrorOf(err error) *handshakeError {
	var known *handshakeError
	if errors.As(err, &known) {
		return known
	}
	h := &handshakeError{cause: err}
	alert, sent := trust.ModernAlert(err)
	var old *ssl.Error
	if errors.As(err, &old) {
		alert, sent, h.Verify = old.Alert, old.Sent, old.Verify
	}
	if alert != ssl.NoAlert {
		h.Alert = uint8(alert)
	}
	h.Sent = !sent // by the client
	return h
}

// Alerted reports whether a line is of a handshake that one side ended with an alert:
// others are of connections that came to nothing.
func (l *Line) Alerted() bool {
	var h *handshakeError
	return errors.As(l.Err, &h) && h.Alert != 0
}
