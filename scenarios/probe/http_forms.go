package probe

import (
	"fmt"
	"strings"
)

// httpForms are about forms of an answer that no switch is about.
var httpForms = []*experiment{
	{
		name: "http-coding", question: "Does the phone take files that are sent in chunks or with gzip?",
		takes: passes(8), times: 1, run: httpCoding,
	},
	{
		name: "http-length", question: "What does the phone make of a Content-Length that is wrong, or of none?",
		takes: passes(8), times: 1, run: httpLength,
	},
}

// httpCoding sends a file in chunks, and packed with and without the header line that says so.
func httpCoding(t *trial) {
	file := t.profile("after", "")
	form(t, "in chunks", "Transfer-Encoding: chunked\r\n", chunked(file))
	gz := packed(file)
	form(t, "packed, with Content-Encoding", "Content-Encoding: gzip\r\n"+lengthOf(gz), gz)
	form(t, "packed, without Content-Encoding", lengthOf(gz), gz)
}

// form notes whether the phone takes an answer with some lines in its head.
func form(t *trial, what, lines, body string) {
	value, ok := t.applied(t.url, func(x *exchange) {
		x.send("HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\n" + lines + "Connection: close\r\n\r\n" + body)
	})
	tookFact(t, what, value, ok)
}

// chunked writes a body in chunks.
func chunked(body string) string {
	var b strings.Builder
	for len(body) > 0 {
		n := min(len(body), 20)
		fmt.Fprintf(&b, "%x\r\n%s\r\n", n, body[:n])
		body = body[n:]
	}
	return b.String() + "0\r\n\r\n"
}

// httpLength sends a whole file that is announced longer, one behind which another follows
// that was not announced, and one without an announcement.
func httpLength(t *trial) {
	file := t.profile("after", "")
	form(t, "Content-Length ten too long", fmt.Sprintf("Content-Length: %d\r\n", len(file)+10), file)
	form(t, "more than Content-Length", lengthOf(file), file+t.profile("more", ""))
	form(t, "no Content-Length", "", file)
}
