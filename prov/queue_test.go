package prov_test

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"spafleet/prov"
	"spafleet/resync/tftp/packet"
)

// image is a file that is sent from the disk.
var image = bytes.Repeat([]byte("firmware\x00"), 1<<17)

// serveImage serves a folder with an image, a few transfers at a time. Lines get
// the log.
func serveImage(t *testing.T, most int) (s *prov.Server, root string, lines chan prov.Line) {
	t.Helper()
	lines = make(chan prov.Line, 100)
	core, root := newDir(t, map[string]string{"fw.bin": string(image), "small.xml": "<a/>"}, prov.DirOptions{Log: func(l prov.Line) { lines <- l }})
	s = &prov.Server{Core: core, TFTPAddr: "127.0.0.1:0", HTTPAddr: "127.0.0.1:0", MaxTransfers: most}
	if err := s.Open(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s, root, lines
}

// A tftpClient asks and acknowledges by hand.
type tftpClient struct {
	conn *net.UDPConn
	from *net.UDPAddr
}

func ask(t *testing.T, s *prov.Server, path string) *tftpClient {
	t.Helper()
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	c := &tftpClient{conn: conn, from: net.UDPAddrFromAddrPort(s.TFTP())}
	t.Cleanup(func() {
		c.send(packet.AppendError(nil, 0, "the test is over")) // or Close waits for its ACK
		conn.Close()
	})
	c.send(packet.AppendRequest(nil, packet.Read, path))
	return c
}

func (c *tftpClient) send(p []byte) {
	_, _ = c.conn.WriteTo(p, c.from) // a packet may be lost
}

// hears returns the next packet, op 0 for none in time.
func (c *tftpClient) hears(within time.Duration) packet.Packet {
	_ = c.conn.SetReadDeadline(time.Now().Add(within))
	b := make([]byte, 600)
	n, from, err := c.conn.ReadFromUDP(b)
	if err != nil {
		return packet.Packet{}
	}
	c.from = from
	return packet.Parse(b[:n])
}

const soon, patience = 100 * time.Millisecond, 20 * time.Second

func TestTransfersBeyondTheLimitWaitForTheirTurn(t *testing.T) {
	s, _, lines := serveImage(t, 1)
	first := ask(t, s, "/fw.bin")
	if p := first.hears(patience); p.Op != packet.Data || p.Number != 1 {
		t.Fatalf("the first got %d %d", p.Op, p.Number)
	}
	waits := ask(t, s, "/small.xml")
	if p := waits.hears(soon); p.Op != 0 {
		t.Fatalf("the second did not wait: %d %d", p.Op, p.Number)
	}
	waits.from = net.UDPAddrFromAddrPort(s.TFTP())
	waits.send(packet.AppendRequest(nil, packet.Read, "/small.xml")) // once more, as devices do
	if p := waits.hears(soon); p.Op != 0 {                           // the server has read it before the first one ends
		t.Fatalf("the second did not wait after its repetition: %d %d", p.Op, p.Number)
	}
	first.send(packet.AppendError(nil, 0, "enough"))
	if p := waits.hears(patience); string(p.Payload) != "<a/>" {
		t.Fatalf("the second got %d %q", p.Op, p.Payload)
	}
	port := waits.from.Port
	waits.send(packet.Append(nil, packet.Ack, 1, nil))
	for range 2 {
		<-lines
	}
	if p := waits.hears(soon); p.Op != 0 {
		t.Errorf("its second request was answered too: %d from port %d after %d", p.Op, waits.from.Port, port)
	}
}

// Where too many wait, the next get no answer: an ERROR would be the end of it for a
// device, silence makes it ask again.
func TestTFTPRequestsThatCannotWaitGetNoAnswer(t *testing.T) {
	s, _, lines := serveImage(t, 1)
	first := ask(t, s, "/fw.bin")
	first.hears(patience)
	var others []*tftpClient
	for range 5 {
		others = append(others, ask(t, s, "/small.xml"))
	}
	if l := <-lines; l.Status != 503 || l.Err == nil {
		t.Errorf("logged: %+v", l)
	}
	first.send(packet.AppendError(nil, 0, "enough"))
	answered := make(chan bool, len(others))
	for _, c := range others {
		go func() {
			p := c.hears(patience) // the end of the test ends this too
			if c.send(packet.Append(nil, packet.Ack, 1, nil)); p.Op != 0 {
				answered <- p.Op == packet.Data
			}
		}()
	}
	for range 4 {
		if !<-answered {
			t.Error("an ERROR")
		}
	}
	select {
	case <-answered:
		t.Error("the fifth was answered too")
	case <-time.After(soon):
	}
}

func TestConnectionsBeyondTheLimitWaitForTheirTurn(t *testing.T) {
	s, root, _ := serveImage(t, 1)
	if err := os.Truncate(filepath.Join(root, "fw.bin"), 32<<20); err != nil { // more than buffers hold
		t.Fatal(err)
	}
	var conns []net.Conn
	for range 2 {
		conn, err := net.Dial("tcp4", s.HTTP().String())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		conns = append(conns, conn)
	}
	// The first takes its answer slowly: all of it does not fit into the buffers.
	fmt.Fprintf(conns[0], "GET /fw.bin HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
	head := make([]byte, 15)
	if _, err := io.ReadFull(conns[0], head); err != nil || string(head) != "HTTP/1.1 200 OK" {
		t.Fatalf("the first got %q, %v", head, err)
	}
	fmt.Fprintf(conns[1], "GET /small.xml HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
	_ = conns[1].SetReadDeadline(time.Now().Add(soon))
	if n, _ := conns[1].Read(head); n > 0 {
		t.Fatalf("the second did not wait: %q", head)
	}
	if n, err := io.Copy(io.Discard, conns[0]); err != nil || n < 32<<20 {
		t.Errorf("the first got %d bytes, %v", n, err)
	}
	_ = conns[1].SetReadDeadline(time.Now().Add(patience))
	if b, err := io.ReadAll(conns[1]); err != nil || !bytes.HasSuffix(b, []byte("<a/>")) {
		t.Errorf("the second got %q, %v", b, err)
	}
}

// An image that changes while it is sent is another one for those who ask from
// then on, and an end that comes too early is an error.
func TestAnImageThatShrinksIsNotSentAsWhole(t *testing.T) {
	s, root, lines := serveImage(t, 10)
	c := ask(t, s, "/fw.bin")
	if p := c.hears(patience); len(p.Payload) != packet.BlockSize {
		t.Fatalf("%d bytes", len(p.Payload))
	}
	if err := os.WriteFile(filepath.Join(root, "fw.bin"), image[:600], 0o600); err != nil {
		t.Fatal(err)
	}
	again := ask(t, s, "/fw.bin")
	for n, want := range []int{packet.BlockSize, 600 - packet.BlockSize} {
		if p := again.hears(patience); p.Op != packet.Data || len(p.Payload) != want {
			t.Fatalf("asked again: block %d has %d bytes, want %d", n+1, len(p.Payload), want)
		}
		again.send(packet.Append(nil, packet.Ack, uint16(n+1), nil))
	}
	<-lines
	c.send(packet.Append(nil, packet.Ack, 1, nil))
	if p := c.hears(patience); len(p.Payload) == packet.BlockSize { // it was read with the first
		c.send(packet.Append(nil, packet.Ack, p.Number, nil))
	}
	if l := <-lines; l.Err == nil || l.Bytes >= len(image) {
		t.Errorf("logged: %+v", l)
	}
}

func TestImagesAreSentWhole(t *testing.T) {
	s, _, _ := serveImage(t, 10)
	if _, body := do(t, browser(t), "GET", url(s, "/fw.bin"), ""); body != string(image) {
		t.Errorf("HTTP: %d bytes, want %d", len(body), len(image))
	}
	if r, _ := do(t, browser(t), "HEAD", url(s, "/fw.bin"), ""); r.ContentLength != int64(len(image)) {
		t.Errorf("HEAD: length %d", r.ContentLength)
	}
	if body, err := tftpGet(s, "fw.bin"); err != nil || !bytes.Equal(body, image) {
		t.Errorf("TFTP: %d bytes, want %d; %v", len(body), len(image), err)
	}
}

// Requests that run at the same time cost one open file.
func TestTransfersShareAFile(t *testing.T) {
	s, root, _ := serveImage(t, 30)
	var busy atomic.Int32
	for range 20 {
		c := ask(t, s, "/fw.bin")
		if p := c.hears(patience); p.Op == packet.Data {
			busy.Add(1)
		}
	}
	opened := 0
	fds, _ := filepath.Glob("/proc/self/fd/*")
	for _, fd := range fds {
		if to, err := os.Readlink(fd); err == nil && to == filepath.Join(root, "fw.bin") {
			opened++
		}
	}
	if busy.Load() != 20 || opened > 1 || len(fds) > 0 && opened == 0 {
		t.Errorf("%d transfers have the file open %d times", busy.Load(), opened)
	}
}
