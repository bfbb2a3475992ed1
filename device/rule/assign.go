package rule

import "fmt"

// assignments reads ( name = "value" ; … )! at the read position.
func (p *parser) assignments() ([]Assignment, error) {
	var list []Assignment
	p.pos++
	for p.blanks(); !p.take(')'); p.blanks() {
		a, err := p.assignment()
		if err != nil {
			return nil, err
		}
		list = append(list, a)
		p.blanks()
		if !p.take(';') && !(p.d.OptionalSemicolon && p.at(')')) {
			return nil, p.fail(p.pos, "missing ; after the value of "+a.Name, "every assignment ends with a semicolon, the last one too")
		}
	}
	if p.blanks(); !p.take('!') {
		return nil, p.fail(p.pos, "missing ! after the assignments", "assignments end with ;)! and a condition with )?")
	}
	return list, nil
}

// assignment reads name = "value".
func (p *parser) assignment() (Assignment, error) {
	const form = `an assignment is NAME = "value" ; and the list ends with )!`
	p.blanks()
	at := p.pos
	name := p.name()
	p.blanks()
	switch {
	case at == len(p.text):
		return Assignment{}, p.fail(at, "the assignments are not closed", form)
	case name == "" || !p.at('='):
		return Assignment{}, p.fail(at, fmt.Sprintf("assignment or )! expected, found %q", p.found(at)), form)
	}
	p.pos++
	if p.blanks(); !p.at('"') {
		return Assignment{}, p.fail(p.pos, "the value of "+name+" has no quotes", form)
	}
	start, end, err := p.quoted()
	if err != nil {
		return Assignment{}, err
	}
	return Assignment{Name: longName(name), Value: p.unescape(p.text[start:end])}, nil
}

// name reads a parameter's name in XML spelling.
func (p *parser) name() string {
	start := p.pos
	for p.pos < len(p.text) && isNameByte(p.text[p.pos], p.pos == start) {
		p.pos++
	}
	return p.text[start:p.pos]
}

func isNameByte(c byte, first bool) bool {
	return isLetter(c) || c == '_' || !first && (isDigit(c) || c == '-' || c == '.')
}

// longName spells out a to p, which stand for GPP_A to GPP_P.
func longName(name string) string {
	if !isGPPLetter(name) {
		return name
	}
	return "GPP_" + string(name[0]-'a'+'A')
}

func isGPPLetter(s string) bool { return len(s) == 1 && 'a' <= s[0] && s[0] <= 'p' }
