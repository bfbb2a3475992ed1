package rule

import (
	"fmt"
	"strings"
)

// options reads […] at the read position. Upgrade_Rule takes none by the guide,
// but is seen with them in the field: they are accepted in any rule.
func (p *parser) options(o *Options) error {
	p.pos++
	for p.blanks(); !p.take(']'); p.blanks() {
		if err := p.option(o); err != nil {
			return err
		}
	}
	return nil
}

func (p *parser) option(o *Options) (err error) {
	at := p.pos
	name := p.word(p.run(tokenStops))
	switch name {
	case "--key":
		o.HasKey = true
		o.Key, err = p.key()
	case "--post":
		o.Post, err = p.letter(name)
	case "--alias":
		o.Alias, err = p.letter(name)
	case "--uid":
		o.UID, err = p.argument(name)
	case "--pwd":
		o.PWD, err = p.argument(name)
	case "--content":
		o.Content, err = p.argument(name)
	case "--delta":
		o.Delta = true
	case "--status":
		o.Status = true
	default:
		return p.unknownOption(at)
	}
	return err
}

// unknownOption passes over an option that means nothing to us, --md among them,
// and over its value if it seems to have one. What the firmware does with
// unknown ones is not known.
func (p *parser) unknownOption(at int) error {
	name := p.text[at:p.pos]
	switch {
	case at == len(p.text):
		return p.fail(at, "the options are not closed", "missing ] before the URL")
	case !strings.HasPrefix(name, "--"):
		return p.fail(at, fmt.Sprintf("option expected, found %.20q", p.text[at:]), "options begin with -- and end with ], as in [--key $A]")
	case strings.Contains(name, "="):
		return p.fail(at+strings.IndexByte(name, '='), "= in an option", "divide an option and its value by a blank")
	}
	if p.notes != nil {
		p.notes.add(UnknownOption, name)
	}
	if p.blanks(); p.at('"') {
		_, _, err := p.quoted()
		return err
	}
	if !strings.HasPrefix(p.text[p.pos:], "--") {
		p.run(tokenStops)
	}
	return nil
}

// tokenStops ends an option's name and a value without quotes.
const tokenStops = blankBytes + `]"`

// argument reads the value of an option.
func (p *parser) argument(option string) (string, error) {
	start, end, err := p.argumentSpan(option)
	return p.unescape(p.text[start:end]), err
}

// argumentSpan finds the value of an option. A value that is nothing but empty
// macros is empty; where none was written, it is missing.
func (p *parser) argumentSpan(option string) (start, end int, err error) {
	behind := p.pos
	if p.blanks(); p.at('"') {
		return p.quoted()
	}
	start = p.pos
	if strings.HasPrefix(p.text[start:], "--") || p.run(tokenStops) == "" {
		if !p.vanished(behind, start) {
			return 0, 0, p.fail(start, option+" without a value", "write the value after "+option+" or leave the option out")
		}
		return start, start, nil
	}
	return start, p.pos, nil
}

// key reads the value of --key, the one place where secrets expand (documented).
func (p *parser) key() (string, error) {
	start, end, err := p.argumentSpan("--key")
	if err != nil {
		return "", err
	}
	if p.notes != nil {
		p.notes.keys = append(p.notes.keys, [2]int{start, end})
	}
	var key strings.Builder
	copied := start
	for _, s := range p.within(start, end) {
		if !s.isSecret() || s.end > end {
			continue
		}
		if value, ok := s.lookup(p.env.Secret); ok {
			key.WriteString(p.unescape(p.text[copied:s.start]))
			key.WriteString(value)
			copied = s.end
		}
	}
	if copied == start {
		return p.unescape(p.text[start:end]), nil
	}
	key.WriteString(p.unescape(p.text[copied:end]))
	return key.String(), nil
}

// letter reads the value of an option that names a GPP.
func (p *parser) letter(option string) (byte, error) {
	start, end, err := p.argumentSpan(option)
	if err != nil {
		return 0, err
	}
	if s := p.text[start:end]; isGPPLetter(s) {
		return s[0], nil
	}
	return 0, p.fail(start, fmt.Sprintf("%s %.20q names no GPP", option, p.text[start:end]), "write one small letter from a to p")
}

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
