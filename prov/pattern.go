package prov

import (
	"fmt"
	"regexp"
	"strings"
)

// A pattern is a served path. Most of it stands for itself; macros and
// expressions stand for what differs between devices.
type pattern struct {
	text   string
	plain  string         // what a path without slots matches
	match  *regexp.Regexp // nil for such a path
	slots  []slot         // its groups, in order
	weight int            // how many bytes stand for themselves
	query  bool           // it has a query, which takes part in the match
}

// A slot is a part of a pattern that stands for something else: a macro, or an
// expression as written, braces included.
type slot struct{ macro, expr string }

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

// macroRank returns a macro's place in the table, -1 if it is none.
func macroRank(name string) int {
	for i, m := range macros {
		if m.name == name {
			return i
		}
	}
	return -1
}

// parsePattern reads a served path.
func parsePattern(text string) (*pattern, error) {
	if !strings.HasPrefix(text, "/") {
		return nil, fmt.Errorf("path %q: a path begins with /", text)
	}
	b := builder{pattern: &pattern{text: text}, rest: text}
	for b.rest != "" {
		if err := b.step(); err != nil {
			return nil, fmt.Errorf("path %q: %w", text, err)
		}
	}
	return b.finish()
}

// A builder reads a pattern from left to right.
type builder struct {
	*pattern
	rest  string
	plain strings.Builder
	shape strings.Builder // the regular expression
}

func (b *builder) step() error {
	switch {
	case strings.HasPrefix(b.rest, "{{"):
		return b.expression()
	case strings.HasPrefix(b.rest, "$$"):
		b.literal("$", 2)
	case strings.HasPrefix(b.rest, "$"):
		return b.macro()
	default:
		n := 1
		for n < len(b.rest) && b.rest[n] != '$' && b.rest[n] != '{' {
			n++
		}
		b.literal(b.rest[:n], n)
	}
	return nil
}

// literal takes n bytes of the pattern for a text that stands for itself.
func (b *builder) literal(text string, n int) {
	b.plain.WriteString(text)
	b.shape.WriteString(regexp.QuoteMeta(text))
	b.weight += len(text)
	b.query = b.query || strings.Contains(text, "?")
	b.rest = b.rest[n:]
}

func (b *builder) slot(s slot, shape string, n int) {
	b.slots = append(b.slots, s)
	b.shape.WriteString(shape)
	b.rest = b.rest[n:]
}

func (b *builder) expression() error {
	end := strings.Index(b.rest, "}}")
	if end < 0 {
		return fmt.Errorf("{{ without }}")
	}
	b.slot(slot{expr: b.rest[:end+2]}, `([^/?]+)`, end+2)
	return nil
}

// macro reads $NAME, whose name is the longest run of letters and digits, or
// $(NAME), as devices do. A dollar before anything else stands for itself.
func (b *builder) macro() error {
	name, n := b.rest[1:], 0
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
	rank := macroRank(name)
	switch {
	case n == 1:
		b.literal("$", 1)
		return nil
	case rank < 0:
		return unknownMacro(name)
	}
	b.slot(slot{macro: name}, macros[rank].shape, n)
	return nil
}

func nameLen(s string) int {
	n := 0
	for n < len(s) && (s[n] >= '0' && s[n] <= '9' || s[n]|0x20 >= 'a' && s[n]|0x20 <= 'z') {
		n++
	}
	return n
}

func unknownMacro(name string) error {
	var names []string
	for _, m := range macros {
		names = append(names, m.name)
		if rest, ok := strings.CutPrefix(name, m.name); ok && rest != "" {
			return fmt.Errorf("$%s is no macro that a path may hold; did you mean $(%s)%s?", name, m.name, rest)
		}
	}
	return fmt.Errorf("$%s is no macro that a path may hold; they are $%s", name, strings.Join(names, ", $"))
}

func (b *builder) finish() (*pattern, error) {
	p := b.pattern
	p.plain = b.plain.String()
	if len(p.slots) == 0 {
		return p, nil
	}
	var err error
	if p.match, err = regexp.Compile(`(?s)\A` + b.shape.String() + `\z`); err != nil {
		return nil, fmt.Errorf("path %q: %w", p.text, err)
	}
	return p, nil
}

// expressions reports whether the pattern holds {{ }}.
func (p *pattern) expressions() bool {
	for _, s := range p.slots {
		if s.expr != "" {
			return true
		}
	}
	return false
}

// namesMAC reports whether a path that matches says the device's MAC address.
func (p *pattern) namesMAC() bool {
	for _, s := range p.slots {
		if strings.HasPrefix(s.macro, "MA") {
			return true
		}
	}
	return false
}

// A target is a requested path, taken apart.
type target struct {
	path, query string
	asks        bool // there is a query, maybe an empty one
}

func parseTarget(text string) target {
	path, query, asks := strings.Cut(text, "?")
	return target{path, query, asks}
}

// whole returns the path with its query.
func (t target) whole() string {
	if !t.asks {
		return t.path
	}
	return t.path + "?" + t.query
}

// A reading is what a path says when it is read backwards. What it does not say
// is empty.
type reading struct {
	mac, serial, pn, psn string
	exprs                []answered
}

// An answered expression is one with the text that stands in its place.
type answered struct{ expr, value string }

// read reads a requested path by the pattern; false if it does not match.
func (p *pattern) read(t target) (reading, bool) {
	subject := t.path
	if p.query {
		if !t.asks {
			return reading{}, false
		}
		subject = t.whole()
	}
	if p.match == nil {
		return reading{}, subject == p.plain
	}
	groups := p.match.FindStringSubmatch(subject)
	if groups == nil {
		return reading{}, false
	}
	var r reading
	for i, s := range p.slots {
		if !r.take(s, groups[i+1]) {
			return reading{}, false
		}
	}
	return r, true
}

// take notes what a slot stands for. It returns false where the path
// contradicts itself, such as two MAC addresses.
func (r *reading) take(s slot, value string) bool {
	field := &r.mac
	switch s.macro {
	case "":
		r.exprs = append(r.exprs, answered{s.expr, value})
		return true
	case "SN":
		field = &r.serial
	case "PN":
		field = &r.pn
	case "PSN":
		field = &r.psn
	default:
		value = plainMAC(value)
	}
	if *field != "" && *field != value {
		return false
	}
	*field = value
	return true
}

// plainMAC returns a MAC address as 12 lower-case digits.
func plainMAC(mac string) string {
	return strings.ToLower(strings.ReplaceAll(mac, ":", ""))
}
