package rule

import (
	"fmt"
	"strings"
)

// A clause is a condition that has been read: text[start:end].
type clause struct {
	start, end int  // both 0: there is no condition
	legacy     bool // some left side is missing and means $SWVER
	holds      bool
	compares   bool // something, and is not just the word true
}

// A relation is a set of outcomes of a comparison, and true if one of them is
// what comes out.
type relation uint8

const (
	less relation = 1 << iota
	equal
	greater
)

// relations has every spelling (Provisioning Guide 3.0, p. 36, and firmware
// strings). ! and a single = are from the guides for firmware 2.0; ! negates
// nothing.
func relations(s string) relation {
	switch s {
	case "eq", "=", "==":
		return equal
	case "ne", "!", "!=":
		return less | greater
	case "lt", "<":
		return less
	case "le", "<=":
		return less | equal
	case "gt", ">":
		return greater
	case "ge", ">=":
		return greater | equal
	}
	return 0
}

// condition reads (…)? at the read position.
func (p *parser) condition() (clause, error) {
	p.pos++
	c, err := p.conjunction(1)
	if err != nil {
		return c, err
	}
	if p.blanks(); !p.take('?') {
		return c, p.fail(p.pos, "missing ? after the condition", `a condition ends with )? and assignments with ;)!`)
	}
	return c, nil
}

// conjunction reads comparisons joined by and, up to the parenthesis that closes
// the one already open, if depth is 1, or up to the end of the text, if it is 0.
// As nothing but and exists, parentheses inside change nothing and are counted
// only. (That they are allowed is inferred.)
func (p *parser) conjunction(depth int) (clause, error) {
	inRule := depth == 1
	c := clause{start: p.pos, holds: true}
	for {
		for p.blanks(); p.take('('); p.blanks() {
			if depth++; p.d.NoNesting {
				return c, p.fail(p.pos-1, "parenthesis inside a condition", "write the comparisons side by side, joined by and")
			}
		}
		if err := p.comparison(&c); err != nil {
			return c, err
		}
		p.blanks()
		for c.end = p.pos; depth > 0 && p.take(')'); p.blanks() {
			if depth--; depth == 0 && inRule {
				return c, nil
			}
			c.end = p.pos
		}
		if depth == 0 && p.pos == len(p.text) {
			return c, nil
		}
		if err := p.conjoin(depth > 0); err != nil {
			return c, err
		}
	}
}

// conjoin reads the and between two comparisons.
func (p *parser) conjoin(open bool) error {
	at := p.pos
	word := p.word(p.run(wordStops))
	switch {
	case word == "and":
		return nil
	case at == len(p.text):
		return p.fail(at, "the condition is not closed", "missing ) before the end")
	case word == "or" || hasByte(p.text, at, '|'):
		return p.fail(at, "there is no or in a condition", "write an alternative for each, divided by |")
	case hasByte(p.text, at, '&'):
		return p.fail(at, "& is not an operator", "join comparisons with the word and")
	case hasByte(p.text, at, ';'):
		return p.fail(at, "; in a condition", "assignments end with )! and a condition with )?")
	case !open && (hasByte(p.text, at, '?') || hasByte(p.text, at, ')')):
		return p.fail(at, "a trigger has no )?", "write the bare condition, as in $PRVTMR ge 600")
	}
	return p.fail(at, fmt.Sprintf("and or ) expected, found %q", p.found(at)), "join comparisons with and; put quotes around a string")
}

// comparison reads one comparison, or true, into c.
func (p *parser) comparison(c *clause) error {
	first := side{start: p.pos, end: p.pos}
	left, op := value{}, p.operator()
	if op == 0 {
		v, err := p.value()
		if err != nil {
			return err
		}
		first.end = p.pos
		p.blanks()
		if left, op = v, p.operator(); op == 0 {
			return p.truth(v)
		}
	} else {
		// $SWVER is meant where a left side is missing (SPA2000 guide, p. 31:
		// documented), thus also where the macro there is empty.
		version, _ := p.env.Macro("SWVER")
		left, c.legacy = p.d.classify(version), true
	}
	p.blanks()
	second := side{start: p.pos}
	right, err := p.value()
	if err != nil {
		return err
	}
	first.value, second.value, second.end = left, right, p.pos
	p.notes.compares(p, first, op, second)
	if p.d.RefuseOrder && op != equal && op != less|greater && (left.kind == isText || right.kind == isText) {
		return p.fail(p.pos, "text has no order", "compare text with eq or ne only")
	}
	c.holds = c.holds && left.compare(op, right, p.d.IgnoreSuffix)
	c.compares = true
	return nil
}

// truth accepts v in place of a comparison if it is the word true.
func (p *parser) truth(v value) error {
	if !v.quoted && p.word(v.text) == "true" {
		return nil
	}
	return p.fail(p.pos, "missing operator after "+fmt.Sprintf("%.40q", v.text), "compare with eq ne lt le gt ge; put quotes around a string")
}

// operator reads an operator if there is one, and returns 0 otherwise.
func (p *parser) operator() relation {
	rest := p.text[p.pos:]
	size := 0
	for size < len(rest) && size < 2 && strings.IndexByte("<>=!", rest[size]) >= 0 {
		size++
	}
	if size == 0 && len(rest) >= 2 && (len(rest) == 2 || strings.IndexByte(wordStops, rest[2]) >= 0) {
		size = 2
	}
	for ; size > 0; size-- {
		if op := relations(p.word(rest[:size])); op != 0 {
			p.pos += size
			return op
		}
	}
	return 0
}

// wordStops ends a value without quotes.
const wordStops = blankBytes + `()"=!<>;|?[],&`

// value reads one side of a comparison.
func (p *parser) value() (value, error) {
	if p.at('"') {
		start, end, err := p.quoted()
		return value{text: p.unescape(p.text[start:end]), quoted: true}, err
	}
	at := p.pos
	word := p.run(wordStops)
	if word == "" || p.word(word) == "and" {
		return value{}, p.fail(at, fmt.Sprintf("value expected, found %q", p.found(at)), `compare a macro, number, version or "string", as in ($SWVER lt 5.2)?`)
	}
	if isDigit(word[0]) {
		p.pos += suffixLen(p.text[p.pos:])
	}
	return p.d.classify(p.text[at:p.pos]), nil
}

// suffixLen measures the (a) of a version like 5.1.5(a), or returns 0.
func suffixLen(s string) int {
	if !strings.HasPrefix(s, "(") {
		return 0
	}
	if n := nameLen(s[1:]); n > 0 && hasByte(s, n+1, ')') {
		return n + 2
	}
	return 0
}

// found returns what stands at a position, for a message.
func (p *parser) found(at int) string {
	rest := p.text[at:]
	if i := strings.IndexAny(rest[min(1, len(rest)):], wordStops); i >= 0 {
		rest = rest[:i+1]
	}
	return rest[:min(len(rest), 20)]
}
