package observed

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"spafleet/host/lines"
)

// mostShown is how many mistakes of a file are kept; the others are counted.
const mostShown = 20

// A Mistake is one thing wrong in a file.
type Mistake struct {
	Line, Column int    // from 1
	Path         string // of the key: switches.tftp_wait.value; may be empty
	Err          error
}

// Error returns the mistake behind its key, without its place.
func (m Mistake) Error() string {
	if m.Path == "" {
		return m.Err.Error()
	}
	return m.Path + ": " + m.Err.Error()
}

// Unwrap returns what is wrong.
func (m Mistake) Unwrap() error { return m.Err }

// Mistakes is what is wrong in a file.
type Mistakes struct {
	Name  string // of the file
	First []Mistake
	Count int // of all
}

// Error returns a line for each mistake that is kept, with its place.
func (m *Mistakes) Error() string {
	var b strings.Builder
	for i, one := range m.First {
		if i > 0 {
			b.WriteByte('\n')
		}
		fmt.Fprintf(&b, "%s:%d:%d: %s", m.Name, one.Line, one.Column, one)
	}
	if m.Count > len(m.First) {
		fmt.Fprintf(&b, "\n%d mistakes in all; the others are not shown", m.Count)
	}
	return b.String()
}

// Unwrap returns the mistakes, with their hints.
func (m *Mistakes) Unwrap() []error {
	list := make([]error, len(m.First))
	for i := range m.First {
		list[i] = m.First[i]
	}
	return list
}

func (m *Mistakes) add(line, column int, path string, err error) {
	if m.Count++; m.Count <= mostShown {
		m.First = append(m.First, Mistake{line, column, path, err})
	}
}

// err returns the mistakes in the order of the file, nil for none.
func (m *Mistakes) err() error {
	if m.Count == 0 {
		return nil
	}
	slices.SortStableFunc(m.First, func(a, b Mistake) int { return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column)) })
	return m
}

// shown is a value as a mistake quotes it.
func shown(text string) string { return lines.Quoted(text, mostQuoted) }

// mostQuoted is how many bytes of a value a mistake quotes.
const mostQuoted = 80
