package profile

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// unescape turns the text of an element, without the space around it, into a
// value: a line break becomes one space and runs of space stay as they are
// (documented; that they are not collapsed is inferred), references are
// decoded. A reference that means nothing stays as it is (inferred). ok is false
// for a bare ampersand where those are refused.
func unescape(raw string, strict bool) (value string, ok bool) {
	first := special(raw)
	if first < 0 {
		return raw, true
	}
	b := append(make([]byte, 0, len(raw)), raw[:first]...)
	for i := first; i < len(raw); {
		c, n := raw[i], 1
		switch {
		case c == '&':
			r, size := reference(raw[i:])
			if size == 0 && strict && !referenceLike(raw[i:]) {
				return "", false
			}
			if size > 0 {
				b = utf8.AppendRune(b, r)
				i += size
				continue
			}
		case c == '\r' && strings.HasPrefix(raw[i:], "\r\n"):
			c, n = ' ', 2
		case c == '\r' || c == '\n':
			c = ' '
		}
		b = append(b, c)
		i += n
	}
	return string(b), true
}

// special returns where unescape has something to do, -1 if nowhere.
func special(raw string) int {
	for i := range len(raw) {
		if c := raw[i]; c == '&' || c == '\n' || c == '\r' {
			return i
		}
	}
	return -1
}

// maxReference bounds how far the end of a reference is looked for, so that a
// text of ampersands takes linear time.
const maxReference = 16

// between returns what stands between an ampersand and its semicolon.
func between(text string) (inner string, ok bool) {
	inner, _, ok = strings.Cut(text[1:min(len(text), maxReference)], ";")
	return inner, ok
}

// reference decodes the entity or character reference that text begins with.
// size is 0 if it is none that the device knows (documented: five names,
// decimal, hexadecimal).
func reference(text string) (r rune, size int) {
	inner, ok := between(text)
	if !ok {
		return 0, 0
	}
	switch inner {
	case "amp":
		r = '&'
	case "lt":
		r = '<'
	case "gt":
		r = '>'
	case "quot":
		r = '"'
	case "apos":
		r = '\''
	default:
		r = character(inner)
	}
	if r == 0 {
		return 0, 0
	}
	return r, len(inner) + 2
}

// character decodes #65 or #x41, 0 if it is no character. High ones come out as
// UTF-8; what firmware that supports only ASCII does with them is unknown.
func character(inner string) rune {
	digits, ok := strings.CutPrefix(inner, "#")
	base := 10
	if hex, isHex := strings.CutPrefix(digits, "x"); isHex {
		digits, base = hex, 16
	}
	n, err := strconv.ParseUint(digits, base, 32)
	if !ok || err != nil || n > utf8.MaxRune || !utf8.ValidRune(rune(n)) {
		return 0
	}
	return rune(n)
}

// referenceLike reports whether an ampersand begins something in the form of a
// reference, even one that means nothing.
func referenceLike(text string) bool {
	inner, ok := between(text)
	return ok && (isName(inner) || strings.HasPrefix(inner, "#"))
}

// appendEscaped appends a value as element text that a scan reads back exactly:
// space that would be trimmed or changed is written as references.
func appendEscaped(b []byte, value string) []byte {
	start, last := 0, len(value)-1
	for i := range len(value) {
		c := value[i]
		if c > '>' || c != '&' && c != '<' && c != '>' && c != '\n' && c != '\r' && (i != 0 && i != last || !isSpace(c)) {
			continue
		}
		b = appendReference(append(b, value[start:i]...), c)
		start = i + 1
	}
	return append(b, value[start:]...)
}

func appendReference(b []byte, c byte) []byte {
	switch c {
	case '&':
		return append(b, "&amp;"...)
	case '<':
		return append(b, "&lt;"...)
	case '>':
		return append(b, "&gt;"...)
	}
	b = strconv.AppendInt(append(b, "&#"...), int64(c), 10)
	return append(b, ';')
}
