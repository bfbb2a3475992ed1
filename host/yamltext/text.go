package yamltext

import (
	"strings"
	"unicode/utf8"
)

// breaks makes everything that ends a line of YAML a newline, as YAML itself does in
// texts. The parser miscounts lines where they end in different ways.
var breaks = strings.NewReplacer("\r\n", "\n", "\r", "\n")

// Clean returns a file's text without a byte order mark, and with newlines as its only
// line ends. Bad is the place of the first byte that is not UTF-8, or is zero: for the
// YAML parser that is the end of a line. It is -1 for a text.
func Clean(src []byte) (text []byte, bad int) {
	text = []byte(breaks.Replace(strings.TrimPrefix(string(src), "\ufeff")))
	for i := 0; i < len(text); {
		r, size := utf8.DecodeRune(text[i:])
		if r == 0 || r == utf8.RuneError && size == 1 {
			return text, i
		}
		i += size
	}
	return text, -1
}

// Place returns the line and column of a byte of a text, both from 1.
func Place(text []byte, at int) (line, column int) {
	lines := strings.Split(string(text[:at]), "\n")
	return len(lines), utf8.RuneCountInString(lines[len(lines)-1]) + 1
}
