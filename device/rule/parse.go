package rule

import (
	"fmt"
	"strings"
)

// A parser reads one expanded text from front to back. Apart from a look for
// the partner of a parenthesis, once in an alternative, it never goes over a byte
// again: that keeps it linear.
type parser struct {
	expansion
	env    Env
	d      Dialect
	pos    int
	looked int // bytes looked at so far: a test holds them linear
	notes  *notes
	hide   func(name, value string) bool // of [Explain]; nil: nothing
}

func newParser(text string, env Env, d Dialect) *parser {
	return &parser{expansion: Read(text, d).expand(env), env: env, d: d}
}

// tooLong is the mistake of a text that has outgrown the firmware.
func tooLong(p *parser) error {
	if !p.long {
		return nil
	}
	return p.fail(0, fmt.Sprintf("the rule has more than %d bytes with its macros expanded", p.d.Size), "the firmware has no more room; see the switch rule_size")
}

// An alternative is a decision and the condition on which it is taken.
type alternative struct {
	Decision
	clause clause
}

// alternative reads up to the next bar or the end of the text.
func (p *parser) alternative() (a alternative, err error) {
	a.clause.holds = true
	p.blanks()
	if p.at('(') {
		isCondition, err := p.opensCondition()
		if err != nil {
			return a, err
		}
		if isCondition {
			if a.clause, err = p.condition(); err != nil {
				return a, err
			}
			p.blanks()
		}
	}
	if p.at('(') {
		if a.Assignments, err = p.assignments(); err != nil {
			return a, err
		}
	}
	return a, p.target(&a.Decision, pathNeeded)
}

// opensCondition reports whether the parenthesis at the read position belongs to
// a condition or to assignments. The mark behind its partner says so; where that
// is missing, the likelier of the two is chosen, whose reading will then fail
// with the better message.
func (p *parser) opensCondition() (bool, error) {
	end, err := p.partner()
	if err != nil {
		return false, err
	}
	if rest := strings.TrimLeft(p.text[end:], blankBytes); rest != "" && (rest[0] == '?' || rest[0] == '!') {
		return rest[0] == '?', nil
	}
	return !p.looksAssigned(), nil
}

// partner returns the position after the partner of the parenthesis at the read
// position, or the end of the text if it has none.
func (p *parser) partner() (int, error) {
	depth := 0
	for i := p.pos; i < len(p.text); i++ {
		p.looked++
		switch p.text[i] {
		case '"':
			end := closingQuote(p.text, i, p.d)
			if end < 0 {
				return 0, p.unclosedQuote(i)
			}
			p.looked += end - i
			i = end
		case '(':
			depth++
		case ')':
			if depth--; depth == 0 {
				return i + 1, nil
			}
		}
	}
	return len(p.text), nil
}

// looksAssigned reports whether NAME = "value" ; follows the parenthesis.
func (p *parser) looksAssigned() bool {
	ahead := *p
	ahead.pos++
	_, err := ahead.assignment()
	ahead.blanks()
	p.looked = ahead.looked
	return err == nil && ahead.at(';')
}

// target reads options and URL into d, and makes sure that nothing follows.
func (p *parser) target(d *Decision, need urlNeed) error {
	p.blanks()
	if p.at('[') {
		if err := p.options(&d.Options); err != nil {
			return err
		}
		p.blanks()
		if p.ended() && need == pathNeeded {
			return p.fail(p.pos, "options without a URL", "write the URL behind ]")
		}
	}
	if p.ended() {
		return nil
	}
	var err error
	if d.URL, err = p.url(need); err != nil {
		return err
	}
	d.HasURL = true
	if p.blanks(); !p.ended() {
		return p.fail(p.pos, "text after the URL", "a URL holds no blanks; divide alternatives by |")
	}
	return nil
}

const blankBytes = " \t\r\n"

func isBlank(c byte) bool { return c == ' ' || c == '\t' || c == '\r' || c == '\n' }

func (p *parser) blanks() {
	from := p.pos
	for p.pos < len(p.text) && isBlank(p.text[p.pos]) {
		p.pos++
	}
	p.looked += p.pos - from
}

// blank reports whether nothing but blanks is left.
func (p *parser) blank() bool {
	p.blanks()
	return p.pos == len(p.text)
}

func (p *parser) at(c byte) bool { return hasByte(p.text, p.pos, c) }

func (p *parser) take(c byte) bool {
	if !p.at(c) {
		return false
	}
	p.pos++
	return true
}

// ended reports whether the alternative is over.
func (p *parser) ended() bool { return p.pos == len(p.text) || p.at('|') }

// run returns what lies between the read position and the first byte of stops,
// and leaves it behind.
func (p *parser) run(stops string) string {
	rest := p.text[p.pos:]
	if i := strings.IndexAny(rest, stops); i >= 0 {
		rest = rest[:i]
	}
	p.pos += len(rest)
	p.looked += len(rest)
	return rest
}

// quoted reads a string at the read position and returns where its inside is.
func (p *parser) quoted() (start, end int, err error) {
	if end = closingQuote(p.text, p.pos, p.d); end < 0 {
		return 0, 0, p.unclosedQuote(p.pos)
	}
	p.looked += end - p.pos
	start, p.pos = p.pos+1, end+1
	return start, end, nil
}

// unescape returns a part of the inside of quotes as the device sees it.
func (p *parser) unescape(s string) string {
	if p.d.NoEscapes {
		return s
	}
	return strings.ReplaceAll(s, `\"`, `"`)
}

func (p *parser) unclosedQuote(at int) error {
	p.looked += len(p.text) - at
	return p.fail(at, "quotation mark without a partner", `close the string with "`)
}

// word is s as the tables of this package spell it.
func (p *parser) word(s string) string {
	if p.d.AnyCase {
		return strings.ToLower(s)
	}
	return s
}

func (p *parser) fail(column int, msg, hint string) error {
	return &SyntaxError{Column: column, Text: p.text, Msg: msg, Hint: hint}
}
