package observed

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"

	"spafleet/device/model"
	"spafleet/host"
	"spafleet/host/yamltext"
)

// ReadFile is [Read] of a file of at most [MostBytes].
func ReadFile(name string) (*File, error) {
	src, err := host.ReadFile(name, MostBytes)
	if err != nil {
		return nil, err
	}
	return Read(src, name)
}

// Read reads a file; name is what mistakes call it. The error is [*Mistakes]: all that is
// wrong, each with its place.
func Read(src []byte, name string) (*File, error) {
	r := &reader{file: &File{}, seen: map[string]bool{}}
	r.mistakes.Name = name
	if body := r.parse(src); body != nil {
		r.all(body)
	}
	if err := r.mistakes.err(); err != nil {
		return nil, err
	}
	places := order(r.row)
	slices.SortStableFunc(r.file.Findings, func(a, b Finding) int { return places[a.Switch] - places[b.Switch] })
	return r.file, nil
}

// A reader reads one file.
type reader struct {
	file     *File
	row      *model.Row // nil as long as model and firmware are not known
	seen     map[string]bool
	mistakes Mistakes
}

// parse returns the one document of a file of this format, nil for a mistake.
func (r *reader) parse(src []byte) ast.Node {
	text, bad := yamltext.Clean(src)
	first, _, _ := strings.Cut(string(text), "\n")
	line, col := yamltext.Place(text, max(bad, 0))
	switch what, l, c := r.excess(text, bad); {
	case what != "":
		r.mistakes.add(l, c, "", errors.New(what))
		return nil
	case bad >= 0:
		r.mistakes.add(line, col, "", fmt.Errorf("byte %#02x is not text; such a file is UTF-8", text[bad]))
		return nil
	case strings.TrimSpace(first) != format:
		r.mistakes.add(1, 1, "", notThisFormat(strings.TrimSpace(first)))
		return nil
	}
	return r.document(text)
}

// excess returns what is too much of a text.
func (r *reader) excess(text []byte, bad int) (what string, line, col int) {
	if len(text) > MostBytes {
		return fmt.Sprintf("the file has %d bytes, more than %d", len(text), MostBytes), 1, 1
	}
	if bad >= 0 {
		return "", 0, 0
	}
	return yamltext.Excess(string(text))
}

// notThisFormat says what a file is not, by its first line.
func notThisFormat(first string) error {
	version, ok := strings.CutPrefix(first, "spafleet: probe ")
	if ok {
		return fmt.Errorf("the file has the format probe %s, and this program reads probe 1", shown(version))
	}
	return fmt.Errorf("this is no file of what a phone was observed to do: its first line is not %q", format)
}

func (r *reader) document(text []byte) ast.Node {
	file, err := parser.ParseBytes(text, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		var se *yaml.SyntaxError
		if errors.As(err, &se) {
			r.mistakes.add(se.Token.Position.Line, se.Token.Position.Column, "", errors.New(se.Message))
		} else {
			r.mistakes.add(1, 1, "", err)
		}
		return nil
	}
	var body ast.Node
	for _, d := range file.Docs {
		switch {
		case d.Body == nil:
		case body != nil:
			r.wrong(d.Body, "", "the file is more than one document")
			return nil
		default:
			body = d.Body
		}
	}
	return body
}

// wrong notes a mistake at a node.
func (r *reader) wrong(n ast.Node, path, format string, args ...any) {
	r.fail(n, path, fmt.Errorf(format, args...))
}

func (r *reader) fail(n ast.Node, path string, err error) {
	line, col := 1, 1
	if t := n.GetToken(); t != nil && t.Position != nil {
		line, col = t.Position.Line, t.Position.Column
	}
	r.mistakes.add(line, col, path, err)
}

// A field is a key that a map of the file may have.
type field struct {
	name     string
	required bool
	read     func(n ast.Node, path string)
}

// pairs returns the keys and values of a map, nil for a mistake.
func (r *reader) pairs(n ast.Node, path string) []*ast.MappingValueNode {
	switch n := n.(type) {
	case *ast.MappingNode:
		return n.Values
	case *ast.MappingValueNode:
		return []*ast.MappingValueNode{n}
	}
	r.wrong(n, path, "expected keys with values, such as %q", "model: SPA942")
	return nil
}

// fields reads a map that has these keys.
func (r *reader) fields(n ast.Node, path string, fields []field) {
	values := map[string]ast.Node{}
	for _, p := range r.pairs(n, path) {
		name := keyOf(p)
		i := slices.IndexFunc(fields, func(f field) bool { return f.name == name })
		switch {
		case i < 0:
			r.wrong(p.Key, path, "unknown key %s%s", shown(name), model.DidYouMean(name, names(fields)))
		case values[name] != nil:
			r.wrong(p.Key, path, "the key %q is given twice", name)
		default:
			values[name] = p.Value
		}
	}
	for _, f := range fields { // in this order: what comes first is needed for the rest
		if v := values[f.name]; v != nil {
			f.read(v, below(path, f.name))
		} else if f.required {
			r.wrong(n, path, "the key %q is missing", f.name)
		}
	}
}

func keyOf(p *ast.MappingValueNode) string {
	if t := p.Key.GetToken(); t != nil {
		return t.Value
	}
	return ""
}

func names(fields []field) (list []string) {
	for _, f := range fields {
		list = append(list, f.name)
	}
	return list
}

func below(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

// text returns a scalar as it is written; "" for what is none, which is a mistake.
func (r *reader) text(n ast.Node, path string) string {
	text := ""
	switch n := n.(type) {
	case *ast.LiteralNode:
		text = n.Value.Value
	case *ast.NullNode:
	case *ast.StringNode, *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.InfinityNode, *ast.NanNode:
		text = n.GetToken().Value
	default:
		r.wrong(n, path, "expected a text")
		return ""
	}
	switch {
	case text == "":
		r.wrong(n, path, "the value is missing")
	case len(text) > 2*mostHex+mostHex/perLine:
		r.wrong(n, path, "the value has %d bytes, more than any may have", len(text))
		return ""
	}
	return text
}

// short is text of what is for people to read.
func (r *reader) short(to *string) func(ast.Node, string) {
	return func(n ast.Node, path string) {
		if *to = r.text(n, path); len(*to) > mostText {
			r.wrong(n, path, "the text has %d bytes, more than %d", len(*to), mostText)
		}
	}
}
