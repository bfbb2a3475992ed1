package profile

import (
	"fmt"
	"strconv"
	"strings"
)

// A SourceError is a mistake in source text, and where it is.
type SourceError struct {
	File string // as the import names it; empty: the text itself
	Line int    // from 1
	Msg  string
}

func (e *SourceError) Error() string {
	if e.File == "" {
		return fmt.Sprintf("source line %d: %s", e.Line, e.Msg)
	}
	return fmt.Sprintf("source %s line %d: %s", e.File, e.Line, e.Msg)
}

// ParseSource reads the text that the vendor's compiler takes (documented):
//
//	Name [*] [!|?] ["value"] ;
//
// where ! lets the user read and write, ? only read, no mark neither, and
// without a value only the access is set. # begins a comment. Names may be spelt
// as in the compiler's samples; they come out as element names. \xHH in a quoted
// value is the byte of that code; that the language has escapes is field, their
// form inferred.
//
// The guides print looser text, which is taken too (documented as samples; that
// the compiler took it is inferred): a * behind a name, as in the templates of
// units that a provider's customization may change, comes back as
// Param.Custom; a name in front of a quoted value may hold blanks; a value
// without quotes reaches to the semicolon, over a line break only behind a slash.
//
// The error is a *[SourceError]. An import is one; see [ParseSourceFiles].
func ParseSource(text string) ([]Param, error) {
	return ParseSourceFiles(text, nil)
}

// maxImports is how deep imports nest; the real depth is unknown (inferred).
const maxImports = 8

// ParseSourceFiles is [ParseSource] with lines of the form `import file`, which
// stand for the text that open returns. Eight levels are allowed.
func ParseSourceFiles(text string, open func(file string) (string, error)) ([]Param, error) {
	s := source{text: strings.TrimPrefix(text, byteOrderMark), imports: open}
	if err := s.statements(); err != nil {
		return nil, err
	}
	return s.params, nil
}

// A source is one text on its way to parameters.
type source struct {
	file    string
	text    string
	pos     int
	depth   int
	imports func(string) (string, error)
	params  []Param
}

func (s *source) statements() error {
	for s.skip(); s.pos < len(s.text); s.skip() {
		if err := s.statement(); err != nil {
			return err
		}
	}
	return nil
}

func (s *source) fail(at int, format string, args ...any) error {
	line := 1 + strings.Count(s.text[:at], "\n")
	return &SourceError{s.file, line, fmt.Sprintf(format, args...)}
}

// skip moves over white space and comments.
func (s *source) skip() {
	for s.pos < len(s.text) {
		switch c := s.text[s.pos]; {
		case c == '#':
			s.line()
		case isSpace(c):
			s.pos++
		default:
			return
		}
	}
}

// line returns the rest of the line and moves behind it.
func (s *source) line() string {
	line, _, _ := strings.Cut(s.text[s.pos:], "\n")
	s.pos += len(line)
	return line
}

// take moves over a character if it is next.
func (s *source) take(c byte) bool {
	s.skip()
	if s.pos < len(s.text) && s.text[s.pos] == c {
		s.pos++
		return true
	}
	return false
}

func (s *source) statement() error {
	start := s.pos
	if s.word() == "import" {
		return s.include(start)
	}
	s.pos = start
	name := s.label()
	p := Param{Name: XMLName(name), Access: NoAccess}
	if !isSourceName(name) || !isName(p.Name) {
		return s.fail(start, "bad parameter name %q", name)
	}
	p.Custom = s.star()
	switch {
	case s.take('!'):
		p.Access = ReadWrite
	case s.take('?'):
		p.Access = ReadOnly
	}
	if err := s.value(&p); err != nil {
		return err
	}
	if !s.take(';') {
		return s.fail(start, "%s: missing ; behind it", name)
	}
	s.params = append(s.params, p)
	return nil
}

// value reads a value, if there is one.
func (s *source) value(p *Param) (err error) {
	if p.Has = s.take('"'); p.Has {
		p.Value, err = s.quoted()
		return err
	}
	p.Value, p.Has = s.bare()
	return nil
}

func (s *source) word() string {
	rest := s.text[s.pos:]
	n := strings.IndexAny(rest, " \t\r\n\"#;!?*")
	if n < 0 {
		n = len(rest)
	}
	s.pos += n
	return rest[:n]
}

// label reads a name. It has several words where, marks aside, a quoted value
// follows on the same line; otherwise the further words are a value.
func (s *source) label() string {
	start := s.pos
	s.word()
	first := s.pos
	end := first
	for s.blanks(); isNameStart(s.peek()) || s.peek() == '('; s.blanks() {
		if !isSourceName(s.word()) {
			break
		}
		end = s.pos
	}
	if after := strings.TrimLeft(s.text[s.pos:], " \t*!?"); !strings.HasPrefix(after, `"`) {
		end = first
	}
	s.pos = end
	return s.text[start:end]
}

func (s *source) blanks() {
	for c := s.peek(); c == ' ' || c == '\t'; c = s.peek() {
		s.pos++
	}
}

// peek returns the byte at pos, 0 behind the end.
func (s *source) peek() byte {
	if s.pos < len(s.text) {
		return s.text[s.pos]
	}
	return 0
}

// star moves over a mark of customization.
func (s *source) star() bool {
	s.skip()
	if !s.isStar() {
		return false
	}
	s.pos++
	return true
}

// isStar reports whether a mark of customization is next, and not a code such as
// *69 without quotes.
func (s *source) isStar() bool {
	if s.peek() != '*' {
		return false
	}
	return s.pos+1 == len(s.text) || strings.IndexByte(" \t\r\n\"!?;#", s.text[s.pos+1]) >= 0
}

// bare reads a value without quotes, up to the semicolon. None is there where
// the line ends first.
func (s *source) bare() (value string, ok bool) {
	s.skip()
	rest := s.text[s.pos:]
	n := strings.IndexAny(rest, ";\n")
	if n <= 0 {
		return "", false
	}
	value = strings.Trim(rest[:n], space)
	if rest[n] == '\n' {
		more, _, found := strings.Cut(rest[n+1:], ";")
		more = strings.Trim(more, space)
		if !found || !strings.HasSuffix(value, "/") || strings.ContainsAny(more, " \t\r\n\"") {
			return "", false
		}
		value += more
		n += 1 + strings.IndexByte(rest[n+1:], ';')
	}
	s.pos += n
	return value, true
}

// isSourceName reports whether a word is spelt in the signs that names have in
// the compiler's samples (field) or in XML.
func isSourceName(word string) bool {
	for i := range len(word) {
		if !isNameByte(word[i]) && strings.IndexByte("/()[] \t", word[i]) < 0 {
			return false
		}
	}
	return true
}

// quoted reads the rest of a value, which ends on its own line.
func (s *source) quoted() (string, error) {
	rest := s.text[s.pos:]
	n := strings.IndexAny(rest, "\"\n")
	if n < 0 || rest[n] != '"' {
		return "", s.fail(s.pos, "a value lacks its closing quote")
	}
	value, ok := unescapeSource(rest[:n])
	if !ok {
		return "", s.fail(s.pos, `bad escape in %q: want \x and two hex digits`, rest[:n])
	}
	s.pos += n + 1
	return value, nil
}

// include reads the rest of an import and the file that it names.
func (s *source) include(start int) error {
	file, _, _ := strings.Cut(s.line(), "#")
	file = strings.Trim(file, "\"; \t\r")
	switch {
	case s.imports == nil:
		return s.fail(start, "import %q: no files can be imported here", file)
	case s.depth == maxImports:
		return s.fail(start, "import %q: more than %d levels deep", file, maxImports)
	}
	text, err := s.imports(file)
	if err != nil {
		return s.fail(start, "import %q: %v", file, err)
	}
	in := source{file: file, text: strings.TrimPrefix(text, byteOrderMark), depth: s.depth + 1, imports: s.imports, params: s.params}
	if err := in.statements(); err != nil {
		return err
	}
	s.params = in.params
	return nil
}

func unescapeSource(raw string) (string, bool) {
	if !strings.Contains(raw, `\x`) {
		return raw, true
	}
	var b strings.Builder
	for {
		before, after, found := strings.Cut(raw, `\x`)
		b.WriteString(before)
		if !found {
			return b.String(), true
		}
		if len(after) < 2 {
			return "", false
		}
		code, err := strconv.ParseUint(after[:2], 16, 8)
		if err != nil {
			return "", false
		}
		b.WriteByte(byte(code))
		raw = after[2:]
	}
}

// appendSource appends one statement, in a form that reads back identically.
func appendSource(b []byte, p Param) []byte {
	b = append(b, p.Name...)
	if p.Custom {
		b = append(b, " *"...)
	}
	switch p.Access {
	case ReadWrite:
		b = append(b, " !"...)
	case ReadOnly:
		b = append(b, " ?"...)
	}
	if p.Has {
		b = AppendQuoted(append(b, ' '), p.Value)
	}
	return append(b, " ;\n"...)
}

// AppendQuoted appends a value as it stands in source text, quotes included, in
// a form that reads back identically.
func AppendQuoted(b []byte, value string) []byte {
	b = append(b, '"')
	for i := range len(value) {
		if c := value[i]; c < ' ' || c == '"' || c == '\\' || c == 0x7f {
			b = fmt.Appendf(b, `\x%02x`, c)
		} else {
			b = append(b, c)
		}
	}
	return append(b, '"')
}
