package profile

import (
	"fmt"
	"strings"
)

const (
	byteOrderMark = "\xef\xbb\xbf"
	flatProfile   = "flat-profile"
	routerConfig  = "router-configuration"
	space         = " \t\r\n"
)

// Scan reads the open XML form. It takes what real devices take and XML parsers
// refuse: loose text between elements, double hyphens in comments, several
// roots, attributes in any quotes or none. It is strict about one thing, that
// every tag is complete and open and close tags match (documented).
//
// Parameters are the leaf elements whose parent is a flat-profile element, at
// any depth (documented). Elements with elements inside are skipped with their
// content; with o.Nested those of a router-configuration element are parameters of
// their own, named by their path: router-configuration/WAN_Interface/MTU. Of o only the fields that concern XML count.
// The error is an *[Error]. Values are not cut to the device's length.
func Scan(text string, o Options) ([]Param, error) {
	aliases, aliasErr := parseAliases(o.Aliases)
	if aliasErr != nil {
		return nil, aliasErr
	}
	s := scanner{text: strings.TrimPrefix(text, byteOrderMark), o: o, aliases: aliases}
	s.open = s.frames[:0]
	s.useScratch(o.Scratch)
	if s.params == nil {
		s.params = make([]Param, 0, len(text)/48+1)
	}
	err := s.run()
	s.leaveScratch()
	if err != nil && !(o.ApplyBroken && s.found) {
		return nil, err
	}
	return s.params, nil
}

// A scanner is one pass over a text. Every method leaves pos behind what it read.
type scanner struct {
	text     string
	pos      int
	o        Options
	aliases  []alias
	params   []Param
	found    bool     // a flat-profile element was seen
	elements bool     // any was
	scratch  *Scratch // nil: none
	leaves   []leaf   // plain elements so far, where there is a scratch
	due      int      // in the scratch's leaves
	open     []frame
	frames   [8]frame // open's first backing, so that usual files allocate none
}

// A frame is an element whose close tag is still to come.
type frame struct {
	name string
	kind kind
	path string // of a router: what its parameters' names begin with
}

// kind is what an element's children are.
type kind uint8

const (
	outside kind = iota // no parameters, unless an alias names them
	inside              // parameters: a flat-profile
	router              // parameters or sections of them: router-configuration
)

func (s *scanner) run() error {
	for {
		i := strings.IndexByte(s.text[s.pos:], '<')
		if i < 0 {
			return s.end()
		}
		s.pos += i
		if s.again() {
			continue
		}
		if err := s.markup(); err != nil {
			return err
		}
	}
}

// end judges a text in which every tag was good.
func (s *scanner) end() error {
	if n := len(s.open); n > 0 {
		return s.fail(len(s.text), "<%s> is never closed", s.open[n-1].name)
	}
	if !s.found && len(s.aliases) == 0 && !(s.o.EmptyForeign && s.elements) {
		return corrupt("no <flat-profile> element")
	}
	return nil
}

// fail refuses the text for what stands at an offset.
func (s *scanner) fail(at int, format string, args ...any) error {
	line := 1 + strings.Count(s.text[:at], "\n")
	return corrupt(fmt.Sprintf("line %d: ", line) + fmt.Sprintf(format, args...))
}

// markup reads what begins with the < at pos.
func (s *scanner) markup() error {
	start := s.pos
	switch s.peek(1) {
	case '/':
		return s.closeTag()
	case '!', '?':
		_, err := s.aside()
		return err
	}
	t, err := s.openTag()
	if err != nil {
		return err
	}
	s.elements = true
	switch {
	case t.name == flatProfile:
		s.found = true
		if !t.empty {
			s.push(t.name)
		}
	case t.empty:
		return s.param(t, "")
	case s.parent() == outside && len(s.aliases) == 0:
		s.push(t.name)
	default:
		return s.content(t, start)
	}
	return nil
}

// peek returns the byte n after pos, 0 behind the end.
func (s *scanner) peek(n int) byte {
	if s.pos+n < len(s.text) {
		return s.text[s.pos+n]
	}
	return 0
}

func (s *scanner) parent() kind {
	if n := len(s.open); n > 0 {
		return s.open[n-1].kind
	}
	return outside
}

// path returns what the names of the innermost element's parameters begin with.
func (s *scanner) path() string {
	if n := len(s.open); n > 0 {
		return s.open[n-1].path
	}
	return ""
}

func (s *scanner) push(name string) {
	f := frame{name: name}
	switch parent := s.parent(); {
	case name == flatProfile:
		f.kind = inside
	case parent == router, parent == inside && s.o.Nested && name == routerConfig:
		f.kind, f.path = router, s.path()+name+"/"
	}
	s.open = append(s.open, f)
}

// content reads what follows an open tag: the text and close tag of a leaf, or
// nothing but the text before a first child, and then the element is a group.
func (s *scanner) content(t tag, start int) error {
	begin := s.pos
	raw, usable, err := s.leafText()
	if err != nil {
		return err
	}
	plain := raw == s.text[begin:s.pos] // nothing was left out of it
	if usable && s.closes(t.name) {
		err := s.param(t, raw)
		if err == nil && plain {
			s.note(start, begin, raw, &t)
		}
		return err
	}
	s.push(t.name)
	if s.peek(1) != '/' {
		return nil
	}
	if err := s.closeTag(); err != nil || !usable {
		return err
	}
	return s.param(t, raw)
}

// closes reads the plain close tag of a leaf, if that stands at pos.
func (s *scanner) closes(name string) bool {
	rest, ok := strings.CutPrefix(s.text[s.pos:], "</")
	if !ok || len(rest) <= len(name) || rest[len(name)] != '>' || rest[:len(name)] != name {
		return false
	}
	s.pos += len("</>") + len(name)
	return true
}

// leafText reads up to the next tag. The text is not usable if it holds a CDATA
// section that the device does not take.
func (s *scanner) leafText() (raw string, usable bool, err error) {
	var joined []byte // only for a text with comments in it
	for usable = true; ; {
		i := strings.IndexByte(s.text[s.pos:], '<')
		if i < 0 {
			return "", false, s.fail(len(s.text), "the file ends inside an element")
		}
		raw = s.text[s.pos : s.pos+i]
		s.pos += i
		if c := s.peek(1); c != '!' && c != '?' {
			break
		}
		joined = append(joined, raw...)
		cdata, err := s.aside()
		if err != nil {
			return "", false, err
		}
		if cdata.is {
			usable = usable && s.o.CDATA
			joined = appendEscaped(joined, cdata.text)
		}
	}
	if joined != nil {
		raw = string(append(joined, raw...))
	}
	return raw, usable, nil
}

// A cdata is the text of a CDATA section, if there was one.
type cdata struct {
	text string
	is   bool
}

// asides are the forms that are no element. The order matters: a comment begins
// like a declaration.
var asides = [...]struct{ begin, end, name string }{
	{"<!--", "-->", "comment"},
	{"<![CDATA[", "]]>", "CDATA section"},
	{"<!", ">", "declaration"},
	{"<?", "?>", "processing instruction"},
}

// aside reads a comment, CDATA section, declaration or processing instruction.
func (s *scanner) aside() (cdata, error) {
	rest := s.text[s.pos:]
	for i, a := range asides {
		if !strings.HasPrefix(rest, a.begin) {
			continue
		}
		text, _, ok := strings.Cut(rest[len(a.begin):], a.end)
		if !ok {
			return cdata{}, s.fail(s.pos, "a %s is never ended", a.name)
		}
		s.pos += len(a.begin) + len(text) + len(a.end)
		return cdata{text, i == 1}, nil
	}
	return cdata{}, s.fail(s.pos, "bad tag")
}

// closeTag reads the close tag at pos and closes the innermost open element.
func (s *scanner) closeTag() error {
	start := s.pos
	s.pos += 2
	name := s.name()
	s.skipSpace()
	if s.peek(0) != '>' {
		return s.fail(start, "bad close tag </%s", name)
	}
	s.pos++
	n := len(s.open)
	if n == 0 {
		return s.fail(start, "</%s> closes nothing", name)
	}
	if s.open[n-1].name != name {
		return s.fail(start, "</%s> where </%s> is due", name, s.open[n-1].name)
	}
	s.open = s.open[:n-1]
	return nil
}

// param records a leaf element, if it is a parameter here.
func (s *scanner) param(t tag, raw string) error {
	name, ok := s.paramName(t.name)
	if !ok {
		return nil
	}
	raw = trimmed(raw)
	if raw == "" && t.hasValue {
		raw = strings.Trim(t.value, space)
	}
	value, ok := unescape(raw, s.o.StrictAmpersand)
	if !ok {
		return s.fail(s.pos, "<%s> holds an ampersand that must be written &amp;", t.name)
	}
	has := !t.empty || t.hasValue || s.o.EmptyElementClears
	s.params = append(s.params, Param{Name: name, Value: value, Has: has, Access: t.access})
	return nil
}

// trimmed is strings.Trim of space.
func trimmed(s string) string {
	for s != "" && isSpace(s[0]) {
		s = s[1:]
	}
	for s != "" && isSpace(s[len(s)-1]) {
		s = s[:len(s)-1]
	}
	return s
}

// paramName returns which parameter a leaf with this tag name sets.
func (s *scanner) paramName(tag string) (name string, ok bool) {
	for _, a := range s.aliases {
		if a.matches(s.open, tag) {
			return a.name, true
		}
	}
	return s.path() + tag, s.parent() != outside
}
