package probe

import (
	"context"
	"errors"
	"net"
	"strconv"
	"time"

	"spafleet/certs"
	"spafleet/certs/ssl"
)

// primes are the lengths that are tried.
var primes = []int{512, 768, 1024, 1536, 2048, 4096}

// tlsDH offers suites with Diffie and Hellman's exchange alone, with longer and longer
// primes until one is refused.
func tlsDH(t tlsTrial) {
	t.boots = true
	settings := t.tlsSettings()
	t.set(settings[len(settings)-1]...) // with RSA alone there would be no such suite
	longest := 0
	for _, bits := range primes {
		c := t.secure("", old(&ssl.Server{Certificate: t.certificate(certs.ServerRequest{}), DHBits: bits, Suites: everyDHE}))
		if t.failed != nil {
			return
		}
		if c.state.DHBits == 0 {
			t.fail("the phone offers no suite with Diffie and Hellman's exchange")
			return
		}
		t.fact("prime of "+strconv.Itoa(bits)+" bits", "%s", c.taken())
		switch {
		case c.through:
			longest = bits
			continue
		case longest == 0:
			continue // too short for it, perhaps
		}
		t.settle("dh_limit", strconv.Itoa(longest))
		t.settle("dh_exceeded", exceeded(c))
		return
	}
	if longest == primes[len(primes)-1] {
		t.settle("dh_limit", "0")
		t.settle("dh_exceeded", "alert", "close", "silence")
	}
}

// exceeded says what a phone did with a prime that it does not take. One that says nothing
// closes the connection in the end.
func exceeded(c *call) string {
	const enough = 2 * time.Second
	switch {
	case c.alert != ssl.NoAlert:
		return "alert"
	case c.ended.Sub(c.wire.sent) > enough:
		return "silence"
	}
	return "close"
}

// tlsAgain looks what the phone does when the server wants to shake hands again, and asks for
// a certificate then.
func tlsAgain(t tlsTrial) {
	const what = "server that asks for a second handshake"
	c := t.again()
	began := c.state.Version != 0
	switch {
	case !c.shaken:
		t.fact("first handshake", "%s", c.taken())
	case c.second == nil:
		t.fact(what, "shakes hands again")
		t.settle("hello_request", "renegotiate")
	case began && c.alert == ssl.HandshakeFailure:
		t.fact(what, "begins it, and fails where it is asked for a certificate: alert %v", c.alert)
		t.settle("hello_request", "fail")
	case isLate(c.second) && !began:
		t.fact(what, "no answer")
		t.settle("hello_request", "ignore")
	case refuses(c.second) && !began:
		t.fact(what, "refused with the warning %v", ssl.NoRenegotiation)
		t.settle("hello_request", "refuse")
	default:
		t.fact(what, "%s", c.taken())
	}
}

// refuses reports whether a second handshake ended because the client wanted none: then it
// is this side that fails.
func refuses(err error) bool {
	var e *ssl.Error
	return errors.As(err, &e) && e.Sent && e.Alert == ssl.HandshakeFailure
}

// A firstRead notes how much the first record with data brought.
type firstRead struct {
	net.Conn
	c *call
}

// Read reads from one record.
func (f *firstRead) Read(p []byte) (int, error) {
	n, err := f.Conn.Read(p)
	if f.c.brought == 0 {
		f.c.brought = n
	}
	return n, err
}

// roundTrip is how long the network takes to the phone and back, by connections to its web server;
// 0 where none is answered.
func roundTrip(t tlsTrial) (shortest time.Duration) {
	const tries, most = 3, 2 * time.Second
	for range tries {
		ctx, stop := context.WithTimeout(t.ctx, most)
		began := time.Now()
		conn, err := t.s.dial(ctx)
		stop()
		if err != nil {
			return shortest
		}
		if took := time.Since(began); shortest == 0 || took < shortest {
			shortest = took
		}
		conn.Close()
	}
	return shortest
}

// tlsRecords measures how long the phone needs for its answer to the server's hello, and
// looks at the lengths of its records. A short record in front of the request is empty,
// unless a byte of the request was in it.
func tlsRecords(t tlsTrial) {
	server := &ssl.Server{Certificate: t.certificate(certs.ServerRequest{})}
	c := t.secure("", func(c *call) (net.Conn, error) {
		conn, err := speakOld(c, server)
		if err != nil {
			return nil, err
		}
		return &firstRead{conn, c}, nil
	})
	if !c.through || len(c.wire.waits) == 0 {
		t.fact("handshake", "%s", c.taken())
		return
	}
	way := roundTrip(t)
	t.factTime("answer to the server's hello after", c.wire.waits[0])
	t.factTime("of which is the way", way)
	t.settleTime("tls_think", max(0, c.wire.waits[0]-way))
	lengths := c.wire.data()
	t.fact("records", "%v bytes with %v of %v; the first with data brings %d", lengths, c.state.Suite, c.state.Version, c.brought)
	cbc := c.state.Suite != ssl.RC4SHA && c.state.Suite != ssl.RC4MD5
	if len(lengths) > 0 && cbc && c.state.Version < ssl.TLS11 {
		const emptyAtMost = 32 // a MAC of 20 bytes, filled up to blocks of 16
		t.settle("empty_fragments", map[bool]string{true: "yes", false: "no"}[lengths[0] <= emptyAtMost && c.brought > 1])
	}
}
