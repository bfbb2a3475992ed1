package fault_test

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"syscall"
	"testing"
	"time"

	"pgregory.net/rapid"

	"spafleet/resync/fault"
)

// A virtual connection answers each request at once; time passes where somebody
// waits.
type virtual struct {
	net.Conn // nil: no other method is called
	t        time.Time
	answer   []byte
	sent     bytes.Buffer
	shut     bool
	closed   bool
	most     int // bytes that one Read gives
}

func (c *virtual) now() time.Time                  { return c.t }
func (c *virtual) wait(until time.Time) error      { c.t = until; return nil }
func (c *virtual) SetDeadline(time.Time) error     { return nil }
func (c *virtual) SetReadDeadline(time.Time) error { return nil }
func (c *virtual) CloseWrite() error               { c.shut = true; return nil }
func (c *virtual) Close() error                    { c.closed = true; return nil }
func (c *virtual) LocalAddr() net.Addr             { return nil }
func (c *virtual) RemoteAddr() net.Addr            { return nil }
func (c *virtual) Write(p []byte) (int, error)     { return c.sent.Write(p) }

func (c *virtual) Read(p []byte) (int, error) {
	if len(c.answer) == 0 {
		return 0, io.EOF
	}
	n := copy(p[:min(len(p), c.most)], c.answer)
	c.answer = c.answer[n:]
	return n, nil
}

// talk sends a request over a connection with an effect and reads the answer.
func talk(t testing.TB, e fault.Effects, request, answer int) (c *virtual, body []byte, err error) {
	t.Helper()
	c = &virtual{t: start, answer: make([]byte, answer), most: 1460}
	conn := disturbance(t, e).Conn(c, c.now, c.wait)
	_ = conn.SetDeadline(start.Add(time.Hour))
	if n, err := conn.Write(make([]byte, request)); n != request || err != nil {
		t.Errorf("Write: %d, %v", n, err)
	}
	body, err = io.ReadAll(conn)
	return c, body, err
}

func TestConnectionsEndEarly(t *testing.T) {
	tests := []struct {
		name    string
		effects fault.Effects
		got     int
		err     error
	}{
		{"reset", fault.Effects{ResetAfter: fault.After(2000)}, 2000, syscall.ECONNRESET},
		{"reset at once", fault.Effects{ResetAfter: fault.After(0)}, 0, syscall.ECONNRESET},
		{"a reset that comes too late", fault.Effects{ResetAfter: fault.After(5001)}, 5000, nil},
		{"truncated", fault.Effects{Truncate: fault.After(1)}, 1, nil},
		{"truncated at once", fault.Effects{Truncate: fault.After(0)}, 0, nil},
		{"the earlier counts", fault.Effects{Truncate: fault.After(100), ResetAfter: fault.After(99)}, 99, syscall.ECONNRESET},
		{"a half of it", fault.Effects{CloseAfter: fault.After(2000)}, 5000, nil},
		{"no half of it", fault.Effects{CloseAfter: fault.After(5001)}, 5000, nil},
	}
	for _, tt := range tests {
		c, body, err := talk(t, tt.effects, 200, 5000)
		if len(body) != tt.got || !errors.Is(err, tt.err) {
			t.Errorf("%s: %d bytes, %v; want %d, %v", tt.name, len(body), err, tt.got, tt.err)
		}
		if c.shut != (tt.name == "a half of it") || c.closed != (tt.err != nil) || c.sent.Len() != 200 {
			t.Errorf("%s: shut %t, closed %t, %d bytes sent", tt.name, c.shut, c.closed, c.sent.Len())
		}
	}
	c, body, err := talk(t, fault.Effects{CloseAfter: fault.After(0)}, 200, 5000)
	if !c.shut || c.sent.Len() != 0 || len(body) != 5000 || err != nil {
		t.Errorf("half closed at once: shut %t, %d bytes sent, %d came, %v", c.shut, c.sent.Len(), len(body), err)
	}
}

func TestConnectionsTakeTheirTime(t *testing.T) {
	tests := []struct {
		name    string
		effects fault.Effects
		want    time.Duration
	}{
		{"as ever", fault.Effects{}, 0},
		{"a delay for the answer as a whole", fault.Effects{Delay: fault.Delay{Least: 3e9, Most: 3e9}}, 3 * time.Second},
		{"the line, both ways", fault.Effects{Bandwidth: 8}, 5200 * time.Second},
		{"a lost segment comes again", fault.Effects{Lose: packets(t, "packet 2")}, 200 * time.Millisecond},
		{"and again", fault.Effects{Lose: packets(t, "packet 3-4")}, 600 * time.Millisecond},
		{"blocks are of TFTP", fault.Effects{Lose: packets(t, "block 1-")}, 0},
		{"TCP repairs these", fault.Effects{Duplicate: packets(t, "all"), Reorder: packets(t, "all")}, 0},
	}
	for _, tt := range tests {
		c, body, err := talk(t, tt.effects, 200, 5000)
		if got := c.t.Sub(start); got != tt.want && !(tt.effects.Bandwidth > 0 && got == time.Hour) || err != nil && tt.effects.Bandwidth == 0 {
			t.Errorf("%s: %v, %d bytes, %v; want %v", tt.name, got, len(body), err, tt.want)
		}
	}
	late, ok := disturbance(t, fault.Effects{Lose: packets(t, "packet 1"), Delay: fault.Delay{Least: 3e9, Most: 3e9}}).Connect()
	if !ok || late != 4*time.Second {
		t.Errorf("a lost first packet: %v, %t", late, ok)
	}
	if _, ok = disturbance(t, fault.Effects{Lose: packets(t, "all")}).Connect(); ok {
		t.Error("a line that loses everything connects")
	}
}

func TestALateAnswerMissesTheDeadlineAndIsKept(t *testing.T) {
	c := &virtual{t: start, answer: []byte("late"), most: 100}
	conn := disturbance(t, fault.Effects{Delay: fault.Delay{Least: 3e9, Most: 3e9}}).Conn(c, c.now, c.wait)
	_, _ = conn.Write([]byte("x"))
	_ = conn.SetDeadline(start.Add(2 * time.Second))
	p := make([]byte, 3)
	if n, err := conn.Read(p); n != 0 || !errors.Is(err, os.ErrDeadlineExceeded) || c.t.Sub(start) != 2*time.Second {
		t.Errorf("%d, %v at %v", n, err, c.t.Sub(start))
	}
	_ = conn.SetReadDeadline(start.Add(5 * time.Second))
	rest, err := io.ReadAll(conn)
	if string(rest) != "late" || err != nil || c.t.Sub(start) != 3*time.Second {
		t.Errorf("%q, %v at %v", rest, err, c.t.Sub(start))
	}
}

func TestASilencedConnectionWaitsForItsDeadline(t *testing.T) {
	c := &virtual{t: start, answer: make([]byte, 5000), most: 1460}
	conn := disturbance(t, fault.Effects{Lose: packets(t, "packet 4-")}).Conn(c, c.now, c.wait)
	_ = conn.SetDeadline(start.Add(9 * time.Second))
	_, _ = conn.Write([]byte("x"))
	body, err := io.ReadAll(conn)
	if len(body) != 1460 || !errors.Is(err, os.ErrDeadlineExceeded) || c.t.Sub(start) != 9*time.Second {
		t.Errorf("%d bytes, %v at %v", len(body), err, c.t.Sub(start))
	}
}

// A connection without disturbances of the network gives the same bytes.
func TestWithoutAFaultAConnectionIsTransparent(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		answer := rapid.SliceOfN(rapid.Byte(), 0, 5000).Draw(t, "answer")
		request := rapid.SliceOfN(rapid.Byte(), 0, 3000).Draw(t, "request")
		c := &virtual{t: start, answer: bytes.Clone(answer), most: rapid.IntRange(1, 2000).Draw(t, "most")}
		conn := (&fault.Disturbance{}).Conn(c, func() time.Time { t.Fatal("the clock is read"); return start }, c.wait)
		if _, err := conn.Write(request); err != nil {
			t.Error(err)
		}
		got, err := io.ReadAll(conn)
		if err != nil || !bytes.Equal(got, answer) || !bytes.Equal(c.sent.Bytes(), request) || c.t != start {
			t.Errorf("%d bytes of %d, %v", len(got), len(answer), err)
		}
	})
}

// What is told of a connection without sockets is what happens to one.
func TestAConnectionIsTheSameWithoutSockets(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		limit := func(name string) fault.Limit {
			return fault.Limit{Given: rapid.Bool().Draw(t, name), Bytes: int64(rapid.IntRange(0, 9000).Draw(t, name+" after"))}
		}
		e := fault.Effects{
			Delay:      fault.Delay{Least: 0, Most: time.Duration(rapid.IntRange(0, 3).Draw(t, "delay")) * time.Second},
			Bandwidth:  float64(rapid.SampledFrom([]int{0, 64000, 1000000}).Draw(t, "bandwidth")),
			ResetAfter: limit("reset"), Truncate: limit("truncate"), CloseAfter: limit("close"),
		}
		if rapid.Bool().Draw(t, "lossy") {
			e.Lose = fault.Packets{Unit: fault.Some, Share: rapid.Float64Range(0.01, 0.6).Draw(t, "share")}
		}
		p := &fault.Plan{Seed: rapid.Uint64().Draw(t, "seed")}
		p.Start(fault.Fault{Effects: e})
		request, answer := rapid.IntRange(1, 4000).Draw(t, "request"), rapid.IntRange(1, 9000).Draw(t, "answer")
		q := &fault.Plan{Seed: p.Seed}
		q.Start(fault.Fault{Effects: e})
		told, real := p.Exchange(asks), q.Exchange(asks)

		late, ok := told.Connect()
		if l, o := real.Connect(); l != late || o != ok {
			t.Fatalf("connected after %v, %t; a connection after %v, %t", late, ok, l, o)
		}
		if !ok {
			return
		}
		out := told.Request(int64(request))
		a := told.Answer(int64(answer))
		c := &virtual{t: start, answer: make([]byte, answer), most: 1460}
		conn := real.Conn(c, c.now, c.wait)
		_ = conn.SetDeadline(start.Add(1000 * time.Hour))
		_, _ = conn.Write(make([]byte, request))
		body, err := io.ReadAll(io.LimitReader(conn, int64(answer)))
		ending := fault.Whole
		switch {
		case errors.Is(err, syscall.ECONNRESET):
			ending = fault.Reset
		case err != nil:
			ending = fault.Silent
		case len(body) < answer:
			ending = fault.Cut
		}
		if ending != a.Ending || int64(len(body)) != a.Received || out != (c.sent.Len() > 0) {
			t.Fatalf("%+v, request %t; a connection ends %v after %d bytes (%v), %d sent", a, out, ending, len(body), err, c.sent.Len())
		}
		if took := c.t.Sub(start); ending != fault.Silent && (took-a.FirstByte-a.Body).Abs() > time.Microsecond { // each piece is rounded
			t.Errorf("%+v; a connection took %v", a, took)
		}
	})
}

// A reset is one for the server too.
func TestARealResetReachesTheServer(t *testing.T) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	got := make(chan error, 1)
	go func() {
		c, err := l.Accept()
		if err == nil {
			defer c.Close()
			_, _ = c.Write(make([]byte, 100))
			_, err = io.Copy(io.Discard, c)
		}
		got <- err
	}()
	c, err := net.Dial("tcp4", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	conn := disturbance(t, fault.Effects{ResetAfter: fault.After(10)}).Conn(c, time.Now, nil)
	body, err := io.ReadAll(conn)
	if len(body) != 10 || !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("%d bytes, %v", len(body), err)
	}
	if err := <-got; !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("the server sees %v", err)
	}
}
