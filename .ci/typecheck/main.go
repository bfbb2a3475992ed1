// Command typecheck checks the types of the module for other systems, tests
// included: typecheck GOOS/GOARCH... It reads sources only. A build for a system
// would first compile its standard library, which takes a minute each.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
)

// A source is what go list says of a package.
type source struct {
	ImportPath, Dir, ForTest string
	Standard                 bool
	GoFiles                  []string
	ImportMap                map[string]string
	Module                   *struct {
		Main      bool
		GoVersion string
	}
	Error *struct{ Err string }
}

func main() {
	failed := false
	var group sync.WaitGroup
	var mu sync.Mutex
	for _, system := range os.Args[1:] {
		group.Go(func() {
			checked, err := check(system)
			mu.Lock()
			defer mu.Unlock()
			if err == nil && checked == 0 {
				err = errors.New("there is no package")
			}
			if err != nil {
				fmt.Fprintf(os.Stderr, "%s: %v\n", system, err)
				failed = true
			}
		})
	}
	group.Wait()
	if failed || len(os.Args) < 2 {
		os.Exit(1)
	}
}

// check returns how many packages of the module it checked, and what is wrong.
func check(system string) (int, error) {
	goos, goarch, _ := strings.Cut(system, "/")
	list := exec.Command("go", "list", "-deps", "-test", "-json=ImportPath,Dir,ForTest,Standard,GoFiles,ImportMap,Module,Error", "./...")
	list.Env = append(os.Environ(), "GOOS="+goos, "GOARCH="+goarch, "CGO_ENABLED=0")
	list.Stderr = os.Stderr
	out, err := list.StdoutPipe()
	if err != nil {
		return 0, err
	}
	if err := list.Start(); err != nil {
		return 0, err
	}
	c := checker{files: token.NewFileSet(), sizes: types.SizesFor("gc", goarch), done: map[string]*types.Package{"unsafe": types.Unsafe}}
	own := 0
	for d := json.NewDecoder(out); ; {
		var s source
		if err := d.Decode(&s); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return 0, err
		}
		if s.Error != nil {
			c.errs = append(c.errs, errors.New(s.Error.Err))
		}
		if s.ImportPath == "unsafe" || strings.HasSuffix(s.ImportPath, ".test") {
			continue // the main package of a test is made by the go command
		}
		if s.Module != nil && s.Module.Main {
			own++
		}
		c.add(s)
	}
	return own, errors.Join(append(c.errs, list.Wait())...)
}

// A checker has what was checked so far; packages come after those they import.
type checker struct {
	files *token.FileSet
	sizes types.Sizes
	done  map[string]*types.Package
	errs  []error
}

func (c *checker) add(s source) {
	main := s.Module != nil && s.Module.Main
	conf := types.Config{
		Importer:         imports{c.done, s.ImportMap},
		Sizes:            c.sizes,
		IgnoreFuncBodies: !main,
		Error: func(err error) {
			if main {
				c.errs = append(c.errs, err)
			}
		},
	}
	if s.Module != nil && s.Module.GoVersion != "" {
		conf.GoVersion = "go" + s.Module.GoVersion
	}
	mode := parser.SkipObjectResolution
	if main {
		mode |= parser.ParseComments // for go:build lines with versions
	}
	var parsed []*ast.File
	for _, name := range s.GoFiles {
		f, err := parser.ParseFile(c.files, filepath.Join(s.Dir, name), nil, mode)
		if err != nil {
			c.errs = append(c.errs, err)
			return
		}
		parsed = append(parsed, f)
	}
	path, _, _ := strings.Cut(s.ImportPath, " ")
	p, _ := conf.Check(path, c.files, parsed, nil) // what is wrong was kept by conf.Error
	c.done[s.ImportPath] = p
}

// imports finds what a package imports, which may be a variant made for a test.
type imports struct {
	done map[string]*types.Package
	as   map[string]string
}

func (i imports) Import(path string) (*types.Package, error) {
	if as, ok := i.as[path]; ok {
		path = as
	}
	if p := i.done[path]; p != nil {
		return p, nil
	}
	return nil, fmt.Errorf("%s is not there", path)
}
