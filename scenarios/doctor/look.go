package doctor

import (
	"bufio"
	"bytes"
	"context"
	"net"
	"net/http"
)

// mostHead is how much of an answer is looked at for its header.
const mostHead = 64 << 10

// A head is the beginning of a server's answer by HTTP, as it came.
type head struct{ text []byte }

type headKey struct{}

// lookOn keeps the beginning of an answer, where the context wants it.
func lookOn(ctx context.Context, conn net.Conn) net.Conn {
	h, ok := ctx.Value(headKey{}).(*head)
	if !ok {
		return conn
	}
	return &watched{conn, h}
}

// A watched connection keeps the beginning of what it reads.
type watched struct {
	net.Conn
	head *head
}

func (w *watched) Read(p []byte) (int, error) {
	n, err := w.Conn.Read(p)
	h := w.head
	h.text = append(h.text, p[:min(n, mostHead-len(h.text))]...)
	return n, err
}

// answer returns the header that a server sent last, nil for none that can be read. It
// has no body.
func (h *head) answer() *http.Response {
	in := bufio.NewReader(bytes.NewReader(h.text))
	for {
		resp, err := http.ReadResponse(in, nil)
		if err != nil {
			return nil
		}
		if resp.StatusCode/100 != 1 || resp.StatusCode == http.StatusSwitchingProtocols {
			return resp
		}
	}
}
