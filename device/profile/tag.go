package profile

import "strings"

// A tag is an open tag with the attributes that count.
type tag struct {
	name     string
	access   Access
	value    string // of the value attribute, as written
	hasValue bool
	empty    bool // <X/>
}

// openTag reads the open tag at pos.
func (s *scanner) openTag() (tag, error) {
	start := s.pos
	s.pos++
	t := tag{name: s.name()}
	if s.peek(0) == '>' { // most tags end here
		s.pos++
		if t.name != "" {
			return t, nil
		}
	}
	if c := s.peek(0); t.name == "" || c != '/' && !isSpace(c) {
		return tag{}, s.fail(start, "bad tag: < in a value must be written &lt;")
	}
	for {
		done, err := s.attribute(&t)
		if err != nil || done {
			return t, err
		}
	}
}

// attribute reads one attribute into t, or the end of the tag.
func (s *scanner) attribute(t *tag) (done bool, err error) {
	s.skipSpace()
	switch s.peek(0) {
	case '>':
		s.pos++
		return true, nil
	case '/':
		s.pos++
		if t.empty = s.peek(0) == '>'; t.empty {
			s.pos++
		}
		return t.empty, nil
	}
	name := s.until(" \t\r\n=>/<")
	s.skipSpace()
	if s.peek(0) != '=' {
		return false, s.inTag(t)
	}
	s.pos++
	s.skipSpace()
	value, quoted, err := s.attributeValue(t)
	if quoted {
		t.set(name, value)
	}
	return false, err
}

// attributeValue reads what stands behind an equals sign. Only a quoted value
// counts: the guides require quotes, the firmware knows both kinds (field).
func (s *scanner) attributeValue(t *tag) (value string, quoted bool, err error) {
	quote := s.peek(0)
	if quote != '"' && quote != '\'' {
		for s.until(" \t\r\n></"); s.peek(0) == '/' && s.peek(1) != '>'; s.until(" \t\r\n></") {
			s.pos++
		}
		return "", false, s.inTag(t)
	}
	s.pos++
	i := strings.IndexByte(s.text[s.pos:], quote)
	if i < 0 {
		return "", false, s.fail(s.pos, "an attribute of <%s> lacks its closing quote", t.name)
	}
	value = s.text[s.pos : s.pos+i]
	s.pos += i + 1
	return value, true, nil
}

// inTag fails where a tag breaks off.
func (s *scanner) inTag(t *tag) error {
	if c := s.peek(0); s.pos >= len(s.text) || c == '<' {
		return s.fail(s.pos, "the tag <%s is never ended", t.name)
	}
	return nil
}

// set takes note of an attribute. The value attribute is in no guide, but the
// maker's schema and firmware know it (field).
func (t *tag) set(name, value string) {
	switch name {
	case "ua":
		t.access = accessOf(value)
	case "value":
		t.value, t.hasValue = value, true
	}
}

// name reads an element name in the firmware's own alphabet (field), "" if
// there is none at pos.
func (s *scanner) name() string {
	i := s.pos
	if i < len(s.text) && isNameStart(s.text[i]) {
		for i++; i < len(s.text) && isNameByte(s.text[i]); i++ {
		}
	}
	name := s.text[s.pos:i]
	s.pos = i
	return name
}

// until reads up to one of the stop bytes or the end.
func (s *scanner) until(stop string) string {
	start := s.pos
	for s.pos < len(s.text) && strings.IndexByte(stop, s.text[s.pos]) < 0 {
		s.pos++
	}
	return s.text[start:s.pos]
}

func (s *scanner) skipSpace() {
	for s.pos < len(s.text) && isSpace(s.text[s.pos]) {
		s.pos++
	}
}

func isSpace(c byte) bool { return c == ' ' || c == '\n' || c == '\t' || c == '\r' }

func isNameStart(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' || c == '_' }

func isNameByte(c byte) bool {
	return isNameStart(c) || c >= '0' && c <= '9' || c == '-' || c == '.' || c == ':'
}

// isName reports whether a whole text is an element name.
func isName(text string) bool {
	s := scanner{text: text}
	return text != "" && s.name() == text
}
