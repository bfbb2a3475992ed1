package scenarios

import (
	"errors"
	"strings"
	"unicode/utf8"

	"spafleet/device/inventory"
)

// inlineList reads a list of devices that stands in the scenario itself. What is wrong
// in it has its place there.
func inlineList(s *source, n *node, path string) *inventory.List {
	dir := ""
	if s.folder != nil {
		dir = s.folder.path
	}
	text, file := n.text, strings.Split(string(s.src), "\n")
	first, _, _ := strings.Cut(text, "\n")
	inFile := n.given == "" && n.line < len(file) && strings.TrimLeft(file[n.line], " ") == first
	if inFile { // so that the lines of the list are those of the file
		text = strings.Repeat("\n", n.line) + text
	}
	list, err := inventory.Read([]byte(text), "the list of devices", dir)
	var wrong *inventory.Mistakes
	if !errors.As(err, &wrong) {
		return list
	}
	for _, m := range wrong.First {
		at := n
		if inFile && m.Line > n.line && m.Line <= len(file) {
			at = fieldAt(file[m.Line-1], m)
		}
		if m.Of != "" {
			m.Msg = m.Of + ": " + m.Msg
		}
		s.mistake(at, path, "%s", m.Msg)
	}
	if wrong.Count > len(wrong.First) {
		s.mistake(n, path, "%d mistakes in all; the others are not shown", wrong.Count)
	}
	return nil
}

// fieldAt returns the place of a mistake in a line of the file that is one of a list.
func fieldAt(line string, m inventory.Mistake) *node {
	start := min(len(line)-len(strings.TrimLeft(line, " "))+m.Column-1, len(line))
	field, _, _ := strings.Cut(line[start:], ",")
	return &node{line: m.Line, col: utf8.RuneCountInString(line[:start]) + 1, width: utf8.RuneCountInString(field)}
}
