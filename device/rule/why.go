package rule

import (
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

// describe appends a condition as it was written, and the values that its first
// few macros had. Where it came out of a macro itself, only the expanded text makes sense.
func describe(p *parser, out []byte, c clause) []byte {
	source, spans, ok := p.sourceOf(c.start, c.end)
	if !ok {
		return append(out, oneLine(p.text[c.start:c.end])...)
	}
	out = append(out, oneLine(source)...)
	const enough = 8
	told := make([]string, 0, enough)
	tell := func(name, value string) {
		if len(told) < enough && !slices.Contains(told, name) {
			told = append(told, name)
			out = append(append(append(out, ", "...), name...), '=')
			out = strconv.AppendQuote(out, value)
		}
	}
	if c.legacy {
		version, _ := p.env.Macro("SWVER")
		tell("$SWVER", version)
	}
	p.looked += len(spans)
	for _, s := range spans {
		if s.name != "$" && !s.isSecret() {
			tell(p.source[s.from:s.to], p.text[s.start:s.end])
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
