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
// roots, attributes in any quotes or none. Every tag must be complete, and open and
// close tags match (documented); o.Mistakes says what happens otherwise.
//
// Parameters are the leaf elements whose parent is a flat-profile element, at
// any depth (documented). Elements with elements inside are skipped with their
// content; with o.Nested those of a router-configuration element are parameters of
// their own, named by their path: router-configuration/WAN_Interface/MTU. Of o only the fields that concern XML count.
// The error is an *[Error]. Values are not cut to the device's length.
func Scan(text string, o Options) (File, error) {
	aliases, aliasErr := parseAliases(o.Aliases)
	if aliasErr != nil {
		return File{}, aliasErr
	}
	s := scanner{text: strings.TrimPrefix(text, byteOrderMark), o: o, aliases: aliases}
	s.open = s.frames[:0]
	s.useScratch(o.Scratch)
	if s.params == nil {
		s.params = make([]Param, 0, len(text)/48+1)
	}
	err := s.run()
	s.leaveScratch()
	if err != nil {
		if !s.found || o.Mistakes.on(err.Mistake) != ApplyStart {
			return File{}, err.inProfile(s.found)
		}
		s.file.Partly, s.file.Mistake = "up to "+err.Hint, err.Mistake
	}
	s.file.Params, s.file.Text = s.params, s.text
	return s.file, nil
}

// inProfile leaves out the switch of a mistake that stands before a flat-profile: it
// would change nothing.
func (e *Error) inProfile(found bool) *Error {
	if !found && e.Mistake != noFlatProfile {
		e.Mistake = ""
	}
	return e
}

// A scanner is one pass over a text. Every method leaves pos behind what it read.
type scanner struct {
	text     string
	pos      int
	o        Options
	aliases  []alias
	params   []Param
	file     File     // what is said of the whole
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

func (s *scanner) run() *Error {
	for {
		i := strings.IndexByte(s.text[s.pos:], '<')
		if i < 0 {
			return s.end()
		}
		s.pos += i
		if s.again() {
			continue
		}
		if s.isText() {
			s.pos++
			continue
		}
		if err := s.markup(); err != nil {
			return err
		}
	}
}

// end judges a text in which every tag was good.
func (s *scanner) end() *Error {
	if n := len(s.open); n > 0 {
		return s.fail(len(s.text), "<%s> is never closed", s.open[n-1].name)
	}
	if !s.found && len(s.aliases) == 0 && !(s.o.EmptyForeign && s.elements) {
		e := corrupt("no <flat-profile> element")
		if s.elements {
			e.Mistake = noFlatProfile
		}
		return e
	}
	return nil
}

// fail says that the text is broken, by what stands at an offset.
func (s *scanner) fail(at int, format string, args ...any) *Error {
	return s.mistake(brokenFile, at, format, args...)
}

// mistake says which mistake stands at an offset.
func (s *scanner) mistake(kind string, at int, format string, args ...any) *Error {
	line, column := Place(s.text, at)
	e := corrupt(fmt.Sprintf("line %d: ", line) + short(fmt.Sprintf(format, args...)))
	e.Line, e.Column, e.Mistake = line, column, kind
	return e
}

// short bounds what is quoted of a file.
func short(text string) string {
	const most = 240
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "") + "…"
}

// Place returns the line and the column of an offset in a text, both from 1; columns
// are bytes.
func Place(text string, offset int) (line, column int) {
	before := text[:min(offset, len(text))]
	return 1 + strings.Count(before, "\n"), len(before) - strings.LastIndexByte(before, '\n')
}

// without says that an element was passed over. The first one is enough: the text is
// searched for its line.
func (s *scanner) without(t *tag, kind, why string) {
	if s.file.Partly == "" {
		line, _ := Place(s.text, t.start)
		s.file.Partly, s.file.Mistake = fmt.Sprintf("without <%s> in line %d: %s", short(t.name), line, why), kind
	}
}

// overlooks reports whether the firmware overlooks a kind of mistake.
func (s *scanner) overlooks(kind string) bool { return s.o.Mistakes.on(kind) == Overlook }

// markup reads what begins with the < at pos.
func (s *scanner) markup() *Error {
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
func (s *scanner) content(t tag, start int) *Error {
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
	if err := s.closeTag(); err != nil {
		return err
	}
	if usable {
		return s.param(t, raw)
	}
	if _, ok := s.paramName(t.name); ok {
		s.without(&t, cdataSection, "it holds a CDATA section")
	}
	return nil
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
func (s *scanner) leafText() (raw string, usable bool, err *Error) {
	var joined []byte // only for a text with comments in it
	for usable = true; ; {
		i := strings.IndexByte(s.text[s.pos:], '<')
		if i < 0 {
			return "", false, s.fail(len(s.text), "the file ends inside an element")
		}
		raw = s.text[s.pos : s.pos+i]
		s.pos += i
		if s.isText() {
			joined = append(append(joined, raw...), '<')
			s.pos++
			continue
		}
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

// isText reports whether the < at pos begins no tag and is overlooked.
func (s *scanner) isText() bool {
	if s.o.Mistakes.Less != Overlook {
		return false
	}
	if c := s.peek(1); c == '/' || c == '!' || c == '?' {
		return false
	}
	at := s.pos
	defer func() { s.pos = at }()
	s.pos++
	name := s.name()
	c := s.peek(0)
	return name == "" || c != '>' && c != '/' && !isSpace(c)
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
func (s *scanner) aside() (cdata, *Error) {
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
func (s *scanner) closeTag() *Error {
	start := s.pos
	s.pos += 2
	name, _, err := s.elementName(start)
	if err != nil {
		return err
	}
	blank := isSpace(s.peek(0))
	s.skipSpace()
	if s.peek(0) != '>' {
		return s.fail(start, "bad close tag </%s", name)
	}
	if blank && !s.overlooks(blankInEnd) {
		return s.mistake(blankInEnd, start, "a blank in the close tag </%s >", name)
	}
	s.pos++
	n, due := len(s.open), ""
	if n > 0 {
		due = s.open[n-1].name
	}
	switch {
	case n > 0 && due == name, s.overlooks(mismatchedEnd):
	case n == 0:
		return s.mistake(mismatchedEnd, start, "</%s> closes nothing", name)
	default:
		return s.mistake(mismatchedEnd, start, "</%s> where </%s> is due", name, due)
	}
	s.open = s.open[:max(n-1, 0)]
	return nil
}

// param records a leaf element, if it is a parameter here.
func (s *scanner) param(t tag, raw string) *Error {
	name, ok := s.paramName(t.name)
	if !ok {
		return nil
	}
	if t.slash {
		s.without(&t, slashInName, slashHint)
		return nil
	}
	if trimmed(raw) == "" && t.hasValue {
		raw = t.value
	}
	if !s.o.KeepBlanks {
		raw = trimmed(raw)
	}
	value, ok := unescape(raw, s.o.StrictAmpersand)
	if !ok {
		return s.mistake(bareAmpersand, s.pos, "<%s> holds an ampersand that must be written &amp;", t.name)
	}
	has := !t.empty || t.hasValue || s.o.EmptyElementClears
	s.params = append(s.params, Param{Name: name, Value: value, Has: has, Access: t.access, Offset: uint32(t.start)})
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
