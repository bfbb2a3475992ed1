package scenarios

import (
	"strings"
	"unicode/utf8"

	"spafleet/scenarios/expression"
)

// mostSearched bounds the text whose parts are looked for.
const mostSearched = 64 << 10

// part returns the place of the letters of a node that a mistake is about, the node
// itself where they cannot be found in the file as they are: what comes from a
// parameter, or has escapes in it.
func (s *source) part(n *node, m *expression.Mistake) *node {
	if m.To == 0 || n.line < 1 || len(m.Within) > mostSearched {
		return n
	}
	lines := strings.Split(string(s.src), "\n")
	if n.line > len(lines) {
		return n
	}
	at, word, before := *n, m.Part(), string([]rune(m.Within)[:m.From])
	if strings.Contains(word, "\n") || word == "" {
		return n
	}
	at.width = utf8.RuneCountInString(word)
	first := lines[n.line-1]
	begin := bytesOf(first, n.col-1)
	for quote := range 2 { // plain, or in quotes
		if from := min(begin+quote, len(first)); strings.HasPrefix(first[from:], m.Within) {
			at.col += quote + m.From
			return &at
		}
	}
	// A text over several lines, or one in which something was replaced: the letters
	// are there as often as in the text.
	nth := strings.Count(before, word)
	for i := n.line - 1; i < len(lines) && (i < n.line || below(lines[i], first)); i++ {
		from := 0
		if i == n.line-1 {
			from = begin
		}
		for found := 0; ; from += found + len(word) {
			if found = strings.Index(lines[i][from:], word); found < 0 {
				break
			}
			if nth == 0 {
				at.line, at.col = i+1, utf8.RuneCountInString(lines[i][:from+found])+1
				return &at
			}
			nth--
		}
	}
	return n
}

// bytesOf returns how many bytes the first letters of a text have.
func bytesOf(text string, letters int) int {
	for i := range text {
		if letters <= 0 {
			return i
		}
		letters--
	}
	return len(text)
}

// inside returns the place of the last time that a scalar has a word, the scalar where it
// cannot be found.
func inside(n *node, word string) *node {
	i := strings.LastIndex(n.text, word)
	if i < 0 || word == "" || n.width != utf8.RuneCountInString(n.text) {
		return n
	}
	at := *n
	at.col, at.width = at.col+utf8.RuneCountInString(n.text[:i]), utf8.RuneCountInString(word)
	return &at
}

// below reports whether a line of YAML belongs to the value of the key that an earlier
// line begins with.
func below(line, key string) bool {
	indent := func(text, marks string) int { return len(text) - len(strings.TrimLeft(text, marks)) }
	return strings.TrimSpace(line) == "" || indent(line, " ") > indent(key, " -")
}
