package fetch_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/netip"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"spafleet/device"
	"spafleet/host/golden"
	"spafleet/resync"
	"spafleet/resync/fetch"
)

// A scripted connection is a server's side told in advance, in virtual time.
type scripted struct {
	net.Conn // nil: no other method is called
	clock    *virtualClock
	deadline time.Time
	answer   []step
	sent     bytes.Buffer
	sendErr  error
	closed   bool
}

// A step is what comes after a time: bytes or an error. After the last one the
// server is silent.
type step struct {
	after time.Duration
	text  string
	err   error
}

func (c *scripted) Write(p []byte) (int, error) {
	c.sent.Write(p)
	return len(p), c.sendErr
}

func (c *scripted) Read(p []byte) (int, error) {
	if len(c.answer) == 0 || c.clock.t.Add(c.answer[0].after).After(c.deadline) {
		if c.clock.t.Before(c.deadline) {
			c.clock.t = c.deadline
		}
		return 0, timeout{}
	}
	s := &c.answer[0]
	c.clock.t = c.clock.t.Add(s.after)
	s.after = 0
	n := copy(p, s.text)
	if s.text = s.text[n:]; s.text == "" {
		if s.err != nil {
			return n, s.err // and so on for ever
		}
		c.answer = c.answer[1:]
	}
	return n, nil
}

func (c *scripted) SetDeadline(t time.Time) error { c.deadline = t; return nil }
func (c *scripted) Close() error                  { c.closed = true; return nil }

// fetch runs one exchange with the connection.
func (c *scripted) fetch(t testing.TB, r *resync.Request) (resync.Response, error) {
	t.Helper()
	c.clock = newClock()
	s := &fetch.Sockets{
		Wall: c.clock.now,
		Dial: func(context.Context, netip.Addr, netip.AddrPort, time.Duration) (net.Conn, error) {
			c.clock.t = c.clock.t.Add(time.Second)
			return c, nil
		},
	}
	resp, err := s.Fetch(t.Context(), r)
	if !c.closed {
		t.Error("the connection was left open")
	}
	return resp, err
}

var web = netip.MustParseAddrPort("10.0.2.1:80")

// Whole requests, with the headers of XML services among them (surface-2.md §2.3). See device-surface.md §4.1, §4.2.
func TestHTTPRequestBytes(t *testing.T) {
	tests := []struct {
		name   string
		change func(*resync.Request)
	}{
		{"spa2102", func(r *resync.Request) {}},
		{"spa504g", func(r *resync.Request) {
			r.Unit, r.Path = unit(t, "SPA504G", "7.4.9c", nil), "/spa504G.cfg"
			r.Unit.Serial = "CBT00000001"
		}},
		{"spa525g", func(r *resync.Request) {
			r.Unit, r.Path = unit(t, "SPA525G", "7.4.7", nil), "/spa525G.cfg"
			r.Unit.Serial = "CBT00000001"
		}},
		{"http10", func(r *resync.Request) {
			r.Unit = unit(t, "SPA2102", "5.2.10", map[string]string{"http_version": "1.0"})
		}},
		{"post", func(r *resync.Request) { r.Method, r.Body = "POST", []byte("<report/>\n") }},
		{"post-type", func(r *resync.Request) {
			r.Method, r.Body, r.ContentType = "POST", []byte("<report/>\n"), "text/xml; charset=utf-8"
		}},
		{"put-nothing", func(r *resync.Request) { r.Method = "PUT" }},
		{"port", func(r *resync.Request) {
			r.Host, r.Server = "prov.example.com", netip.MustParseAddrPort("10.0.2.1:8080")
		}},
		{"query", func(r *resync.Request) { r.Path = "/cfg?mac=000e08012345&sw=5.2.10" }},
		{"authorization", func(r *resync.Request) {
			r.Unit, r.Path = unit(t, "SPA504G", "7.5.5", nil), "/spa504G.cfg"
			r.Unit.Serial, r.Authorization = "CBT00000001", "Basic am9lOnM="
		}},
		{"proxy-authorization", func(r *resync.Request) {
			r.Method, r.Body, r.Authorization, r.Proxy = "POST", []byte("x=1"), "Digest a=\"1\"\r\nX-Evil: 1", true
		}},
		{"service", func(r *resync.Request) { // of an XML service
			r.Unit, r.Path, r.Service = unit(t, "SPA504G", "7.5.5", nil), "/directory", true
			r.Unit.Serial = "CBT00000001"
		}},
		{"injection", func(r *resync.Request) {
			r.Path, r.Host = "/a b\r\nX-Evil: 1\t\x7f\x00é", "h\r\nX-Evil: 2"
			r.Unit.Serial = "FM5\r\nX-Evil: 3"
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := request(t, "http", web)
			tt.change(r)
			c := &scripted{answer: []step{{text: "HTTP/1.1 200 OK\r\n\r\n", err: io.EOF}}}
			if _, err := c.fetch(t, r); err != nil {
				t.Fatal(err)
			}
			golden.File(t, filepath.Join("testdata", "requests", tt.name+".http"), c.sent.Bytes())
		})
	}
}

func TestHTTPAnswers(t *testing.T) {
	huge := "HTTP/1.1 200 OK\r\n" + strings.Repeat("X-Flood: 0123456789abcdef\r\n", 4000)
	tests := []struct {
		name   string
		answer []step
		status int
		body   string
		result device.Result
		tooBig bool
	}{
		{name: "announced length", answer: []step{{text: "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhellomore"}}, status: 200, body: "hello"},
		{name: "length zero", answer: []step{{text: "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"}}, status: 200},
		{name: "until the end", answer: []step{{text: "HTTP/1.0 200 OK\r\n\r\nhello", err: io.EOF}}, status: 200, body: "hello"},
		{name: "chunked", answer: []step{{text: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nhel\r\n2\r\nlo\r\n0\r\nT: 1\r\n\r\n"}}, status: 200, body: "hello"},
		{name: "no content", answer: []step{{text: "HTTP/1.1 204 No Content\r\n\r\n"}}, status: 204},
		{name: "not found", answer: []step{{text: "HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\ngone"}}, status: 404, body: "gone"},
		{name: "not found, page breaks off", answer: []step{{text: "HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\ngo", err: io.EOF}}, status: 404, body: "go"},
		{name: "not found, page is larger than the limit", answer: []step{{text: "HTTP/1.1 404 Not Found\r\n\r\n" + strings.Repeat("x", 200), err: io.EOF}}, status: 404, body: strings.Repeat("x", 100)},
		{name: "unauthorized", answer: []step{{text: "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic\r\nContent-Length: 0\r\n\r\n"}}, status: 401},
		{name: "server error", answer: []step{{text: "HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n"}}, status: 503},
		{name: "body of the limit", answer: []step{{text: "HTTP/1.1 200 OK\r\n\r\n" + strings.Repeat("x", 100), err: io.EOF}}, status: 200, body: strings.Repeat("x", 100)},
		{name: "body above the limit", answer: []step{{text: "HTTP/1.1 200 OK\r\n\r\n" + strings.Repeat("x", 101), err: io.EOF}}, result: device.Corrupt, tooBig: true},
		{name: "announced above the limit", answer: []step{{text: "HTTP/1.1 200 OK\r\nContent-Length: 101\r\n\r\n"}}, result: device.Corrupt, tooBig: true},
		{name: "chunks above the limit", answer: []step{{text: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n65\r\n" + strings.Repeat("x", 101) + "\r\n0\r\n\r\n"}}, result: device.Corrupt, tooBig: true},
		{name: "truncated", answer: []step{{text: "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell", err: io.EOF}}, result: device.Corrupt},
		{name: "truncated chunk", answer: []step{{text: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel", err: io.EOF}}, result: device.Corrupt},
		{name: "bad chunk", answer: []step{{text: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n"}}, result: device.Corrupt},
		{name: "reset in the body", answer: []step{{text: "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhe"}, {err: syscall.ECONNRESET}}, result: device.Corrupt},
		{name: "stops in the body", answer: []step{{text: "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhe"}}, result: device.Timeout},
		{name: "stops in the header", answer: []step{{text: "HTTP/1.1 200 OK\r\nContent-"}}, result: device.Timeout},
		{name: "never answers", result: device.Timeout},
		{name: "resets before an answer", answer: []step{{err: syscall.ECONNRESET}}, result: device.NoConnect},
		{name: "closes before an answer", answer: []step{{err: io.EOF}}, result: device.NoConnect},
		{name: "garbage", answer: []step{{text: "SSH-2.0-OpenSSH_9.2\r\n", err: io.EOF}}, result: device.Corrupt},
		{name: "closes in the header", answer: []step{{text: "HTTP/1.1 200 OK\r\nX: y", err: io.EOF}}, result: device.Corrupt},
		{name: "header without end", answer: []step{{text: huge}}, result: device.Corrupt},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := request(t, "http", web)
			r.Max = 100
			announced := tt.status == 200 && strings.Contains(tt.answer[0].text, "Content-Length") // the text is used up
			resp, err := (&scripted{answer: tt.answer}).fetch(t, r)
			if tt.status != 0 {
				if err != nil || resp.Status != tt.status || string(resp.Body) != tt.body {
					t.Errorf("Fetch = %d %q, %v; want %d %q", resp.Status, resp.Body, err, tt.status, tt.body)
				}
				if announced != (resp.Announced > 0) && tt.body != "" {
					t.Errorf("the header said %d bytes", resp.Announced)
				}
				return
			}
			if e := failed(t, err); e.Result != tt.result || e.TooBig != tt.tooBig {
				t.Errorf("Fetch: %v, too big %t; want %v, %t", e, e.TooBig, tt.result, tt.tooBig)
			}
		})
	}
}

func TestHTTPRedirectIsReportedNotFollowed(t *testing.T) {
	c := &scripted{answer: []step{{text: "HTTP/1.1 302 Found\r\nLocation: http://10.0.2.9/x.cfg\r\nContent-Length: 0\r\n\r\n"}}}
	resp, err := c.fetch(t, request(t, "http", web))
	if err != nil || resp.Status != 302 || resp.Location != "http://10.0.2.9/x.cfg" {
		t.Errorf("Fetch = %+v, %v", resp, err)
	}
	if n := strings.Count(c.sent.String(), "GET "); n != 1 {
		t.Errorf("%d requests were sent", n)
	}
}

func TestHTTPChallengesAreReported(t *testing.T) {
	for status, header := range map[int]string{401: "WWW-Authenticate", 407: "Proxy-Authenticate"} {
		text := fmt.Sprintf("HTTP/1.1 %d No\r\nWWW-Authenticate: a\r\nProxy-Authenticate: b\r\n%s: c\r\nContent-Length: 0\r\n\r\n", status, header)
		resp, err := (&scripted{answer: []step{{text: text}}}).fetch(t, request(t, "http", web))
		want := map[int]string{401: "a c", 407: "b c"}[status]
		if got := strings.Join(resp.Challenges, " "); err != nil || got != want {
			t.Errorf("challenges of a %d: %q, %v; want %q", status, got, err, want)
		}
	}
}

func TestHTTPAnswerCountsMoreThanAFailedSend(t *testing.T) {
	c := &scripted{sendErr: syscall.EPIPE, answer: []step{{text: "HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n"}}}
	r := request(t, "http", web)
	r.Method, r.Body = "POST", noise(100_000)
	if resp, err := c.fetch(t, r); err != nil || resp.Status != 413 {
		t.Errorf("Fetch = %d, %v; want 413", resp.Status, err)
	}
	c = &scripted{sendErr: syscall.EPIPE, answer: []step{{err: io.EOF}}}
	_, err := c.fetch(t, r)
	if e := failed(t, err); e.Result != device.NoConnect || !strings.Contains(e.Error(), "broken pipe") {
		t.Errorf("Fetch: %v, want connect with the cause of the send", e)
	}
}

func TestHTTPPhases(t *testing.T) {
	c := &scripted{answer: []step{
		{after: 2 * time.Second, text: "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nab"},
		{after: 3 * time.Second, text: "cd"},
	}}
	resp, err := c.fetch(t, request(t, "http", web))
	if want := (device.Phases{Connect: 1e9, FirstByte: 2e9, Body: 3e9}); err != nil || resp.Took != want {
		t.Errorf("took %+v, %v; want %+v", resp.Took, err, want)
	}
}

func TestHTTPWaitsForEachReadAndBoundsTheWhole(t *testing.T) {
	_, err := new(scripted).fetch(t, request(t, "http", web))
	if e := failed(t, err); e.Took != (device.Phases{Connect: 1e9, FirstByte: 30e9}) {
		t.Errorf("silence took %+v, want 30 s", e.Took)
	}

	const header = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n"
	drip := []step{{text: header}}
	for range 100 {
		drip = append(drip, step{after: 29 * time.Second, text: "x"})
	}
	_, err = (&scripted{answer: drip}).fetch(t, request(t, "http", web))
	if e := failed(t, err); e.Result != device.Timeout || e.Took.Body != 300e9 {
		t.Errorf("a drip of 29 s: %v after %+v, want a timeout after ten waits", e, e.Took)
	}

	for i := range drip {
		drip[i].text, drip[i].after = strings.Repeat("x", 50), 29*time.Second
	}
	drip[0] = step{text: header}
	if resp, err := (&scripted{answer: drip}).fetch(t, request(t, "http", web)); err != nil || len(resp.Body) != 100 {
		t.Errorf("two reads of 29 s: %d bytes, %v", len(resp.Body), err)
	}
}

// Whatever comes, an exchange ends, holds its limit, and says either that an
// answer came or how it failed.
func FuzzHTTPAnswer(f *testing.F) {
	f.Add("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", true)
	f.Add("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", false)
	f.Fuzz(func(t *testing.T, answer string, closes bool) {
		c := &scripted{answer: []step{{text: answer}}}
		if closes {
			c.answer[0].err = io.EOF
		}
		r := request(t, "http", web)
		r.Max = 64
		resp, err := c.fetch(t, r)
		if err != nil {
			failed(t, err)
		} else if len(resp.Body) > 64 {
			t.Errorf("%d bytes", len(resp.Body))
		}
	})
}

func TestHTTPComesFromTheDevicesOwnAddress(t *testing.T) {
	server := serveTCP(t, func(conn net.Conn) {
		readHead(conn)
		fmt.Fprintf(conn, "HTTP/1.1 200 OK\r\n\r\n%v", conn.RemoteAddr().(*net.TCPAddr).AddrPort().Addr())
	})
	for _, source := range []string{"127.64.0.1", "127.64.200.7"} {
		r := request(t, "http", server)
		r.Source = netip.MustParseAddr(source)
		resp, err := new(fetch.Sockets).Fetch(t.Context(), r)
		if err != nil || string(resp.Body) != source {
			t.Errorf("the server saw %q, %v; want %s", resp.Body, err, source)
		}
	}
}

func TestHTTPRefusedConnection(t *testing.T) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	_, err = new(fetch.Sockets).Fetch(t.Context(), request(t, "http", l.Addr().(*net.TCPAddr).AddrPort()))
	if e := failed(t, err); e.Result != device.NoConnect {
		t.Errorf("Fetch: %v, want connect", e)
	}
}

func TestHTTPConnectWaitIsTheFirmwares(t *testing.T) {
	var wait time.Duration
	s := &fetch.Sockets{Dial: func(_ context.Context, _ netip.Addr, _ netip.AddrPort, w time.Duration) (net.Conn, error) {
		wait = w
		return nil, timeout{}
	}}
	_, err := s.Fetch(t.Context(), request(t, "http", web))
	if e := failed(t, err); e.Result != device.Timeout || wait != 5*time.Second {
		t.Errorf("Fetch: %v, waited %v; want a timeout of 5 s", e, wait)
	}
}

func TestHTTPEndsWithItsContext(t *testing.T) {
	asked := make(chan bool)
	server := serveTCP(t, func(conn net.Conn) {
		readHead(conn)
		asked <- true
		io.Copy(io.Discard, conn)
	})
	testEndsWithContext(t, request(t, "http", server), func() { <-asked })
}

// A body that is passed on is what would have been returned, and fails as that
// would have.
func TestBodiesArePassedOnAsTheyWouldBeReturned(t *testing.T) {
	const head = "HTTP/1.1 200 OK\r\n"
	long := strings.Repeat("x", 5000)
	for name, answer := range map[string]string{
		"plain": head + "Content-Length: 5000\r\n\r\n" + long, "empty": head + "Content-Length: 0\r\n\r\n",
		"chunked":    head + "Transfer-Encoding: chunked\r\n\r\n1388\r\n" + long + "\r\n0\r\n\r\n",
		"until end":  head + "Location: /\r\n\r\n" + long,
		"cut":        head + "Content-Length: 5000\r\n\r\n" + long[:4000],
		"too large":  head + "Content-Length: 5001\r\n\r\n" + long + "x",
		"and larger": head + "Transfer-Encoding: chunked\r\n\r\n1389\r\n" + long + "x\r\n0\r\n\r\n",
		"absent":     "HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nno",
	} {
		ask := func(into io.Writer) (resync.Response, string) {
			r := request(t, "http", web)
			r.Max, r.Into = 5000, into
			c := &scripted{answer: []step{{0, answer, io.EOF}}}
			resp, err := c.fetch(t, r)
			return resp, fmt.Sprint(err)
		}
		var into bytes.Buffer
		whole, want := ask(nil)
		resp, got := ask(&into)
		if got != want || resp.Status != whole.Status || resp.Len() != whole.Len() {
			t.Errorf("%s: status %d, %d bytes, %s; returned: %d, %d, %s", name, resp.Status, resp.Len(), got, whole.Status, whole.Len(), want)
		}
		if taken := resp.Status == 200; taken && (into.String() != string(whole.Body) || resp.Body != nil) || resp.Status == 404 && into.Len() > 0 {
			t.Errorf("%s: %d bytes were passed on, and %d returned, of %d", name, into.Len(), len(resp.Body), len(whole.Body))
		}
	}
}
