package scenarios

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"

	"spafleet/host/yamltext"
	"spafleet/scenarios/expression"
)

// A node is a value of the file with its place. Every scalar is text as written:
// it gets its type from its key, never from its looks.
type node struct {
	line, col int
	given     string  // how it was given from outside: it is in no line of the file
	width     int     // letters in its first line, 0 where it is not a scalar
	text      string  // of a scalar
	keys      []*node // of a map, in file order
	values    []*node // of a map, beside keys; of a list
	kind      kind
	null      bool // a scalar that is nothing, null or ~
}

type kind uint8

const (
	scalar kind = iota
	mapping
	list
	refused // is a mistake already: no more is said of it
)

func (k kind) String() string { return [...]string{"a text", "a map", "a list", "refused"}[k] }

// get returns the value of a map's key, nil where it has none.
func (n *node) get(key string) *node {
	for i, k := range n.keys {
		if k.text == key {
			return n.values[i]
		}
	}
	return nil
}

// key returns a map's key itself, the map where it has none.
func (n *node) key(name string) *node {
	for _, k := range n.keys {
		if k.text == name {
			return k
		}
	}
	return n
}

// empty reports whether a value is nothing, or a map or list of nothing.
func (n *node) empty() bool { return n.kind != refused && n.text == "" && len(n.values) == 0 }

// keyAt is key for a node that may be nil.
func (n *node) keyAt(name string) *node {
	if n == nil {
		return &node{}
	}
	return n.key(name)
}

// each tells a value and all that is in it. A nil node has none.
func (n *node) each(tell func(*node)) {
	if n == nil {
		return
	}
	tell(n)
	for _, v := range n.values {
		v.each(tell)
	}
}

// at follows keys as far as they exist. A nil node, of a scenario that no file
// holds, has no place.
func (n *node) at(keys ...string) *node {
	if n == nil {
		return &node{}
	}
	for _, k := range keys {
		next := n.get(k)
		if next == nil {
			break
		}
		n = next
	}
	return n
}

// MostBytes is the longest scenario file.
const MostBytes = 1 << 20

// mostExpressions is how many {{ }} a file may have, each of which is compiled.
const mostExpressions = 2_000

// excess returns what is too much of a file, and at which line and column; "" where all
// is within the bounds.
func excess(text string) (what string, line, col int) {
	if what, line, col = yamltext.Excess(text); what != "" {
		return what, line, col
	}
	braces := 0
	for l := range strings.Lines(text) {
		line++
		if braces += strings.Count(l, "{{"); braces > mostExpressions {
			return "more than 2,000 expressions in {{ }}", line, 1
		}
	}
	return "", 0, 0
}

// parse reads the small YAML: one document, no duplicate keys, anchors, aliases,
// merge keys or tags.
func (s *source) parse() *node {
	if len(s.src) > MostBytes {
		s.mistake(&node{line: 1, col: 1}, "", "the file has %d bytes, more than %d", len(s.src), MostBytes)
		return nil
	}
	if what, line, col := excess(string(s.src)); what != "" {
		s.mistake(&node{line: line, col: col}, "", "%s", what)
		return nil
	}
	file, err := parser.ParseBytes(s.src, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		s.syntax(err)
		return nil
	}
	var body ast.Node
	for _, d := range file.Docs {
		if d.Body == nil {
			continue
		}
		if body != nil {
			s.mistake(s.node(d.Body), "", "a scenario is one document")
			return nil
		}
		body = d.Body
	}
	if body == nil {
		s.mistake(&node{line: 1, col: 1}, "", "the file is empty")
		return nil
	}
	return s.node(body)
}

func (s *source) syntax(err error) {
	at := &node{line: 1, col: 1}
	msg := err.Error()
	var se *yaml.SyntaxError
	if errors.As(err, &se) {
		msg = se.Message
		at.line, at.col = se.Token.Position.Line, se.Token.Position.Column
	}
	s.mistake(at, "", "%s", msg)
}

func (s *source) place(n ast.Node) *node {
	t := n.GetToken()
	return &node{line: t.Position.Line, col: t.Position.Column, given: s.given}
}

// node copies a tree, and refuses what is not part of the small YAML.
func (s *source) node(n ast.Node) *node {
	out := s.place(n)
	switch n := n.(type) {
	case *ast.MappingNode:
		s.pairs(out, n.Values)
	case *ast.MappingValueNode:
		s.pairs(out, []*ast.MappingValueNode{n})
	case *ast.SequenceNode:
		out.kind = list
		for _, v := range n.Values {
			out.values = append(out.values, s.node(v))
		}
	case *ast.AnchorNode, *ast.AliasNode, *ast.TagNode, *ast.MergeKeyNode:
		s.mistake(out, "", "anchors, aliases, merge keys and tags are not part of the format")
		out.kind = refused
	default:
		out.scalar(n)
	}
	return out
}

func (n *node) scalar(from ast.Node) {
	t := from.GetToken()
	first, _, _ := strings.Cut(strings.TrimSpace(t.Origin), "\n")
	n.width = utf8.RuneCountInString(first)
	switch from := from.(type) {
	case *ast.LiteralNode:
		n.text = from.Value.Value
	case *ast.NullNode:
		n.null = true
	default:
		n.text = t.Value
	}
}

func (s *source) pairs(out *node, values []*ast.MappingValueNode) {
	out.kind = mapping
	for i, v := range values {
		key := s.node(v.Key)
		if i == 0 && out.col > key.col {
			out.line, out.col = key.line, key.col
		}
		if twice := out.key(key.text); twice != out && key.kind == scalar {
			s.mistake(key, "", "the key %q is already in line %d", key.text, twice.line)
			continue
		}
		out.keys = append(out.keys, key)
		out.values = append(out.values, s.node(v.Value))
	}
}

// A source is the text of a file, its tree, and the mistakes found in it.
type source struct {
	name     string
	src      []byte
	given    string   // how the whole was given from outside; "": it is a file
	secrets  []string // values that no text may show
	folder   *folder  // that from names files below; nil: none
	params   *params  // of the file; nil: none
	tree     *node
	mistakes Mistakes
}

// again returns a source of the same file, without mistakes.
func (s *source) again() *source {
	if s == nil {
		return &source{}
	}
	return &source{name: s.name, src: s.src, secrets: s.secrets, tree: s.tree, folder: s.folder, params: s.params}
}

// root returns the whole file, nil for a scenario that no file holds.
func (s *source) root() *node {
	if s == nil {
		return nil
	}
	return s.tree
}

// sorted returns the mistakes in the order of the file, each once.
func (s *source) sorted() Mistakes {
	slices.SortStableFunc(s.mistakes, func(a, b Mistake) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Col, b.Col))
	})
	return slices.Compact(s.mistakes)
}

// A Mistake is one thing wrong in a scenario file.
type Mistake struct {
	File      string
	Line, Col int    // from 1; 0: it is in no file
	Path      string // of the key: fleet.town.mix; the flag that gave it
	Msg       string
	Excerpt   string // the line, marked
	Err       error  // what Msg is the text of, or a part; may be nil
}

// Error returns the mistake with its place and excerpt, over several lines. One that
// is in no file has its key or flag alone.
func (m Mistake) Error() string {
	path := ""
	if m.Path != "" {
		path = m.Path + ": "
	}
	if m.Line == 0 {
		return path + m.Msg
	}
	return fmt.Sprintf("%s:%d:%d: %s%s\n%s", m.File, m.Line, m.Col, path, m.Msg, m.Excerpt)
}

// Unwrap returns the error that the mistake is about, if there is one.
func (m Mistake) Unwrap() error { return m.Err }

// Mistakes is all that is wrong in a file.
type Mistakes []Mistake

// Error returns all mistakes, one below the other.
func (m Mistakes) Error() string {
	var b strings.Builder
	for i, one := range m {
		if i > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(strings.TrimRight(one.Error(), "\n"))
	}
	return b.String()
}

// Unwrap returns the mistakes.
func (m Mistakes) Unwrap() []error {
	list := make([]error, len(m))
	for i := range m {
		list[i] = m[i]
	}
	return list
}

// mistake notes something wrong at a node, or at the part of it that an error among
// args is about.
func (s *source) mistake(n *node, path, format string, args ...any) {
	var part *expression.Mistake
	if err := firstError(args); errors.As(err, &part) {
		n = s.part(n, part)
	}
	m := Mistake{File: s.name, Line: n.line, Col: n.col, Path: path, Msg: fmt.Sprintf(format, args...), Excerpt: s.excerpt(n), Err: firstError(args)}
	if n.given != "" {
		m.File, m.Line, m.Col, m.Excerpt, m.Path = "", 0, 0, "", n.given
		if !strings.Contains(n.given, path) {
			m.Path += ": " + path
		}
	}
	if len(s.secrets) > 0 {
		m.Msg, m.Path = redactor(s.secrets).Replace(m.Msg), redactor(s.secrets).Replace(m.Path)
	}
	s.mistakes = append(s.mistakes, m)
}

func firstError(args []any) error {
	for _, a := range args {
		if err, ok := a.(error); ok {
			return err
		}
	}
	return nil
}

// mostShown bounds an excerpt: a body may be one long line.
const mostShown = 200

// take takes a file's text: without a byte order mark, and with the line ends
// of YAML. What is not UTF-8, or is zero, is a mistake.
func (s *source) take(src []byte) {
	text, bad := yamltext.Clean(src)
	if s.src = text; bad < 0 {
		return
	}
	at := &node{}
	at.line, at.col = yamltext.Place(text, bad)
	s.mistake(at, "", "byte %#02x is not text; save the file as UTF-8", text[bad])
}

// excerpt returns the node's line with marks below it.
func (s *source) excerpt(n *node) string {
	lines := strings.Split(string(s.src), "\n")
	if n.line < 1 || n.line > len(lines) {
		return ""
	}
	line := []rune(lines[n.line-1])
	before := min(max(n.col, 1)-1, len(line))
	if cut := before - mostShown/2; cut > mostShown/4 {
		line, before = line[cut:], before-cut
	}
	line = line[:min(len(line), mostShown)]
	marks := min(max(n.width, 1), max(len(line)-before, 1))
	return fmt.Sprintf("%4d | %s\n     | %s%s\n", n.line, string(line), strings.Repeat(" ", before), strings.Repeat("^", marks))
}
