package fetch

import (
	"bytes"
	"io"
	"strings"

	"spafleet/resync/body"
	"spafleet/resync/tftp"
)

// A plainHead is the head of an answer as nearly all are: 200, its length
// announced, nothing else that a device looks at.
type plainHead struct {
	size   int // of the head itself
	length int // of the body
}

// readPlain reads the head of an answer if all of it is there with the first
// bytes, and plain. Otherwise nothing is taken, and a parser that knows all of the
// protocol reads it. The error is that of the first bytes.
func (x *exchange) readPlain() (h plainHead, ok bool, err error) {
	if _, err := x.in.Peek(1); err != nil {
		if err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		return h, false, err
	}
	text, _ := x.in.Peek(x.in.Buffered()) // they are there
	if h, ok = parsePlain(text); ok {
		_, _ = x.in.Discard(h.size) // they are there
	}
	return h, ok, nil
}

var lineEnd = []byte("\r\n")

// parsePlain reads a head, false where it is not whole or not plain.
func parsePlain(text []byte) (h plainHead, ok bool) {
	line, rest, ok := bytes.Cut(text, lineEnd)
	if !ok || !isPlainStatus(line) {
		return h, false
	}
	announced := false
	for {
		line, rest, ok = bytes.Cut(rest, lineEnd)
		switch {
		case !ok:
			return h, false
		case len(line) == 0:
			h.size = len(text) - len(rest)
			return h, announced
		}
		name, value, ok := bytes.Cut(line, []byte(":"))
		if !ok || !isPlainName(name) || !isPlainValue(value) {
			return h, false
		}
		switch special := specialHeader(name); {
		case special == "":
		case special != "content-length" || announced:
			return h, false
		default:
			if h.length, announced = plainLength(value); !announced {
				return h, false
			}
		}
	}
}

func isPlainStatus(line []byte) bool {
	return (bytes.HasPrefix(line, []byte("HTTP/1.1 200 ")) || bytes.HasPrefix(line, []byte("HTTP/1.0 200 "))) && isPlainValue(line)
}

// specialHeader returns the name of a header that says more than a value, in lower
// case; "" for others.
func specialHeader(name []byte) string {
	for _, s := range [...]string{"content-length", "transfer-encoding", "location"} {
		if len(name) == len(s) && strings.EqualFold(string(name), s) {
			return s
		}
	}
	return ""
}

func isPlainName(name []byte) bool {
	for _, c := range name {
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-' && c != '_' {
			return false
		}
	}
	return len(name) > 0
}

func isPlainValue(value []byte) bool {
	for _, c := range value {
		if c < ' ' || c >= 0x7f {
			return false
		}
	}
	return true
}

// plainLength reads a number of few digits.
func plainLength(value []byte) (n int, ok bool) {
	value = bytes.Trim(value, " ")
	if len(value) == 0 || len(value) > 9 {
		return 0, false
	}
	for _, c := range value {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = 10*n + int(c-'0')
	}
	return n, true
}

// readKnown reads a body whose length was announced, which is believed only so
// far.
func readKnown(in io.Reader, length, most int) (*body.Buffer, error) {
	if length > most {
		return nil, tftp.ErrTooBig
	}
	b := body.For(length)
	for len(b.Bytes) < length {
		room := b.Room()
		n, err := in.Read(room[:min(len(room), length-len(b.Bytes))])
		b.Bytes = b.Bytes[:len(b.Bytes)+n]
		if err == io.EOF && len(b.Bytes) < length {
			err = io.ErrUnexpectedEOF
		}
		if err != nil && err != io.EOF {
			b.Free()
			return nil, err
		}
	}
	return b, nil
}
