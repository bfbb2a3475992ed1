package console

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func TestOnlyWhoHasTheTokenIsAnswered(t *testing.T) {
	l := newBareLab(t)
	l.Show(newStill(t, 1))
	set := func(name, value string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set(name, value) }
	}
	for _, tt := range []struct {
		what   string
		change func(*http.Request)
		status int
		says   string
	}{
		{"as it should be", nil, 200, ""},
		{"no token", set("Authorization", ""), 401, "a token is missing"},
		{"another scheme", set("Authorization", "Basic "+l.Token()), 401, "a token is missing"},
		{"a wrong token", set("Authorization", "Bearer "+strings.ToLower(l.Token())), 401, "the token is wrong"},
		{"a part of the token", set("Authorization", "Bearer "+l.Token()[:20]), 401, "the token is wrong"},
		{"more than the token", set("Authorization", "Bearer "+l.Token()+"A"), 401, "the token is wrong"},
		{"an empty token", set("Authorization", "Bearer "), 401, "a token is missing"},
		{"its own origin", set("Origin", l.URL()), 200, ""},
		{"another origin", set("Origin", "http://evil.test"), 403, "is another site"},
		{"another port", set("Origin", "http://127.0.0.1:1"), 403, "is another site"},
		{"no origin", set("Origin", "null"), 403, "is another site"},
		{"a scheme as origin", set("Origin", "https://"+strings.TrimPrefix(l.URL(), "http://")), 403, "is another site"},
		{"no URL as origin", set("Origin", "::"), 403, "is another site"},
		{"a name that was bound again", func(r *http.Request) { r.Host = "evil.test" }, 403, "is not this machine's"},
		{"that name with a port", func(r *http.Request) { r.Host = "evil.test:80" }, 403, "is not this machine's"},
		{"a name that begins like one", func(r *http.Request) { r.Host = "127.0.0.1.evil.test" }, 403, "is not this machine's"},
		{"an address of another machine", func(r *http.Request) { r.Host = "192.0.2.1" }, 403, "is not this machine's"},
		{"localhost", func(r *http.Request) { r.Host = "localhost:9000" }, 200, ""},
		{"IPv6", func(r *http.Request) { r.Host = "[::1]:9000" }, 200, ""},
		{"another site", set("Sec-Fetch-Site", "cross-site"), 403, "a page of another site asks"},
		{"another port of this host", set("Sec-Fetch-Site", "same-site"), 403, "a page of another site asks"},
		{"its own page", set("Sec-Fetch-Site", "same-origin"), 200, ""},
		{"a person", set("Sec-Fetch-Site", "none"), 200, ""},
	} {
		for _, try := range []struct{ method, path string }{{"GET", "/api/v1/summary"}, {"POST", "/api/v1/devices/0/resync"}} {
			a := l.ask(t, try.method, try.path, "", tt.change)
			if a.status != tt.status || !strings.Contains(string(a.body), tt.says) {
				t.Errorf("%s: %s: %d %s, want %d with %q", tt.what, try.method, a.status, a.body, tt.status, tt.says)
			}
			if a.status == 401 && a.header.Get("WWW-Authenticate") == "" {
				t.Errorf("%s: 401 without WWW-Authenticate", tt.what)
			}
			if tt.status != 200 && strings.Contains(string(a.body), l.Token()) {
				t.Errorf("%s: the answer has the token", tt.what)
			}
		}
	}
}

func TestEachAnswerIsForItsReaderAlone(t *testing.T) {
	l := newBareLab(t)
	for _, path := range []string{"/api/v1/summary", "/api/nothing", "/api/v1/openapi.json"} {
		a := l.ask(t, "GET", path, "", nil)
		for name, value := range map[string]string{"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", "Content-Type": "application/json"} {
			if a.header.Get(name) != value {
				t.Errorf("%s: %s: %q", path, name, a.header.Get(name))
			}
		}
		if csp := a.header.Get("Content-Security-Policy"); !strings.Contains(csp, "default-src 'none'") || !strings.Contains(csp, "frame-ancestors 'none'") {
			t.Errorf("%s: %q", path, csp)
		}
		if a.header.Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("%s: other sites may read it", path)
		}
	}
}

// A body without a length is read as far as its bound.
func TestBodiesAreBounded(t *testing.T) {
	l := newBareLab(t)
	l.Show(newStill(t, 1))
	unbounded := func(r *http.Request) {
		r.ContentLength = -1
		r.Body = io.NopCloser(io.LimitReader(endless{}, 100<<10))
	}
	for _, path := range []string{"/api/v1/devices/0/resync", "/api/v1/selection/resync"} {
		if a := l.ask(t, "POST", path, "x", unbounded); a.status != http.StatusRequestEntityTooLarge {
			t.Errorf("%s: %d %s", path, a.status, a.body)
		}
	}
}

type endless struct{}

func (endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = ' '
	}
	return len(p), nil
}

func TestAConsoleIsOfLoopbackUnlessItIsSaid(t *testing.T) {
	for addr, want := range map[string]error{"0.0.0.0:0": ErrRemote, ":0": ErrRemote, "[::]:0": ErrRemote, "127.0.0.1:0": nil, "localhost:0": nil, "127.9.9.9:0": nil} {
		s, err := Open(Options{Addr: addr})
		if !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", addr, err, want)
		}
		if s != nil {
			s.Close()
		}
	}
	for _, addr := range []string{"", "127.0.0.1", "127.0.0.1:http-of-none", "127.0.0.1:70000"} {
		if s, err := Open(Options{Addr: addr}); err == nil {
			t.Errorf("%q was opened", addr)
			s.Close()
		}
	}
}

// Where nothing says by which name it is found, the token is what counts.
func TestOffLoopbackAnyHostIsTaken(t *testing.T) {
	s, err := Open(Options{Addr: "0.0.0.0:0", Remote: true})
	if err != nil {
		t.Fatal(err)
	}
	l := &lab{Server: s}
	defer s.Close()
	s.Show(newStill(t, 1))
	if a := l.ask(t, "GET", "/api/v1/summary", "", func(r *http.Request) { r.Host = "fleet.example" }); a.status != 200 {
		t.Errorf("%d %s", a.status, a.body)
	}
	if a := l.ask(t, "GET", "/api/v1/summary", "", func(r *http.Request) { r.Host = "fleet.example"; r.Header.Del("Authorization") }); a.status != 401 {
		t.Errorf("%d %s", a.status, a.body)
	}
}

// dial opens a connection to the console.
func (l *lab) dial(t *testing.T) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", strings.TrimPrefix(l.URL(), "http://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// Ten thousand clients that hold on to what they get are refused beyond the bound, each
// with a word where there is time for it; a client that has a place is answered, and little
// memory is used.
func TestTenThousandClientsAreBounded(t *testing.T) {
	const clients = 10_000
	l := newBareLab(t)
	l.Show(newStill(t, 1))
	var before, during runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	held := make([]net.Conn, mostConnections)
	for i := range held {
		held[i] = l.dial(t)
		fmt.Fprintf(held[i], "GET /api/v1/summary HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer %s\r\n\r\n", l.Token())
		a, err := http.ReadResponse(bufio.NewReader(held[i]), nil)
		if err != nil || a.StatusCode != 200 {
			t.Fatalf("client %d: %v %v", i, a, err)
		}
		a.Body.Close()
	}
	var said, closed, answered atomic.Int64
	var work sync.WaitGroup
	places := make(chan struct{}, 500) // at once
	for range clients {
		work.Go(func() {
			places <- struct{}{}
			defer func() { <-places }()
			c, err := net.Dial("tcp", strings.TrimPrefix(l.URL(), "http://"))
			if err != nil {
				closed.Add(1)
				return
			}
			defer c.Close()
			_ = c.SetDeadline(time.Now().Add(30 * time.Second))
			fmt.Fprint(c, "GET /api/v1/summary HTTP/1.1\r\nHost: localhost\r\n\r\n")
			b, err := io.ReadAll(c)
			switch {
			case strings.Contains(string(b), "the console has its 64 connections"):
				said.Add(1)
			case len(b) == 0:
				closed.Add(1)
			default:
				answered.Add(1)
				t.Logf("%q %v", b, err)
			}
		})
	}
	work.Wait()
	runtime.ReadMemStats(&during)
	if said.Load() == 0 || answered.Load() != 0 || said.Load()+closed.Load() != clients {
		t.Errorf("%d were told why, %d were closed, %d were answered", said.Load(), closed.Load(), answered.Load())
	}
	if grown := int64(during.HeapInuse) - int64(before.HeapInuse); grown > 64<<20 {
		t.Errorf("the heap grew by %d MB", grown>>20)
	}
	if n := len(l.listener.places); n != mostConnections {
		t.Errorf("%d connections have a place", n)
	}
	l.mu.Lock()
	if len(l.told) != 1 || !strings.Contains(l.told[0], "others are refused meanwhile") {
		t.Errorf("told: %q", l.told)
	}
	l.mu.Unlock()
	held[0].Close()
	for deadline := time.Now().Add(10 * time.Second); ; {
		c := l.dial(t)
		fmt.Fprintf(c, "GET /api/v1/summary HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer %s\r\nConnection: close\r\n\r\n", l.Token())
		b, _ := io.ReadAll(c)
		if strings.HasPrefix(string(b), "HTTP/1.1 200 ") {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("the place of a client that left was not given away: %q", b)
		}
	}
}

// A client that says nothing, or its request a byte at a time, is not waited for.
func TestASlowClientIsNotWaitedFor(t *testing.T) {
	l := newLabWith(t, patience{header: 500 * time.Millisecond, read: time.Second, write: time.Second, idle: time.Second})
	l.Show(newStill(t, 1))
	silent, drip := l.dial(t), l.dial(t)
	began := time.Now()
	go func() {
		for _, b := range []byte("GET /api/v1/summary HTTP/1.1\r\nX-Slow: " + strings.Repeat("x", 1000)) {
			if _, err := drip.Write([]byte{b}); err != nil {
				return
			}
			<-time.After(50 * time.Millisecond)
		}
	}()
	if a := l.ask(t, "GET", "/api/v1/summary", "", nil); a.status != 200 {
		t.Errorf("another client: %d", a.status)
	}
	for _, c := range []net.Conn{silent, drip} {
		_ = c.SetReadDeadline(time.Now().Add(30 * time.Second))
		if _, err := io.ReadAll(c); err != nil && strings.Contains(err.Error(), "timeout") {
			t.Errorf("after %s it is still there", time.Since(began))
		}
	}
}

// A client that asks and does not read holds one place, and is cut off.
func TestAClientThatDoesNotReadIsCutOff(t *testing.T) {
	p := usual
	p.write = 200 * time.Millisecond
	l := newLabWith(t, p)
	l.Show(newStill(t, 20_000))
	c := l.dial(t)
	_ = c.(*net.TCPConn).SetReadBuffer(4 << 10)
	_ = c.SetWriteDeadline(time.Now().Add(20 * time.Second))
	request := fmt.Sprintf("GET /api/v1/devices?limit=500 HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer %s\r\n\r\n", l.Token())
	for range 1_000_000 {
		if _, err := io.WriteString(c, request); err != nil {
			if strings.Contains(err.Error(), "timeout") {
				t.Errorf("it holds its place: %v", err)
			}
			return
		}
	}
	t.Error("1,000,000 requests were taken whose answers nobody read")
}

// Close ends connections and what listens, whatever clients do.
func TestCloseEndsAll(t *testing.T) {
	l := newBareLab(t)
	c := l.dial(t)
	fmt.Fprint(c, "GET /api")
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	_ = c.SetReadDeadline(time.Now().Add(10 * time.Second))
	if _, err := io.ReadAll(c); err != nil && strings.Contains(err.Error(), "timeout") {
		t.Error("the connection is still open")
	}
	if c, err := net.Dial("tcp", strings.TrimPrefix(l.URL(), "http://")); err == nil {
		c.Close()
		t.Error("it still listens")
	}
}
