package report_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"spafleet/host/golden"
	"spafleet/scenarios/report"
)

const pageHead = `# The result in JSON

` + "`spafleet run --json`" + ` prints it, ` + "`--result FILE`" + ` keeps it, and ` + "`spafleet report merge --json`" + ` makes it of those of shards. This page is
printed from the program's types; a test keeps it current.

Within a ` + "`format`" + ` (now %d) a key never changes its meaning and is never removed; new ones may come. Durations are in seconds.
Times are RFC 3339.
`

// The page has each key of a report, with the comment that stands at its field.
func TestThePageOfTheResultIsCurrent(t *testing.T) {
	p := &resultPage{t: t, comments: fieldComments(t), done: map[reflect.Type]bool{}}
	fmt.Fprintf(&p.text, pageHead, report.Format)
	p.section(reflect.TypeFor[report.Report]())
	golden.File(t, "../../docs/report.md", []byte(p.text.String()))
}

// A resultPage is documentation of types.
type resultPage struct {
	t        *testing.T
	text     strings.Builder
	comments map[string]string // by type and field
	done     map[reflect.Type]bool
}

// section writes a type and then those of its fields.
func (p *resultPage) section(typ reflect.Type) {
	if p.done[typ] {
		return
	}
	p.done[typ] = true
	fmt.Fprintf(&p.text, "\n## %s\n\n", typ.Name())
	if c := p.comments[typ.Name()]; c != "" {
		fmt.Fprintf(&p.text, "%s\n\n", c)
	}
	p.text.WriteString("| key | type | meaning |\n|---|---|---|\n")
	var parts []reflect.Type
	p.rows(typ, &parts)
	for _, part := range parts {
		p.section(part)
	}
}

// rows writes the fields of a type, those of the types in it too.
func (p *resultPage) rows(typ reflect.Type, parts *[]reflect.Type) {
	for i := range typ.NumField() {
		f := typ.Field(i)
		key, rest, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case f.Anonymous && key == "":
			p.rows(f.Type, parts)
			continue
		case key == "-":
			continue
		case key == "":
			p.t.Errorf("%s.%s has no name in JSON", typ.Name(), f.Name)
		}
		meaning := p.comments[typ.Name()+"."+f.Name]
		if strings.Contains(rest, "omitempty") {
			meaning = strings.TrimPrefix(meaning+"; may be absent", "; ")
		}
		fmt.Fprintf(&p.text, "| `%s` | %s | %s |\n", key, p.kind(f.Type, parts), strings.ReplaceAll(meaning, "|", "\\|"))
	}
}

// kind names a type, and notes those that have a section of their own.
func (p *resultPage) kind(typ reflect.Type, parts *[]reflect.Type) string {
	switch typ.Kind() {
	case reflect.Pointer:
		return p.kind(typ.Elem(), parts)
	case reflect.Slice:
		return "list of " + p.kind(typ.Elem(), parts)
	case reflect.Map:
		return "object: " + p.kind(typ.Elem(), parts) + " by name"
	case reflect.String:
		return "text"
	case reflect.Bool:
		return "true or false"
	case reflect.Float64:
		return "number"
	case reflect.Struct:
		if typ == reflect.TypeFor[time.Time]() {
			return "time"
		}
		if typ == reflect.TypeFor[report.Mergeable]() {
			return "for `report merge` alone, of the same version"
		}
		*parts = append(*parts, typ)
		return fmt.Sprintf("[%s](#%s)", typ.Name(), strings.ToLower(typ.Name()))
	}
	return "whole number"
}

// fieldComments returns the comments of types, and those at the end of the lines of
// their fields.
func fieldComments(t *testing.T) map[string]string {
	t.Helper()
	comments := map[string]string{}
	var files []string
	for _, dir := range []string{".", "../tally"} {
		list, err := filepath.Glob(filepath.Join(dir, "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, list...)
	}
	for _, name := range files {
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range f.Decls {
			if g, ok := d.(*ast.GenDecl); ok && g.Tok == token.TYPE {
				typeComments(g, comments)
			}
		}
	}
	return comments
}

func typeComments(g *ast.GenDecl, comments map[string]string) {
	for _, s := range g.Specs {
		spec := s.(*ast.TypeSpec) // of a declaration of types
		st, ok := spec.Type.(*ast.StructType)
		if !ok || !spec.Name.IsExported() {
			continue
		}
		comments[spec.Name.Name] = strings.Join(strings.Fields(g.Doc.Text()), " ")
		for _, f := range st.Fields.List {
			for _, name := range f.Names {
				comments[spec.Name.Name+"."+name.Name] = strings.TrimSpace(f.Comment.Text())
			}
		}
	}
}
