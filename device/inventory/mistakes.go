package inventory

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"spafleet/host/lines"
)

// MostShown is how many mistakes of a list are kept; the others are counted.
const MostShown = 20

// A Mistake is one thing wrong in a list.
type Mistake struct {
	Line, Column int    // from 1; the column counts bytes
	Of           string // the name of the column in the header; empty: of the whole line
	Msg          string
}

// Mistakes is what is wrong in a list.
type Mistakes struct {
	Name  string // of the list
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
		fmt.Fprintf(&b, "%s:%d:%d: ", m.Name, one.Line, one.Column)
		if one.Of != "" {
			b.WriteString(one.Of + ": ")
		}
		b.WriteString(one.Msg)
	}
	if more := m.Count - len(m.First); more > 0 {
		fmt.Fprintf(&b, "\n%d mistakes in all; the others are not shown", m.Count)
	}
	return b.String()
}

func (m *Mistakes) add(line, column int, of, format string, args ...any) {
	if m.Count++; m.Count <= MostShown {
		m.First = append(m.First, Mistake{line, column, of, fmt.Sprintf(format, args...)})
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
