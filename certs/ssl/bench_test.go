package ssl

import (
	"bytes"
	"crypto/rsa"
	"errors"
	"io"
	"net"
	"runtime"
	"runtime/debug"
	"testing"
)

// A recorder keeps a copy of what is read.
type recorder struct {
	net.Conn
	heard bytes.Buffer
}

func (r *recorder) Read(p []byte) (int, error) {
	n, err := r.Conn.Read(p)
	r.heard.Write(p[:n])
	return n, err
}

// converse returns what a client and a server heard from each other. Where both
// have chance that is none, they hear the same the next time.
func converse(t testing.TB, c *Client, s *Server) (toClient, toServer []byte, err error) {
	t.Helper()
	a, b := loopback(t)
	ra, rb := &recorder{Conn: a}, &recorder{Conn: b}
	ce, se := exchange(Connect(ra, c), Accept(rb, s))
	return ra.heard.Bytes(), rb.heard.Bytes(), errors.Join(ce, se)
}

// BenchmarkClient is all that a client computes for one answer, without sockets.
func BenchmarkClient(b *testing.B) {
	device, key := certificate("device"), material()["server"].key.Public().(*rsa.PublicKey)
	client := Client{Suites: []Suite{AES256SHA, AES128SHA}, EmptyFragments: true, Certificate: device}
	client.Rand = zeros{}
	names := [][]byte{random(150), random(150), random(150)}
	says, _, err := converse(b, &client, &Server{Suites: allSuites, Certificate: certificate("server"), Ask: AskFirst, Names: names, Rand: zeros{}})
	if err != nil {
		b.Fatal(err)
	}
	client.Verify = func([][]byte) (*rsa.PublicKey, int) { return key, 0 }
	b.ReportAllocs()
	for b.Loop() {
		if err := askOnce(Connect(newTape(says), &client)); err != nil {
			b.Fatal(err)
		}
	}
}

// A connection that waits for data must not cost more than this, in bytes, with
// its goroutine, its socket and that of the other side.
const mostIdle = 16 << 10

func TestIdleClientsAreSmall(t *testing.T) {
	const clients = 1000
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	client := &Client{Suites: []Suite{AES256SHA}, Certificate: certificate("device"), EmptyFragments: true}
	server := &Server{Suites: allSuites, Certificate: certificate("server"), Ask: AskFirst, Names: [][]byte{random(150), random(150), random(150)}}
	before := memory()
	conns, ended := make([]net.Conn, 0, 2*clients), make(chan error, clients)
	for range clients {
		a, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		b, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		conns = append(conns, a, b)
		answered := make(chan error)
		go func() {
			c := Connect(a, client)
			if _, err := io.WriteString(c, question); err != nil {
				answered <- err
				return
			}
			answer := make([]byte, len(reply))
			_, err := io.ReadFull(c, answer)
			answered <- err
			_, err = c.Read(answer)
			ended <- err
		}()
		go func() {
			c := Accept(b, server)
			if _, err := io.ReadFull(c, make([]byte, len(question))); err == nil {
				_, _ = io.WriteString(c, reply)
			}
		}()
		if err := <-answered; err != nil {
			t.Fatal(err)
		}
	}
	each := (memory() - before) / clients
	t.Logf("%d bytes each", each)
	if each > mostIdle {
		t.Errorf("an idle client costs %d bytes, more than %d", each, mostIdle)
	}
	for _, c := range conns {
		c.Close()
	}
	for range clients {
		<-ended
	}
}

// memory returns what the process holds in its heap and its stacks.
func memory() int {
	// The first frees, the second shrinks the stacks and what pools still keep.
	for range 3 {
		debug.FreeOSMemory()
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc + m.StackInuse)
}
