// Package path reads paths that hold the devices' macros: $MA, $MAU, $MAC, $SN,
// $PSN and $PN, as they stand in the files of a server and in the faults of a
// scenario. A [Pattern] matches the paths that devices ask for by it, and says what
// stands in the place of each macro.
package path

import (
	"fmt"
	"regexp"
	"strings"
)

// A Syntax is what a path may hold besides macros.
type Syntax uint8

// What a path may hold: {{ expressions }}, whose value stands in their place, and
// * for anything.
const (
	Expressions Syntax = 1 << iota
	Wildcards
)

// A Pattern is a path that was read. Most of it stands for itself; macros,
// expressions and wildcards stand for what differs between devices.
type Pattern struct {
	Text   string
	Plain  string // what a path without slots and wildcards matches
	Slots  []Slot // in order
	Weight int    // how many bytes stand for themselves
	Query  bool   // it has a query, which takes part in the match
	match  *regexp.Regexp
}

// A Slot is a part of a pattern that stands for something else: a macro, or an
// expression as written, braces included.
type Slot struct{ Macro, Expr string }

// macros are those that a path may hold, most telling first, and what each may
// stand for. Product names are letters, digits and, in $PN, hyphens (models
// table: field); serial numbers letters and digits (tls.md §2.3: field).
var macros = []struct{ name, shape string }{
	{"MA", `([0-9a-f]{12})`},
	{"MAU", `([0-9A-F]{12})`},
	{"MAC", `((?:[0-9a-f]{2}:){5}[0-9a-f]{2})`},
	{"SN", `([0-9A-Za-z]+)`},
	{"PSN", `([0-9A-Za-z]+)`},
	{"PN", `([0-9A-Za-z-]+)`},
}

// Rank returns how telling a macro is, 0 the most; -1 for none that a path may
// hold.
func Rank(macro string) int {
	for i, m := range macros {
		if m.name == macro {
			return i
		}
	}
	return -1
}

// Parse reads a path. It begins with a slash. A macro is $NAME, whose name is the
// longest run of letters and digits, or $(NAME), as devices read them; $$ is a
// dollar, and so is a dollar before anything else. Case counts.
func Parse(text string, s Syntax) (*Pattern, error) {
	if !strings.HasPrefix(text, "/") {
		return nil, fmt.Errorf("path %q: a path begins with /", text)
	}
	r := reader{Pattern: &Pattern{Text: text}, syntax: s, rest: text}
	for r.rest != "" {
		if err := r.step(); err != nil {
			return nil, fmt.Errorf("path %q: %w", text, err)
		}
	}
	p := r.Pattern
	p.Plain = r.plain.String()
	if len(p.Slots) == 0 && !r.wild {
		return p, nil
	}
	var err error
	if p.match, err = regexp.Compile(`(?s)\A` + r.shape.String() + `\z`); err != nil {
		return nil, fmt.Errorf("path %q is too long or not text", text)
	}
	return p, nil
}

// Literal returns the pattern of a path that stands for itself, whatever it holds.
func Literal(text string) *Pattern { return &Pattern{Text: text, Plain: text, Weight: len(text)} }

// Match reports whether a path matches, and returns what stands in the place of
// each slot.
func (p *Pattern) Match(path string) (values []string, ok bool) {
	if p.match == nil {
		return nil, path == p.Plain
	}
	groups := p.match.FindStringSubmatch(path)
	if groups == nil {
		return nil, false
	}
	return groups[1:], true
}

// A reader reads a pattern from left to right.
type reader struct {
	*Pattern
	syntax Syntax
	rest   string
	wild   bool
	plain  strings.Builder
	shape  strings.Builder // the regular expression
}

func (r *reader) step() error {
	switch {
	case r.syntax&Expressions != 0 && strings.HasPrefix(r.rest, "{{"):
		return r.expression()
	case r.syntax&Wildcards != 0 && r.rest[0] == '*':
		r.wild = true
		r.shape.WriteString(".*")
		r.rest = r.rest[1:]
	case strings.HasPrefix(r.rest, "$$"):
		r.literal("$", 2)
	case r.rest[0] == '$':
		return r.macro()
	default:
		n := 1
		for n < len(r.rest) && !strings.ContainsRune("${*", rune(r.rest[n])) {
			n++
		}
		r.literal(r.rest[:n], n)
	}
	return nil
}

// literal takes n bytes of the pattern for a text that stands for itself.
func (r *reader) literal(text string, n int) {
	r.plain.WriteString(text)
	r.shape.WriteString(regexp.QuoteMeta(text))
	r.Weight += len(text)
	r.Query = r.Query || strings.Contains(text, "?")
	r.rest = r.rest[n:]
}

func (r *reader) slot(s Slot, shape string, n int) {
	r.Slots = append(r.Slots, s)
	r.shape.WriteString(shape)
	r.rest = r.rest[n:]
}

func (r *reader) expression() error {
	end := strings.Index(r.rest, "}}")
	if end < 0 {
		return fmt.Errorf("{{ without }}")
	}
	r.slot(Slot{Expr: r.rest[:end+2]}, `([^/?]+)`, end+2)
	return nil
}

func (r *reader) macro() error {
	name, n := r.rest[1:], 0
	if inner, ok := strings.CutPrefix(name, "("); ok {
		name, _, ok = strings.Cut(inner, ")")
		if !ok {
			return fmt.Errorf("$( without )")
		}
		n = len(name) + 3
	} else {
		name = name[:nameLen(name)]
		n = len(name) + 1
	}
	rank := Rank(name)
	switch {
	case n == 1:
		r.literal("$", 1)
		return nil
	case rank < 0:
		return unknown(name)
	}
	r.slot(Slot{Macro: name}, macros[rank].shape, n)
	return nil
}

func nameLen(s string) int {
	n := 0
	for n < len(s) && (s[n] >= '0' && s[n] <= '9' || s[n]|0x20 >= 'a' && s[n]|0x20 <= 'z') {
		n++
	}
	return n
}

func unknown(name string) error {
	var names []string
	for _, m := range macros {
		names = append(names, m.name)
		if rest, ok := strings.CutPrefix(name, m.name); ok && rest != "" {
			return fmt.Errorf("$%s is no macro that a path may hold; did you mean $(%s)%s?", name, m.name, rest)
		}
	}
	return fmt.Errorf("$%s is no macro that a path may hold; they are $%s", name, strings.Join(names, ", $"))
}
