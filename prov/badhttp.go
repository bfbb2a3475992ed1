package prov

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"spafleet/resync/fault"
)

// longest is how long a bad answer goes on at most, as a good one may.
const longest = 10 * time.Minute

// gigabyte is what a hostile server announces.
const gigabyte = 1 << 30

// sendBadly takes the connection and sends what no server should.
func (t *transfer) sendBadly(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		t.done(0, err)
		return
	}
	defer t.server.conns.Done()
	defer conn.Close()
	defer context.AfterFunc(t.server.closing, func() { conn.Close() })()
	_ = conn.SetDeadline(time.Now().Add(longest)) // a closed one says so at the first write
	out := &counted{Writer: conn}
	err = t.misbehave(conn, out)
	t.done(out.n, err)
}

// counted counts what is written.
type counted struct {
	io.Writer
	n int64
}

func (w *counted) Write(p []byte) (int, error) {
	n, err := w.Writer.Write(p)
	w.n += int64(n)
	return n, err
}

// misbehave sends an answer as the exchange's fault has it. It ends at the latest
// when the device does.
func (t *transfer) misbehave(conn net.Conn, out io.Writer) error {
	const ok = "HTTP/1.1 200 OK\r\n"
	length := func(n int) string { return fmt.Sprintf("%sContent-Length: %d\r\n\r\n", ok, n) }
	body := t.Body
	switch t.x.misdeed {
	case gone:
		if tcp, ok := conn.(*net.TCPConn); ok {
			_ = tcp.SetLinger(0) // closing resets
		}
		return nil
	case stalls:
		return t.sendAndStall(conn, out, length(len(body)), body[:t.x.bad.StallAfter.Bytes])
	case sends, refuses, attacks:
	}
	switch t.x.bad.Hostile {
	case fault.Endless:
		return pour(out, ok+"\r\n", bytes.Repeat([]byte("<GPP_A>and so on</GPP_A>\n"), 600))
	case fault.Headers:
		return pour(out, ok, []byte("X-And-So-On: 0123456789abcdef0123456789abcdef\r\n"))
	case fault.Drip:
		if _, err := io.WriteString(out, length(len(body))); err != nil {
			return err
		}
		return drip(t.server.closing, out, body)
	case fault.Length:
		return t.sendAndStall(conn, out, length(gigabyte), body)
	case fault.Garbage, fault.Bomb, fault.Storm:
	}
	noise := make([]byte, 4<<10)
	t.x.disturbance.Noise(noise)
	_, err := out.Write(noise)
	return err
}

// pour writes a head and then the same for ever.
func pour(w io.Writer, head string, again []byte) error {
	_, err := io.WriteString(w, head)
	for err == nil {
		_, err = w.Write(again)
	}
	return nil // the device's end of it
}

// drip writes byte by byte.
func drip(ctx context.Context, w io.Writer, body []byte) error {
	tick := time.NewTicker(dripEvery)
	defer tick.Stop()
	for i := range body {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
		if _, err := w.Write(body[i : i+1]); err != nil {
			return err
		}
	}
	return nil
}

// sendAndStall writes a head and a piece of the body, and waits until the device
// gives up.
func (t *transfer) sendAndStall(conn net.Conn, out io.Writer, head string, body []byte) error {
	if _, err := out.Write(append([]byte(head), body...)); err != nil {
		return err
	}
	_, _ = io.Copy(io.Discard, conn) // until it closes
	return nil
}
