package fetch

import (
	"bufio"
	"bytes"
	"io"
	"net/http"
	"testing"

	"spafleet/resync/body"
)

var heads = []string{
	"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
	"HTTP/1.1 200 OK\r\nServer: nginx\r\nContent-Type: text/xml\r\ncontent-length:5 \r\nETag: \"6a-1\"\r\nConnection: close\r\n\r\nhello",
	"HTTP/1.0 200 \r\nContent-Length: 0\r\n\r\n",
	"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello",
	"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
	"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
	"HTTP/1.1 200 OK\r\nContent-Length: +5\r\n\r\nhello",
	"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n X: folded\r\n\r\nhello",
	"HTTP/1.1 200 OK\r\nContent-Length : 5\r\n\r\nhello",
	"HTTP/1.1 200 OK\nContent-Length: 5\n\nhello",
	"HTTP/1.1 200 OK\r\nX: a\nContent-Length: 3\r\nContent-Length: 5\r\n\r\nhello",
	"HTTP/1.1 200 OK\r\nLocation: http://a/\r\nContent-Length: 5\r\n\r\nhello",
	"HTTP/1.1 200 OK\r\nContent-Length: 12345678901\r\n\r\nhello",
	"HTTP/1.1 404 Not Found\r\nContent-Length: 5\r\n\r\nhello",
	"HTTP/1.1 200 OK\r\n\r\nhello",
	"HTTP/1.1 200OK\r\nContent-Length: 5\r\n\r\nhello",
	"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n",
	"",
}

// The quick way takes some heads only, and of those it makes what the whole parser
// does.
func FuzzPlainHeadIsWhatTheWholeParserReads(f *testing.F) {
	for _, h := range heads {
		f.Add([]byte(h))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		h, ok := parsePlain(text)
		if !ok {
			return
		}
		answer, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(text)), nil)
		if err != nil {
			t.Fatalf("%q: %+v, but %v", text, h, err)
		}
		if answer.StatusCode != 200 || answer.ContentLength != int64(h.length) || answer.TransferEncoding != nil || answer.Header.Get("Location") != "" {
			t.Fatalf("%q: %+v, but %d, %d bytes, %v %v", text, h, answer.StatusCode, answer.ContentLength, answer.TransferEncoding, answer.Header)
		}
		const most = 100
		quick, quickErr := readKnown(bytes.NewReader(text[h.size:]), h.length, most)
		whole, wholeErr := readBody(answer, most)
		if quickErr != wholeErr || quickErr == nil && !bytes.Equal(quick.Bytes, whole.Bytes) {
			t.Fatalf("%q: %v %v, but %v %v", text, quick, quickErr, whole, wholeErr)
		}
	})
}

// What is not plain is left to the whole parser.
func TestPlainHeads(t *testing.T) {
	for i, text := range heads {
		if h, ok := parsePlain([]byte(text)); ok != (i < 3) || ok && text[h.size:] != text[len(text)-h.length:] {
			t.Errorf("%q: %+v %v", text, h, ok)
		}
	}
}

// A body that is shorter than announced is cut, however large it was to be.
func TestShortBodyIsCut(t *testing.T) {
	for _, length := range []int{6, body.Largest + 1, 3 * body.Largest} {
		if b, err := readKnown(bytes.NewReader([]byte("hello")), length, length); b != nil || err != io.ErrUnexpectedEOF {
			t.Errorf("%d announced: %v, %v", length, b, err)
		}
	}
}
