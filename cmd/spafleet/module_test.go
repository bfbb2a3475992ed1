package main

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// moduleRoot is the folder of go.mod.
func moduleRoot(t *testing.T) string {
	t.Helper()
	root, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	return root
}

// modulePath is what go.mod calls this module.
func modulePath(t testing.TB) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	line, _, _ := strings.Cut(string(text), "\n")
	path, ok := strings.CutPrefix(strings.TrimSpace(line), "module ")
	if !ok {
		t.Fatalf("go.mod begins with %q", line)
	}
	return path
}

// offline is the environment of a go command that reads the module cache alone. It
// builds as these tests were built, so that what they are made of is not compiled
// once more.
func offline() []string {
	return append(os.Environ(), "GOPROXY=off", "GONOSUMDB=*", "GOWORK=")
}

func runIn(t *testing.T, dir, program string, args ...string) string {
	t.Helper()
	return runAs(t, offline(), dir, program, args...)
}

// runAs runs a program in an environment, and returns what it prints.
func runAs(t *testing.T, environment []string, dir, program string, args ...string) string {
	t.Helper()
	c := exec.CommandContext(t.Context(), program, args...)
	c.Dir, c.Env = dir, environment
	out, err := c.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", program, strings.Join(args, " "), err, out)
	}
	return string(out)
}

// copyModule copies the sources, and what they embed.
func copyModule(t *testing.T, to string) {
	t.Helper()
	root := moduleRoot(t)
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		switch {
		case d.IsDir() && (d.Name() == ".git" || name == "bin"):
			return filepath.SkipDir
		case d.IsDir():
			return os.MkdirAll(filepath.Join(to, name), 0o777)
		case !d.Type().IsRegular() || strings.HasSuffix(name, ".test") || d.Name() == ".git":
			return nil
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		body, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(to, name), body, info.Mode().Perm())
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestTheModuleCanBeRenamed(t *testing.T) {
	t.Parallel()
	old, name := modulePath(t), "example.com/voip.team/fleet-of-spas"
	dir := t.TempDir()
	copyModule(t, dir)
	runIn(t, dir, filepath.Join(dir, ".ci", "module-path"), name)
	packages := strings.Fields(runIn(t, dir, "go", "list", "-deps", "-test", "./..."))
	own := 0
	for _, p := range packages {
		if p == old || strings.HasPrefix(p, old+"/") {
			t.Errorf("%s is still imported", p)
		}
		if strings.HasPrefix(p, name+"/") {
			own++
		}
	}
	if own < 25 {
		t.Errorf("only %d packages have the new name", own)
	}
	// go list has found what every import names, and gofmt below reads every file. Six
	// packages show that imports build; all of them would build what the tests are made of again.
	runIn(t, dir, "go", "build", "./device/rule")
	for _, page := range []string{"README.md", "ARCHITECTURE.md", "CONTRIBUTING.md"} {
		text, err := os.ReadFile(filepath.Join(dir, page))
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(text), `"`+old+"/") {
			t.Errorf("%s still has an import of %s", page, old)
		}
	}
	if out := runIn(t, dir, "gofmt", "-l", "."); out != "" {
		t.Errorf("not formatted: %s", out)
	}
}

func TestAModulePathThatIsNoneIsRefused(t *testing.T) {
	for _, name := range []string{"", "/spafleet", "has space", "example.com/", `a"b`} {
		c := exec.CommandContext(t.Context(), filepath.Join(moduleRoot(t), ".ci", "module-path"), name)
		out, err := c.CombinedOutput()
		if err == nil || !strings.Contains(string(out), "is not a module path") {
			t.Errorf("%q: %v, %s", name, err, out)
		}
	}
}

// TestTheReadmesOtherModule runs what README says of using the packages from a
// module of one's own: each block of commands in a new folder.
func TestTheReadmesOtherModule(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join("..", "..", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, section, ok := strings.Cut(string(text), "\n## From another Go module\n")
	if !ok {
		t.Fatal("README.md has no section of that name")
	}
	section, _, _ = strings.Cut(section, "\n## ")
	source, ways := fenced(section, "go"), fenced(section, "sh")
	if len(source) != 1 || len(ways) != 2 {
		t.Fatalf("%d sources and %d ways to run them; 1 and 2 are expected", len(source), len(ways))
	}
	name, _, ok := strings.Cut(strings.TrimPrefix(source[0], "// "), "\n")
	if !ok || !strings.HasSuffix(name, ".go") {
		t.Fatalf("the source does not begin with its name: %q", name)
	}
	for i, way := range ways {
		if i > 0 { // they differ in how packages are found; what is found is the same
			way = strings.Replace(way, "\ngo test .\n", "\ngo list -deps -test . && echo ok\n", 1)
		}
		dir := t.TempDir()
		// The checkout goes by its own path: what the tests were built of is not
		// compiled once more, as it would be by way of a link.
		beside := strings.Replace(way, "../spafleet", moduleRoot(t), 1)
		// What the reader does with an editor.
		commands := strings.Replace(beside, "# "+name+"\n", "cat >"+name+" <<'END'\n"+source[0]+"END\n", 1)
		if beside == way || commands == beside {
			t.Fatalf("the commands do not say where spafleet is, or when %s is written:\n%s", name, way)
		}
		// A workspace reads go.mod files that these tests were built without, as the reader's does.
		if out := runAs(t, append(os.Environ(), "GOWORK="), dir, "bash", "-euc", commands); !strings.Contains(out, "ok") {
			t.Errorf("%s\nprinted %s", way, out)
		}
	}
}

// fenced returns the code blocks of a language in a page.
func fenced(page, language string) []string {
	var blocks []string
	for {
		_, rest, ok := strings.Cut(page, "\n```"+language+"\n")
		if !ok {
			return blocks
		}
		block, after, _ := strings.Cut(rest, "```")
		blocks, page = append(blocks, block), after
	}
}
