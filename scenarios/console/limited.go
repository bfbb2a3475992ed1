package console

import (
	"fmt"
	"io"
	"net"
	"sync"
	"time"
)

// A limited listener lets a number of connections in. Others are told so and
// closed.
type limited struct {
	net.Listener
	places  chan struct{}
	refused chan struct{} // one element for each that is told so
	telling sync.WaitGroup
	tell    func(string)
	once    sync.Once
}

func newLimited(l net.Listener, tell func(string)) *limited {
	return &limited{Listener: l, places: make(chan struct{}, mostConnections), refused: make(chan struct{}, mostRefused), tell: tell}
}

// Accept waits for the next connection that has a place.
func (d *limited) Accept() (net.Conn, error) {
	for {
		c, err := d.Listener.Accept()
		if err != nil {
			return nil, err
		}
		select {
		case d.places <- struct{}{}:
			if tcp, ok := c.(*net.TCPConn); ok {
				_ = tcp.SetWriteBuffer(mostUnread)
			}
			return &placed{Conn: c, of: d}, nil
		default:
		}
		d.once.Do(func() {
			d.tell(fmt.Sprintf("console: it has its %d connections; others are refused meanwhile", mostConnections))
		})
		select {
		case d.refused <- struct{}{}:
			d.telling.Go(func() {
				defer func() { <-d.refused }()
				refuse(c)
			})
		default:
			c.Close()
		}
	}
}

// lastWords is how long a connection without a place is held: who has not sent its request
// by then does not see the answer.
const lastWords = time.Second

// refuse says that there is no place. What was asked is read, or the answer would be lost
// with the connection.
func refuse(c net.Conn) {
	defer c.Close()
	text := fmt.Sprintf(`{"error":"the console has its %d connections; close some, or try again later"}`+"\n", mostConnections)
	_ = c.SetDeadline(time.Now().Add(lastWords))
	fmt.Fprintf(c, "HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\nConnection: close\r\nRetry-After: 1\r\nContent-Length: %d\r\n\r\n%s", len(text), text)
	if half, ok := c.(interface{ CloseWrite() error }); ok {
		_ = half.CloseWrite()
	}
	_, _ = io.CopyN(io.Discard, c, mostHeader)
}

// A placed connection has a place.
type placed struct {
	net.Conn
	of   *limited
	once sync.Once
}

// Close closes the connection and frees its place.
func (p *placed) Close() error {
	err := p.Conn.Close()
	p.once.Do(func() { <-p.of.places })
	return err
}
