package ssl

import (
	"errors"
	"net"
)

// A Conn is a connection that speaks SSL. Reading and writing shake hands first
// where [Conn.Handshake] was not called. One goroutine may read while another
// writes. Deadlines are those of the connection below; after one has passed the
// Conn is of no further use.
type Conn struct{ net.Conn }

// Connect returns the client's side of a connection. It sends nothing yet.
func Connect(conn net.Conn, c *Client) *Conn { return &Conn{conn} }

// Accept returns the server's side of a connection. It reads nothing yet.
func Accept(conn net.Conn, s *Server) *Conn { return &Conn{conn} }

// Handshake shakes hands, once: later calls return what the first returned. An
// error is an *[Error], or of the connection below.
func (c *Conn) Handshake() error { return errors.New("not yet") }

// State says what the latest handshake led to.
func (c *Conn) State() State { return State{} }
