package ssl

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"
)

// pair returns a client and a server that have shaken hands.
func pair(t *testing.T, c *Client, s *Server) (client, server *Conn) {
	t.Helper()
	a, b := loopback(t)
	c.Suites = append(c.Suites, AES128SHA)
	s.Suites, s.Certificate = allSuites, certificate("server")
	client, server = Connect(a, c), Accept(b, s)
	done := make(chan error, 1)
	go func() { done <- server.Handshake() }()
	if err := errors.Join(client.Handshake(), <-done); err != nil {
		t.Fatal(err)
	}
	return client, server
}

// net/http's server reads in the background while a handler works, and ends that
// by a deadline in the past. A client that says nothing holds up nobody, and a
// handler knows the certificate that was asked for after the request came.
func TestHTTPOverAListener(t *testing.T) {
	for _, asking := range []Asking{AskFirst, AskLater} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		type key struct{}
		server := &http.Server{
			ConnContext: func(ctx context.Context, c net.Conn) context.Context { return context.WithValue(ctx, key{}, c) },
			Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				body, _ := io.ReadAll(r.Body)
				state := r.Context().Value(key{}).(*Conn).State()
				fmt.Fprintf(w, "%s %s, %d certificates", r.URL.Path, body, len(state.Chain))
			}),
			ReadHeaderTimeout: time.Minute,
		}
		served := make(chan error, 1)
		go func() {
			served <- server.Serve(&Listener{l, &Server{Suites: allSuites, Certificate: certificate("server"), Ask: asking}})
		}()
		silent, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer silent.Close()
		client := dial(t, l.Addr().String(), &Client{Suites: []Suite{AES256SHA}, EmptyFragments: true, Certificate: certificate("device")})
		answers := bufio.NewReader(client)
		for i := range 3 { // on the one connection
			body := strings.Repeat("x", i)
			request := fmt.Sprintf("PUT /%d HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n%s", i, len(body), body)
			if _, err := io.WriteString(client, request); err != nil {
				t.Fatal(err)
			}
			resp, err := http.ReadResponse(answers, nil)
			if err != nil {
				t.Fatal(err)
			}
			got, err := io.ReadAll(resp.Body)
			if want := fmt.Sprintf("/%d %s, 1 certificates", i, body); err != nil || string(got) != want {
				t.Errorf("asking %v: %q, %v; want %q", asking, got, err, want)
			}
		}
		client.Close()
		server.Close()
		if err := <-served; !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
	}
}

func TestReadCanBeRepeatedAfterItsDeadline(t *testing.T) {
	client, server := pair(t, &Client{}, &Server{})
	for range 3 {
		if err := client.SetReadDeadline(time.Unix(1, 0)); err != nil {
			t.Fatal(err)
		}
		if _, err := client.Read(make([]byte, 9)); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatal(err)
		}
		if err := client.SetReadDeadline(time.Time{}); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(server, "x"); err != nil {
			t.Fatal(err)
		}
		if n, err := client.Read(make([]byte, 9)); n != 1 || err != nil {
			t.Fatal(n, err)
		}
	}
}

func TestDeadlineInTheHandshakeIsFinal(t *testing.T) {
	a, _ := loopback(t)
	client := Connect(a, &Client{Suites: allSuites})
	if err := a.SetReadDeadline(time.Unix(1, 0)); err != nil {
		t.Fatal(err)
	}
	first := client.Handshake()
	if err := a.SetReadDeadline(time.Time{}); err != nil {
		t.Fatal(err)
	}
	if _, again := client.Read(make([]byte, 1)); !errors.Is(first, os.ErrDeadlineExceeded) || !errors.Is(again, first) {
		t.Errorf("%v, then %v", first, again)
	}
}

func TestEndWithoutGoodbye(t *testing.T) {
	client, server := pair(t, &Client{}, &Server{})
	if _, err := io.WriteString(server, reply); err != nil {
		t.Fatal(err)
	}
	server.Conn.Close()
	got, err := io.ReadAll(client)
	if string(got) != reply || !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("%q, %v", got, err)
	}
}

func TestCloseSaysGoodbyeOnce(t *testing.T) {
	client, server := pair(t, &Client{}, &Server{})
	wire := &eavesdropper{Conn: client.Conn}
	client.Conn = wire
	for range 2 {
		client.Close()
	}
	if types, _ := records(t, wire.heard.Bytes()); string(types) != string([]byte{typeAlert}) {
		t.Errorf("records %x", types)
	}
	for range 2 {
		if _, err := server.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
			t.Errorf("%v", err)
		}
	}
	if _, err := client.Write([]byte("x")); !errors.Is(err, net.ErrClosed) {
		t.Errorf("a write after Close: %v", err)
	}
	fresh := newTape()
	if err := Connect(fresh, &Client{}).Close(); err != nil || fresh.heard.Len() > 0 || !fresh.closed {
		t.Errorf("Close before the handshake: %v, %x", err, fresh.heard.Bytes())
	}
}

// Close ends a Read that waits, and a Write that the other side does not read.
func TestCloseEndsReadsAndWrites(t *testing.T) {
	client, _ := pair(t, &Client{}, &Server{})
	writing := make(chan struct{}, 1)
	client.Conn = &notifier{Conn: client.Conn, wrote: writing}
	var wg sync.WaitGroup
	wg.Go(func() {
		if _, err := client.Read(make([]byte, 1)); !errors.Is(err, net.ErrClosed) {
			t.Errorf("read: %v", err)
		}
	})
	wg.Go(func() {
		for {
			if _, err := client.Write(make([]byte, 1<<20)); err != nil {
				return
			}
		}
	})
	<-writing
	client.Close()
	wg.Wait()
}

// A notifier tells of the first write.
type notifier struct {
	net.Conn
	wrote chan struct{}
}

func (n *notifier) Write(p []byte) (int, error) {
	select {
	case n.wrote <- struct{}{}:
	default:
	}
	return n.Conn.Write(p)
}

func TestReadingAndWritingAtOnce(t *testing.T) {
	client, server := pair(t, &Client{EmptyFragments: true}, &Server{})
	var wg sync.WaitGroup
	for _, c := range []*Conn{client, server} {
		wg.Go(func() {
			for range 200 {
				if _, err := io.WriteString(c, question); err != nil {
					t.Error(err)
					return
				}
			}
		})
		wg.Go(func() {
			got, err := io.ReadAll(io.LimitReader(c, int64(200*len(question))))
			if err != nil || string(got) != strings.Repeat(question, 200) {
				t.Errorf("%d bytes, %v", len(got), err)
			}
		})
	}
	wg.Wait()
}

// A server cannot keep a client busy with hellos for ever.
func TestSecondHandshakesAreCounted(t *testing.T) {
	client, server := pair(t, &Client{}, &Server{})
	go func() {
		for server.shake() == nil {
		}
	}()
	var e *Error
	if _, err := client.Read(make([]byte, 1)); !errors.As(err, &e) || e.Alert != UnexpectedMessage || !e.Sent {
		t.Errorf("%v", err)
	}
}

func TestWhatComesAmongTheData(t *testing.T) {
	sealed := func(typ byte, body ...byte) func(s *Conn) []byte {
		return func(s *Conn) []byte {
			s.seal(typ, body)
			return s.out
		}
	}
	broken := func(at int, by byte) func(s *Conn) []byte {
		return func(s *Conn) []byte {
			s.seal(typeData, []byte("data"))
			s.out[(len(s.out)+at)%len(s.out)] ^= by
			return s.out
		}
	}
	tests := map[string]struct {
		say   func(s *Conn) []byte
		alert Alert
		sent  bool
	}{
		"new keys":               {sealed(typeChangeCipherSpec, 1), UnexpectedMessage, true},
		"a type of TLS 1.2":      {sealed(24, 1), UnexpectedMessage, true},
		"a finished message":     {sealed(typeHandshake, msgFinished, 0, 0, 0), UnexpectedMessage, true},
		"a long HelloRequest":    {sealed(typeHandshake, msgHelloRequest, 0, 0, 1, 0), UnexpectedMessage, true},
		"an alert":               {sealed(typeAlert, levelFatal, 80), InternalError, false},
		"a wrong MAC":            {broken(headerLen, 1), BadRecordMAC, true},
		"a wrong end":            {broken(-1, 0x80), BadRecordMAC, true},
		"half a block":           {func(*Conn) []byte { return record(typeData, TLS10, make([]byte, 24)) }, BadRecordMAC, true},
		"nothing but a header":   {func(*Conn) []byte { return record(typeData, TLS10, nil) }, BadRecordMAC, true},
		"data in clear":          {func(*Conn) []byte { return record(typeData, TLS10, make([]byte, 16)) }, BadRecordMAC, true},
		"another version":        {broken(2, 1), ProtocolVersion, true},
		"a record that is long":  {func(*Conn) []byte { return record(typeData, TLS10, make([]byte, maxSealed+1)) }, RecordOverflow, true},
		"data that is long":      {sealed(typeData, make([]byte, maxPlain+1)...), RecordOverflow, true},
		"what is no SSL":         {broken(1, 0xff), NoAlert, false},
		"many empty records":     {func(s *Conn) []byte { return many(s, typeData) }, UnexpectedMessage, true},
		"many warnings":          {func(s *Conn) []byte { return many(s, typeAlert, levelWarning, 90) }, UnexpectedMessage, true},
		"HelloRequests, ignored": {func(s *Conn) []byte { return many(s, typeHandshake, 0, 0, 0, 0) }, UnexpectedMessage, true},
		"new keys after warnings": {func(s *Conn) []byte {
			s.seal(typeAlert, []byte{levelWarning, 90})
			s.seal(typeChangeCipherSpec, []byte{1})
			return s.out
		}, UnexpectedMessage, true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			client, server := pair(t, &Client{OnHelloRequest: IgnoreHello}, &Server{})
			if _, err := server.Conn.Write(tt.say(server)); err != nil {
				t.Fatal(err)
			}
			n, err := client.Read(make([]byte, 10))
			var e *Error
			if !errors.As(err, &e) || n != 0 || e.Alert != tt.alert || e.Sent != tt.sent {
				t.Fatalf("%d bytes, %v; want the alert %v", n, err, tt.alert)
			}
			if _, again := client.Read(make([]byte, 10)); !errors.Is(again, e) {
				t.Errorf("the next read says %v", again)
			}
			if _, werr := client.Write([]byte("x")); !errors.Is(werr, e) {
				t.Errorf("a write says %v", werr)
			}
			if !tt.sent {
				return
			}
			if _, err := server.Read(make([]byte, 10)); !errors.As(err, &e) || e.Alert != tt.alert || e.Sent {
				t.Errorf("the server heard %v", err)
			}
		})
	}
}

func many(s *Conn, typ byte, body ...byte) []byte {
	for range 40 {
		s.seal(typ, body)
	}
	return s.out
}

func TestPadding(t *testing.T) {
	tests := []struct {
		body string
		v    Version
		want int
	}{
		{"", TLS10, -1},
		{"x\x00", TLS10, 1}, {"x\x00", SSL30, 1},
		{"\x01\x01", TLS10, 2}, {"\x01", TLS10, -1}, {"\x01", SSL30, -1},
		{"xx\x07\x02", SSL30, 3}, {"xx\x07\x02", TLS10, -1},
		{strings.Repeat("\x08", 9), TLS11, 9}, {strings.Repeat("\x08", 9), SSL30, -1},
		{strings.Repeat("\xff", 256), TLS10, 256}, {strings.Repeat("\xff", 255), TLS10, -1},
	}
	for _, tt := range tests {
		if got := padding([]byte(tt.body), 8, tt.v); got != tt.want {
			t.Errorf("padding(%x, %v) = %d, want %d", tt.body, tt.v, got, tt.want)
		}
	}
}

func TestServerDoesNotShakeHandsOnTheClientsWish(t *testing.T) {
	client, server := pair(t, &Client{}, &Server{})
	shaken := make(chan error, 1)
	go func() { shaken <- client.shake() }()
	typ, body, err := server.readRecord()
	if err != nil || typ != typeHandshake {
		t.Fatal(typ, err)
	}
	if err := server.gotHandshake(body); err != nil {
		t.Fatal(err)
	}
	server.Close()
	if err := <-shaken; err == nil || !strings.Contains(err.Error(), "goodbye") || client.warned != NoRenegotiation {
		t.Errorf("%v, warned of %v", err, client.warned)
	}
}

// exhausted is a source of chance that has none.
type exhausted struct{}

func (exhausted) Read([]byte) (int, error) { return 0, errors.New("no chance left") }

func TestWhatCannotBeginIsAnError(t *testing.T) {
	tests := map[string]*Conn{
		"has no suites":                   Connect(newTape(), &Client{}),
		"draw 32 bytes: no chance left":   Connect(newTape(), &Client{Suites: allSuites, Rand: exhausted{}}),
		"has no certificate and key":      Accept(newTape(), &Server{Suites: allSuites}),
		"the client's certificate has no": Connect(newTape(serverHello(TLS10, AES128SHA, 0), certificates(material()["server"].cert.Raw), message(msgCertificateRequest, []byte{1, 1, 0, 0}), done), &Client{Suites: allSuites, Certificate: &Certificate{Chain: [][]byte{{1}}}}),
	}
	for want, c := range tests {
		if err := c.Handshake(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want ...%s...", err, want)
		}
	}
}

// A Listener accepts connections of a Server. Hands are shaken with the first
// Read or Write, so that a client which says nothing does not hold up the others.
type Listener struct {
	net.Listener
	Server *Server
}

// Accept returns the next connection, a *[Conn].
func (l *Listener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return Accept(conn, l.Server), nil
}
