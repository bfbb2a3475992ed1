package profile

import (
	"bytes"
	"encoding/binary"
	"strings"
)

// foreignHint names a file that is no profile though it was meant as one, "" if
// nothing is known about it.
func foreignHint(body []byte) string {
	text := bytes.TrimLeft(bytes.TrimPrefix(body, []byte(byteOrderMark)), space)
	head := strings.ToLower(string(text[:min(len(text), 16)]))
	switch {
	case len(text) == 0:
		return "the file is empty"
	case strings.HasPrefix(head, "<!doctype html"), strings.HasPrefix(head, "<html"):
		return "an HTML page, not a profile"
	case text[0] == '<':
		return ""
	case bytes.HasPrefix(text, []byte("U2FsdGVkX1")):
		return "base64 of an encrypted file: leave out openssl's -a"
	case isSalted(body):
		return "encrypted inside gzip: compress first, then encrypt"
	case strings.HasPrefix(head, "skosmo5 "):
		return "a firmware image, not a profile"
	case isZlib(body):
		return "zlib data: use gzip"
	case isSource(body):
		return "source text of the vendor's compiler: no device takes it uncompiled"
	case isNoise(body):
		return "no text and no known header; if it is encrypted, openssl's -nosalt, -S and -K leave the header out"
	}
	return ""
}

// isZlib goes by the two bytes of an RFC 1950 header.
func isZlib(body []byte) bool {
	return len(body) > 2 && body[0]&0x0f == 8 && body[0]>>4 <= 7 && binary.BigEndian.Uint16(body)%31 == 0 && isNoise(body)
}

func isSource(body []byte) bool {
	params, err := ParseSource(string(body))
	return err == nil && len(params) > 0
}

// isNoise reports whether the first bytes are no text.
func isNoise(body []byte) bool {
	control := func(r rune) bool { return r < ' ' && !isSpace(byte(r)) }
	return bytes.ContainsFunc(body[:min(len(body), 64)], control)
}

// hintUnderKey says what a file is that should have been encrypted.
func hintUnderKey(body []byte) string {
	if isGzip(body) {
		return "the rule has a --key, but the file is only compressed; compress first, then encrypt"
	}
	if hint := foreignHint(body); hint != "" {
		return hint
	}
	return "the rule has a --key, but the file is not encrypted"
}
