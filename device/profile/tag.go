package profile

import "strings"

// A tag is an open tag with the attributes that count.
type tag struct {
	name     string
	access   Access
	value    string // of the value attribute, as written
	hasValue bool
	empty    bool // <X/>
	slash    bool // the name has one
	start    int  // where its < stands
}

// openTag reads the open tag at pos.
func (s *scanner) openTag() (tag, *Error) {
	start := s.pos
	s.pos++
	name, slash, err := s.elementName(start)
	if err != nil {
		return tag{}, err
	}
	t := tag{name: name, slash: slash, start: start}
	if s.peek(0) == '>' { // most tags end here
		s.pos++
		if t.name != "" {
			return t, nil
		}
	}
	if c := s.peek(0); t.name == "" || c != '/' && !isSpace(c) {
		return tag{}, s.mistake(bareLess, start, "bad tag: < in a value must be written &lt;")
	}
	for {
		done, err := s.attribute(&t)
		if err != nil || done {
			return t, err
		}
	}
}

// attribute reads one attribute into t, or the end of the tag.
func (s *scanner) attribute(t *tag) (done bool, err *Error) {
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
	start := s.pos
	name := s.until(endsName)
	s.skipSpace()
	if s.peek(0) != '=' {
		err := s.inTag(t)
		if err == nil && name != "" && !s.overlooks(bareAttribute) {
			err = s.mistake(bareAttribute, start, "an attribute of <%s> lacks its equals sign: %s", t.name, name)
		}
		return false, err
	}
	s.pos++
	s.skipSpace()
	value, quoted, err := s.attributeValue(t)
	if quoted {
		t.set(name, value)
	}
	if err == nil && s.peek(0) == '>' { // most tags have one attribute
		s.pos++
		return true, nil
	}
	return false, err
}

// attributeValue reads what stands behind an equals sign. Only a quoted value
// counts: the guides require quotes, the firmware knows both kinds (field).
func (s *scanner) attributeValue(t *tag) (value string, quoted bool, err *Error) {
	quote := s.peek(0)
	if quote != '"' && quote != '\'' {
		for s.until(endsValue); s.peek(0) == '/' && s.peek(1) != '>'; s.until(endsValue) {
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
func (s *scanner) inTag(t *tag) *Error {
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
	text, i := s.text, s.pos
	if i < len(text) && isNameStart(text[i]) {
		for i++; i < len(text) && isNameByte(text[i]); i++ {
		}
	}
	name := text[s.pos:i]
	s.pos = i
	return name
}

const slashHint = "the name of the web page, with its slash; profiles have an underscore in its place"

// elementName reads the name in a tag that begins at start. One with a slash in it is
// no name.
func (s *scanner) elementName(start int) (name string, slash bool, err *Error) {
	begin := s.pos
	name = s.name()
	if name == "" || s.peek(0) != '/' || !isNameByte(s.peek(1)) {
		return name, false, nil
	}
	for s.peek(0) == '/' && s.peek(1) != '>' && s.pos < len(s.text) {
		s.pos++
		s.until(endsName)
	}
	name = s.text[begin:s.pos]
	if !s.overlooks(slashInName) {
		return "", true, s.mistake(slashInName, start, "the element name %s has a slash: it is %s", name, slashHint)
	}
	return name, true, nil
}

// until reads up to a byte of that kind or the end.
func (s *scanner) until(stop byteKind) string {
	text, i := s.text, s.pos
	for i < len(text) && bytesAre[text[i]]&stop == 0 {
		i++
	}
	name := text[s.pos:i]
	s.pos = i
	return name
}

func (s *scanner) skipSpace() {
	for s.pos < len(s.text) && isSpace(s.text[s.pos]) {
		s.pos++
	}
}

func isSpace(c byte) bool { return c == ' ' || c == '\n' || c == '\t' || c == '\r' }

// byteKind is what a byte may be, several at once.
type byteKind uint8

const (
	startsName byteKind = 1 << iota // of an element
	inName
	endsName  // of an attribute
	endsValue // that has no quotes
)

// bytesAre has the kinds of each byte.
var bytesAre = func() (are [256]byteKind) {
	mark := func(kind byteKind, bytes string) {
		for _, c := range []byte(bytes) {
			are[c] |= kind
		}
	}
	for c := byte('a'); c <= 'z'; c++ {
		mark(startsName|inName, string([]byte{c, c - 'a' + 'A'}))
	}
	mark(startsName|inName, "_")
	mark(inName, "0123456789-.:")
	mark(endsName, space+"=>/<")
	mark(endsValue, space+">/<")
	return are
}()

func isNameStart(c byte) bool { return bytesAre[c]&startsName != 0 }

func isNameByte(c byte) bool { return bytesAre[c]&inName != 0 }

// isName reports whether a whole text is an element name.
func isName(text string) bool {
	s := scanner{text: text}
	return text != "" && s.name() == text
}
