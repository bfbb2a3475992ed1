package rule

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// chosen says why alternative n was taken.
func chosen(p *parser, n int, c clause) string {
	if c.end == 0 {
		return "alternative " + strconv.Itoa(n) + " has no condition"
	}
	return string(describe(p, []byte("alternative "+strconv.Itoa(n)+": "), c))
}

// skipped says why none was.
func skipped(p *parser, refused []clause) string {
	out := append(make([]byte, 0, 2*len(p.source)), "no condition held: "...)
	for i, c := range refused {
		if i > 0 {
			out = append(out, " | "...)
		}
		out = describe(p, out, c)
	}
	return string(out)
}

// Explain says of each alternative, up to the one that [EvalAfter] takes, whether its
// condition holds, and with which values. Hide reports which macros' values it must
// not show. What a mistake makes unreadable is left out.
func Explain(text string, env Env, d Dialect, after int, hide func(name, value string) bool) []string {
	p := newParser(text, env, d)
	if p.long || p.blank() {
		return nil
	}
	p.hide = hide
	var lines []string
	for n := 1; ; n++ {
		a, err := p.alternative()
		if err != nil {
			return lines
		}
		lines = append(lines, explained(p, n, after, a.clause))
		if a.clause.holds && n > after || !p.take('|') {
			return lines
		}
	}
}

func explained(p *parser, n, after int, c clause) string {
	out := []byte("alternative " + strconv.Itoa(n))
	switch {
	case n <= after:
		return string(append(out, " was tried before"...))
	case c.end == 0:
		return string(append(out, " has no condition"...))
	case c.holds:
		out = append(out, " holds: "...)
	default:
		out = append(out, " does not hold: "...)
	}
	return string(describe(p, out, c))
}

// hides reports whether a macro's value must not be shown.
func hides(p *parser, s span) bool { return p.hide != nil && p.hide(s.name, p.text[s.start:s.end]) }

// describe appends a condition as it was written, and the values that its first
// few macros had. Where it came out of a macro itself, only the expanded text makes sense.
func describe(p *parser, out []byte, c clause) []byte {
	source, spans, ok := p.sourceOf(c.start, c.end)
	if !ok {
		if slices.ContainsFunc(p.spans, func(s span) bool { return s.start < c.end && c.start < s.end && hides(p, s) }) {
			return append(out, "a condition with a secret"...)
		}
		return append(out, oneLine(p.text[c.start:c.end])...)
	}
	out = append(out, oneLine(source)...)
	const enough = 8
	told := make([]string, 0, enough)
	tell := func(name, value string, hidden bool) {
		if len(told) == enough || slices.Contains(told, name) {
			return
		}
		told = append(told, name)
		out = append(append(append(out, ", "...), name...), '=')
		if hidden {
			out = append(out, "***"...)
		} else {
			out = strconv.AppendQuote(out, value)
		}
	}
	if c.legacy {
		version, _ := p.env.Macro("SWVER")
		tell("$SWVER", version, false)
	}
	p.looked += len(spans)
	for _, s := range spans {
		if s.name != "$" && !s.isSecret() {
			tell(p.source[s.from:s.to], p.text[s.start:s.end], hides(p, s))
		}
	}
	return out
}

// oneLine trims s and makes a blank of every control character.
func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' {
			return ' '
		}
		return r
	}, strings.Trim(s, blankBytes))
}

// keys finds the values of options that nobody is to see.
var keys = regexp.MustCompile(`(?i)(--(?:key|pwd)\s+)(\\?"[^"]*"?|[^\s\]]+)`)

// KeyMacros returns the names of the macros that stand in keys and passwords of a
// rule's text.
func KeyMacros(text string) []string {
	if !strings.Contains(text, "--") {
		return nil
	}
	var names []string
	for _, option := range keys.FindAllStringSubmatch(text, -1) {
		for _, ref := range references(option[2], Dialect{}) {
			names = append(names, ref.name)
		}
	}
	return names
}

// Keys returns how many keys and passwords stand in a rule's text as they are.
func Keys(text string) (n int) {
	if !strings.Contains(text, "--") {
		return 0
	}
	for _, option := range keys.FindAllStringSubmatch(text, -1) {
		if len(references(option[2], Dialect{})) == 0 && strings.Trim(option[2], `\"`) != "" {
			n++
		}
	}
	return n
}

// WithoutKeys returns a rule's text with *** in place of keys and passwords.
func WithoutKeys(text string) string {
	if !strings.Contains(text, "--") {
		return text
	}
	return keys.ReplaceAllString(text, "${1}***")
}
