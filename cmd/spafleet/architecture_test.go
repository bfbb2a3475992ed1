package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

func architecture(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "ARCHITECTURE.md"))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// Each package stands in the table of ARCHITECTURE.md on the floor that the test
// of floors holds it to.
func TestTheDrawingHasEveryPackageOnItsFloor(t *testing.T) {
	drawn := map[string]int{}
	for _, row := range regexp.MustCompile("(?m)^\\| (\\d+) \\| ((?:`[^`]+` ?)+)\\|").FindAllStringSubmatch(architecture(t), -1) {
		floor, err := strconv.Atoi(row[1])
		if err != nil {
			t.Fatal(err)
		}
		for name := range strings.FieldsSeq(strings.ReplaceAll(row[2], "`", "")) {
			drawn[name] = floor
		}
	}
	for folder := range sources(t) {
		floor, ok := drawn[folder]
		if !ok && strings.HasPrefix(folder, "bench/") {
			floor, ok = drawn["bench/…"], true
		}
		if !ok || floor != floors[folder] {
			t.Errorf("ARCHITECTURE.md has %s on floor %d (drawn: %v), the test of floors on %d", folder, floor, ok, floors[folder])
		}
		delete(drawn, folder)
	}
	delete(drawn, "bench/…")
	for folder := range drawn {
		if _, err := os.Stat(filepath.Join("..", "..", folder)); err != nil {
			t.Errorf("ARCHITECTURE.md draws %s, which does not exist", folder)
		}
	}
}

func TestTheAnswersOfTheArchitectureResolve(t *testing.T) {
	_, section, _ := strings.Cut(architecture(t), "\n## Where is it decided")
	answers := regexp.MustCompile("(?m)^\\| .+\\? \\| `([^`#]+)#([^`]+)` \\|$").FindAllStringSubmatch(section, -1)
	if len(answers) < 20 {
		t.Errorf("%d answers, want 20", len(answers))
	}
	for _, a := range answers {
		if names := declared(t, a[1]); !slices.Contains(names, a[2]) {
			t.Errorf("%s declares no %s", a[1], a[2])
		}
	}
	if names := declared(t, "cmd/spafleet/main.go"); slices.Contains(names, "nobody") || !slices.Contains(names, "exitWith.Error") {
		t.Errorf("main.go declares %v", names)
	}
}

// declared returns what a file declares: Name, or Type.Method.
func declared(t *testing.T, path string) []string {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), filepath.Join("..", "..", filepath.FromSlash(path)), nil, 0)
	if err != nil {
		t.Error(err)
		return nil
	}
	var names []string
	for _, d := range f.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			names = append(names, receiver(d)+d.Name.Name)
		case *ast.GenDecl:
			for _, s := range d.Specs {
				switch s := s.(type) {
				case *ast.TypeSpec:
					names = append(names, s.Name.Name)
				case *ast.ValueSpec:
					for _, n := range s.Names {
						names = append(names, n.Name)
					}
				}
			}
		}
	}
	return names
}

func receiver(d *ast.FuncDecl) string {
	if d.Recv == nil {
		return ""
	}
	kind := d.Recv.List[0].Type
	if p, ok := kind.(*ast.StarExpr); ok {
		kind = p.X
	}
	if g, ok := kind.(*ast.IndexExpr); ok {
		kind = g.X
	}
	if name, ok := kind.(*ast.Ident); ok {
		return name.Name + "."
	}
	return "?."
}
