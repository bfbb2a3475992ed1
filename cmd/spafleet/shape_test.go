package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// The most that a type and a package may have. What a person must hold in mind to
// change one of them should fit on a page.
const (
	mostMethods  = 40
	mostFields   = 25
	mostFiles    = 4 // that have methods of one type
	mostExported = 40
)

// shapeExceptions are types and packages above the limits, with their number of
// today. The test also fails when a number is lower, so the list can only shrink.
var shapeExceptions = map[string]int{
	"device/model.Behaviour fields": 50, // one for each switch
	"resync exported names":         42,
	"resync/fetch.Sockets files":    5, // one for each protocol
	"resync/unit.Record fields":     26,
}

// A shape is what is counted of a package.
type shape struct {
	methods, fields map[string]int
	files           map[string]map[string]bool
	exported        int
}

func TestTypesAndPackagesStaySmall(t *testing.T) {
	found := map[string]int{}
	for dir, s := range shapes(t) {
		for what, n := range s.excess(dir) {
			found[what] = n
		}
	}
	for _, what := range slices.Sorted(maps.Keys(found)) {
		if allowed, ok := shapeExceptions[what]; !ok {
			t.Errorf("%s: %d is above the limit", what, found[what])
		} else if found[what] > allowed {
			t.Errorf("%s: %d, more than the %d of its exception", what, found[what], allowed)
		} else if found[what] < allowed {
			t.Errorf("%s: %d, write that in place of %d", what, found[what], allowed)
		}
	}
	for what := range shapeExceptions {
		if found[what] == 0 {
			t.Errorf("%s is below the limit: remove its exception", what)
		}
	}
}

// excess returns what is above the limits.
func (s *shape) excess(dir string) map[string]int {
	over := map[string]int{}
	note := func(n, most int, what string, name ...string) {
		if n > most {
			over[strings.Join(append([]string{dir}, name...), ".")+" "+what] = n
		}
	}
	for name, n := range s.methods {
		note(n, mostMethods, "methods", name)
		note(len(s.files[name]), mostFiles, "files", name)
	}
	for name, n := range s.fields {
		note(n, mostFields, "fields", name)
	}
	note(s.exported, mostExported, "exported names")
	return over
}

// shapes counts the packages of the module, by folder, without tests.
func shapes(t *testing.T) map[string]*shape {
	t.Helper()
	all := map[string]*shape{}
	for dir, files := range sources(t) {
		all[dir] = &shape{methods: map[string]int{}, fields: map[string]int{}, files: map[string]map[string]bool{}}
		for _, file := range files {
			f, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
			if err != nil {
				t.Fatal(err)
			}
			all[dir].add(f, filepath.Base(file))
		}
	}
	return all
}

func (s *shape) add(f *ast.File, file string) {
	for _, d := range f.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			if d.Recv != nil {
				s.method(receiverName(d.Recv.List[0].Type), file)
			} else if d.Name.IsExported() {
				s.exported++
			}
		case *ast.GenDecl:
			if enumerates(d) {
				continue
			}
			for _, spec := range d.Specs {
				s.spec(spec)
			}
		}
	}
}

// enumerates reports whether a block of constants is the values of a type. A reader
// learns them with the type, which counts.
func enumerates(d *ast.GenDecl) bool {
	first, ok := d.Specs[0].(*ast.ValueSpec)
	if !ok || d.Tok != token.CONST || len(d.Specs) < 2 {
		return false
	}
	of, ok := first.Type.(*ast.Ident)
	return ok && of.IsExported()
}

func (s *shape) method(name, file string) {
	s.methods[name]++
	if s.files[name] == nil {
		s.files[name] = map[string]bool{}
	}
	s.files[name][file] = true
}

func (s *shape) spec(spec ast.Spec) {
	switch spec := spec.(type) {
	case *ast.ValueSpec:
		for _, n := range spec.Names {
			if n.IsExported() {
				s.exported++
			}
		}
	case *ast.TypeSpec:
		if spec.Name.IsExported() {
			s.exported++
		}
		if st, ok := spec.Type.(*ast.StructType); ok {
			for _, f := range st.Fields.List {
				s.fields[spec.Name.Name] += max(1, len(f.Names))
			}
		}
	}
}

// receiverName returns the name of a method's type.
func receiverName(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.StarExpr:
		return receiverName(e.X)
	case *ast.IndexExpr:
		return receiverName(e.X)
	case *ast.IndexListExpr:
		return receiverName(e.X)
	case *ast.Ident:
		return e.Name
	}
	return fmt.Sprintf("%T", e)
}

func TestShapeIsCounted(t *testing.T) {
	src := "package p\n\nconst A, b = 1, 2\n\nconst (\n\tC T = iota\n\tD\n)\n\ntype T[K any] struct {\n\tX, y int\n\tfmt.Stringer\n}\n\nfunc (t *T[K]) M() {}\nfunc (T[K]) n() {}\nfunc F() {}\nfunc g() {}\n"
	f, err := parser.ParseFile(token.NewFileSet(), "p.go", src, 0)
	if err != nil {
		t.Fatal(err)
	}
	s := &shape{methods: map[string]int{}, fields: map[string]int{}, files: map[string]map[string]bool{}}
	s.add(f, "p.go")
	s.add(f, "q.go")
	if s.methods["T"] != 4 || s.fields["T"] != 6 || len(s.files["T"]) != 2 || s.exported != 6 {
		t.Errorf("%+v", s)
	}
	s.methods["T"], s.exported = mostMethods+1, mostExported+1
	if over := s.excess("dir"); len(over) != 2 || over["dir.T methods"] != mostMethods+1 || over["dir exported names"] != mostExported+1 {
		t.Errorf("above the limits: %v", over)
	}
}
