package fetch

import (
	"bufio"
	"context"
	"errors"
	"io"
	"math"
	"net"
	"net/http"
	"sync"
	"time"

	"spafleet/certs"
	"spafleet/certs/trust"
	"spafleet/host"
	"spafleet/resync"
	"spafleet/resync/body"
	"spafleet/resync/tftp"
)

// An exchange is one HTTP request and its answer on a connection of its own. It
// is the reader of its connection: each read has a deadline of its own, and all
// of them one together.
type exchange struct {
	ctx      context.Context // of the one call that uses the exchange
	conn     net.Conn
	now      func() time.Time
	wait     time.Duration // for the next bytes
	end      time.Time     // of the whole transfer
	left     int           // bytes that may still come
	broken   error         // why reading ended, where the parser does not tell
	moments  moments
	in       *bufio.Reader
	out      []byte
	balancer Balancer
}

var errHeader = errors.New("header of the answer is too long")

func (s *Sockets) fetchHTTP(ctx context.Context, r *resync.Request) (resync.Response, error) {
	secret := r.Scheme == "https"
	var with *handshakeConfig
	if secret {
		var err error
		if with, err = s.handshakeConfig(ctx, r); err != nil {
			return resync.Response{}, err
		}
	}
	m := moments{begun: s.now(), secret: secret}
	conn, err := s.connect(ctx, r)
	if err != nil {
		return resync.Response{}, s.failure(ctx, r, m, err)
	}
	defer func() { conn.Close() }() // that of the protocol, if there is one
	defer wake(ctx, conn)()
	m.connected = s.now()
	if !secret {
		return s.exchange(ctx, r, conn, m)
	}
	inside, err := s.seal(ctx, conn, r, with)
	if err != nil {
		return resync.Response{}, s.failure(ctx, r, m, err)
	}
	conn, m.sealed = inside, s.now()
	resp, err := s.exchange(ctx, r, conn, m)
	resp.TLS = true
	if inside.asked() {
		kind := s.kind(r.Unit)
		resp.Mutual, resp.Refusal = kind == certs.OwnCertificate, trust.ShownHint(kind)
	}
	return resp, err
}

// exchange makes the request on an open connection.
func (s *Sockets) exchange(ctx context.Context, r *resync.Request, conn net.Conn, m moments) (resync.Response, error) {
	if s.Inside != nil {
		conn = s.Inside(ctx, conn)
	}
	x := s.newExchange()
	defer s.putExchange(x)
	x.ctx, x.conn, x.wait, x.moments = ctx, conn, r.Unit.Row.Behaviour.HTTPRead, m
	x.end = s.now().Add(r.Unit.Row.Behaviour.HTTPWhole())
	x.left = r.Unit.Row.Behaviour.HTTPHeader
	resp, err := x.do(r)
	if err != nil {
		return resync.Response{}, s.failure(ctx, r, x.moments, err)
	}
	resp.Took = x.moments.until(s.now())
	return resp, nil
}

func (s *Sockets) newExchange() *exchange {
	x, ok := s.exchanges.Get().(*exchange)
	if !ok {
		x = &exchange{in: bufio.NewReader(nil)}
	}
	*x = exchange{now: s.now, in: x.in, out: x.out[:0], balancer: s.Balancer}
	x.in.Reset(x)
	return x
}

func (s *Sockets) putExchange(x *exchange) {
	x.ctx, x.conn = nil, nil
	if cap(x.out) > body.Largest {
		x.out = nil
	}
	s.exchanges.Put(x)
}

// do sends the request and reads the answer. A server may answer and close
// before it has read the whole request, so an answer counts more than an error
// of sending.
func (x *exchange) do(r *resync.Request) (resync.Response, error) {
	x.out = appendHTTP(x.out, r, x.balancer)
	if err := x.renew(); err != nil {
		return resync.Response{}, err
	}
	_, sent := x.conn.Write(x.out)
	if sent != nil && host.TimedOut(sent) {
		return resync.Response{}, sent
	}
	head, plain, err := x.readPlain()
	if err != nil {
		return resync.Response{}, errors.Join(x.broken, err, sent)
	}
	if plain {
		x.left = math.MaxInt
		if r.Into != nil {
			n, err := pass(r.Into, x.in, int64(head.length), r.Max)
			if err != nil {
				return resync.Response{}, &cutBody{err}
			}
			return resync.Response{Status: http.StatusOK, Passed: n, Announced: head.length}, nil
		}
		b, err := readKnown(x.in, head.length, r.Max)
		if err != nil {
			return resync.Response{}, &cutBody{err}
		}
		return resync.Response{Status: http.StatusOK, Body: b.Bytes, Buffer: b, Announced: head.length}, nil
	}
	answer, err := http.ReadResponse(x.in, nil)
	for err == nil && isInterim(answer.StatusCode) && !r.Unit.Row.Behaviour.HTTP.InterimFinal { // within the limit of a header
		answer, err = http.ReadResponse(x.in, nil)
	}
	if err != nil {
		return resync.Response{}, errors.Join(x.broken, err, sent)
	}
	x.left = math.MaxInt // the body has its own limit
	if r.Into != nil && answer.StatusCode/100 == 2 {
		n, err := pass(r.Into, answer.Body, answer.ContentLength, r.Max)
		if err != nil {
			return resync.Response{}, &cutBody{err}
		}
		return resync.Response{Status: answer.StatusCode, Passed: n, Announced: announced(answer)}, nil
	}
	most := r.Max
	if r.Into != nil { // an error page in the place of an image
		most = min(most, mostPage)
	}
	b, err := readBody(answer, most) // of an error page, what came is enough
	if err != nil && (answer.StatusCode/100 == 2 || x.ctx.Err() != nil) {
		b.Free()
		return resync.Response{}, &cutBody{err}
	}
	return resync.Response{Status: answer.StatusCode, Location: answer.Header.Get("Location"), Challenges: challenges(answer), Body: b.Bytes, Buffer: b, Announced: announced(answer)}, nil
}

// announced is what the header of a 200 said of the body's length, 0 for nothing.
func announced(answer *http.Response) int {
	if answer.StatusCode != http.StatusOK {
		return 0
	}
	return int(max(answer.ContentLength, 0))
}

// isInterim reports whether a server has more to say after an answer. Nobody asked it
// to switch protocols, so 101 is its last word.
func isInterim(status int) bool { return status/100 == 1 && status != http.StatusSwitchingProtocols }

func challenges(answer *http.Response) []string {
	switch answer.StatusCode {
	case http.StatusUnauthorized:
		return answer.Header.Values("WWW-Authenticate")
	case http.StatusProxyAuthRequired:
		return answer.Header.Values("Proxy-Authenticate")
	}
	return nil
}

// Read reads from the connection, within the exchange's waits and limits.
func (x *exchange) Read(p []byte) (int, error) {
	if x.left == 0 {
		x.broken = errHeader
		return 0, errHeader
	}
	if err := x.renew(); err != nil {
		return 0, err
	}
	n, err := x.conn.Read(p[:min(len(p), x.left)])
	if n > 0 && x.moments.first.IsZero() {
		x.moments.first = x.now()
	}
	x.left -= n
	if !errors.Is(err, io.EOF) {
		x.broken = err
	}
	return n, err
}

// renew sets the connection's next deadline.
func (x *exchange) renew() error {
	deadline := x.now().Add(x.wait)
	if deadline.After(x.end) {
		deadline = x.end
	}
	if err := x.conn.SetDeadline(deadline); err != nil {
		return err
	}
	return x.ctx.Err()
}

// mostPage is how much of an error page is kept where an image was wanted.
const mostPage = 64 << 10

// passed are the buffers of bodies that are passed on.
var passed = sync.Pool{New: func() any { return new([2048]byte) }}

// pass passes on a body of at most most bytes. A length below 0 was not announced.
func pass(into io.Writer, from io.Reader, length int64, most int) (n int, err error) {
	if length > int64(most) {
		return 0, tftp.ErrTooBig
	}
	buffer := passed.Get().(*[2048]byte)
	defer passed.Put(buffer)
	for length < 0 || int64(n) < length {
		p := buffer[:]
		if length >= 0 {
			p = p[:min(int64(len(p)), length-int64(n))]
		}
		got, err := from.Read(p)
		if n += got; n > most {
			return n, tftp.ErrTooBig
		}
		if _, err := into.Write(p[:got]); err != nil {
			return n, err
		}
		switch {
		case err == io.EOF && int64(n) < length:
			return n, io.ErrUnexpectedEOF
		case err == io.EOF:
			return n, nil
		case err != nil:
			return n, err
		}
	}
	return n, nil
}

// unknownBody is the first room for a body whose length was not announced.
const unknownBody = 4 << 10

// readBody reads a body of at most most bytes. An announced length is believed
// only so far. What came before an error is returned with it.
func readBody(answer *http.Response, most int) (*body.Buffer, error) {
	length := answer.ContentLength
	if length > int64(most) {
		return &body.Buffer{}, tftp.ErrTooBig
	}
	if length < 0 {
		length = unknownBody
	}
	b := body.For(int(length))
	for {
		n, err := answer.Body.Read(b.Room())
		b.Bytes = b.Bytes[:len(b.Bytes)+n]
		switch {
		case len(b.Bytes) > most:
			b.Bytes = b.Bytes[:most]
			return b, tftp.ErrTooBig
		case err == io.EOF:
			return b, nil
		case err != nil:
			return b, err
		}
	}
}
