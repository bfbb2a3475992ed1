package probe

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"time"
)

const (
	mostHead = 64 << 10 // bytes of a request's head, and of its body
	mostBody = 4 << 20
	// aLongWait bounds how long a connection is held for an experiment.
	aLongWait = 15 * time.Minute
)

// An exchange is one HTTP request of the phone with its connection, which an answer
// may treat as it likes: it writes bytes itself.
type exchange struct {
	*request
	conn net.Conn // within TLS, where there is TLS
	r    *bufio.Reader
}

// An answer answers a request. The connection is closed when it returns.
type answer func(*exchange)

// send writes bytes. A phone that has gone is seen elsewhere.
func (x *exchange) send(text string) { _, _ = io.WriteString(x.conn, text) }

// status answers with a status line, header lines and a body with its length.
func (x *exchange) status(code int, body string, lines ...string) {
	var b strings.Builder
	fmt.Fprintf(&b, "HTTP/1.1 %d %s\r\n", code, http.StatusText(code))
	for _, l := range lines {
		b.WriteString(l + "\r\n")
	}
	fmt.Fprintf(&b, "Content-Length: %d\r\nConnection: close\r\n\r\n%s", len(body), body)
	x.send(b.String())
}

// give answers with a profile.
func (x *exchange) give(body string) { x.status(http.StatusOK, body, "Content-Type: text/xml") }

// left waits until the phone closes the connection, and reports whether it did within the
// time.
func (x *exchange) left(within time.Duration) bool {
	_ = x.conn.SetReadDeadline(time.Now().Add(within))
	_, err := io.Copy(io.Discard, io.LimitReader(x.r, mostBody))
	return !isTimeout(err)
}

// again reads another request from the same connection.
func (x *exchange) again(within time.Duration) (*request, bool) {
	_ = x.conn.SetReadDeadline(time.Now().Add(within))
	q, err := readRequest(x.r, x.from, x.scheme)
	return q, err == nil
}

func isTimeout(err error) bool {
	e, is := err.(net.Error) //nolint:errorlint // of the connection itself
	return is && e.Timeout()
}

// readRequest reads a request as it is on the wire. The path of its first line counts as it
// is written, blanks and all.
func readRequest(r *bufio.Reader, from netip.AddrPort, scheme string) (*request, error) {
	var head bytes.Buffer
	for {
		line, err := r.ReadSlice('\n')
		head.Write(line)
		if head.Len() > mostHead {
			return nil, fmt.Errorf("the head of a request has more than %d bytes", mostHead)
		}
		if err != nil {
			return nil, fmt.Errorf("read a request: %w", err)
		}
		if len(bytes.TrimRight(line, "\r\n")) == 0 {
			break
		}
	}
	q := &request{at: time.Now(), scheme: scheme, head: head.Bytes(), from: from, agent: headerOf(head.Bytes(), "User-Agent")}
	q.method, _, _ = strings.Cut(string(q.head), " ")
	return q, q.readBody(r)
}

// readBody reads what a POST or PUT sends.
func (q *request) readBody(r *bufio.Reader) error {
	var length int64
	if text := headerOf(q.head, "Content-Length"); text != "" {
		if _, err := fmt.Sscan(text, &length); err != nil || length < 0 || length > mostBody {
			return fmt.Errorf("a request has Content-Length %q", text)
		}
	}
	q.body = make([]byte, length)
	_, err := io.ReadFull(r, q.body)
	return err
}

// target returns the path of a request line, between the method and the version.
func (q *request) target() string {
	line, _, _ := strings.Cut(string(q.head), "\r\n")
	_, line, _ = strings.Cut(line, " ")
	if end := strings.LastIndex(line, " HTTP/"); end >= 0 {
		line = line[:end]
	}
	return line
}

// version returns 1.1 or what else the request line ends with.
func (q *request) version() string {
	line, _, _ := strings.Cut(string(q.head), "\r\n")
	_, version, _ := strings.Cut(line, " HTTP/")
	return version
}

// headerOf returns the first value of a header line, of names in any case.
func headerOf(head []byte, name string) string {
	for line := range strings.SplitSeq(string(head), "\n") {
		n, value, ok := strings.Cut(line, ":")
		if ok && strings.EqualFold(n, name) {
			return strings.TrimSpace(value)
		}
	}
	return ""
}
