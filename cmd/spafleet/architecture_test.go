package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
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

// topFolders are the ranks of the top folders, as ARCHITECTURE.md has them.
func topFolders(t *testing.T) map[string]int {
	t.Helper()
	_, line, ok := strings.Cut(architecture(t), "\nTop folders, lowest first: ")
	if !ok {
		t.Fatal("ARCHITECTURE.md has no line of top folders")
	}
	line, _, _ = strings.Cut(line, "\n")
	ranks := map[string]int{}
	for rank, names := range strings.Split(line, " · ") {
		for name := range strings.FieldsSeq(names) {
			ranks[name] = rank
		}
	}
	return ranks
}

// beside are the folders that stand beside the others: nothing imports them.
var beside = []string{"bench", "deploy", "docs"}

// sources calls f for each Go file that is no test: package folder and path.
func sources(t *testing.T, f func(folder, path string)) {
	t.Helper()
	root := filepath.Join("..", "..")
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && path != root && (strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata" || d.Name() == "deploy"):
			return filepath.SkipDir
		case d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go"):
			return nil
		}
		folder, err := filepath.Rel(root, filepath.Dir(path))
		f(filepath.ToSlash(folder), path)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func topOf(folder string) string {
	top, _, _ := strings.Cut(folder, "/")
	return top
}

// aboveIts says why a folder must not import another; "" where it may.
func aboveIts(ranks map[string]int, from, to string) string {
	from, to = topOf(from), topOf(to)
	rank, drawn := ranks[from]
	switch {
	case from == to || slices.Contains(beside, from) && !slices.Contains(beside, to):
		return ""
	case slices.Contains(beside, to):
		return to + " stands beside the others: nothing imports it"
	case !drawn:
		return from + " is not among the top folders of ARCHITECTURE.md"
	case ranks[to] >= rank:
		return to + " does not stand below " + from + " in ARCHITECTURE.md"
	}
	return ""
}

func TestTopFoldersImportLowerOnesOnly(t *testing.T) {
	ranks := topFolders(t)
	sources(t, func(folder, path string) {
		if folder == "certs/interop" || strings.HasPrefix(folder, "host/golden") || strings.HasSuffix(folder, "test") {
			return // support of tests
		}
		for _, to := range imports(t, path) {
			if why := aboveIts(ranks, folder, to); why != "" {
				t.Errorf("%s imports %s: %s", path, to, why)
			}
		}
	})
	for _, pair := range [][2]string{{"device/model", "fleet"}, {"resync", "prov"}, {"fsm", "host"}, {"cmd/spafleet", "bench/harness"}} {
		if aboveIts(ranks, pair[0], pair[1]) == "" {
			t.Errorf("%s may import %s", pair[0], pair[1])
		}
	}
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
	exist := map[string]bool{}
	sources(t, func(folder, _ string) { exist[folder] = true })
	for folder := range exist {
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
