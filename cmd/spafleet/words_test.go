package main

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// refusedWords are old or roundabout words that a reader would have to read twice.
var refusedWords = regexp.MustCompile(`(?i)\b(lends?|lending|lenders?|anew|whom|whoever|is let be|makes of)\b`)

// A person reads the documents, the texts that the program prints and the comments
// of the code.
func TestTextsAreInPlainWords(t *testing.T) {
	root, read := filepath.Join("..", ".."), 0
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if name := d.Name(); path != root && strings.HasPrefix(name, ".") || name == "bin" {
				return filepath.SkipDir
			}
			return nil
		}
		refuse := func(at, text string) {
			if word := refusedWords.FindString(text); word != "" {
				t.Errorf("%s: %q in: %.160s", at, word, strings.Join(strings.Fields(text), " "))
			}
		}
		switch {
		case strings.HasSuffix(path, ".go"):
			read++
			return goTexts(path, refuse)
		case isText(path):
			read++
			return eachLine(path, refuse)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if read < 300 {
		t.Errorf("only %d files were read", read)
	}
}

// isText reports whether a file other than Go code is one that people read:
// documents, scenarios, pages, and what tests expect commands to print.
func isText(path string) bool {
	switch filepath.Ext(path) {
	case ".md", ".yaml", ".html", ".golden", ".txt":
		return !strings.Contains(filepath.ToSlash(path), "testdata/fuzz/")
	}
	return filepath.Base(path) == "Makefile"
}

func eachLine(path string, refuse func(at, text string)) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	for i, line := range bytes.Split(text, []byte("\n")) {
		refuse(path+":"+strconv.Itoa(i+1), string(line))
	}
	return nil
}

// goTexts finds the comments of a file, and its strings if it is no test. The
// strings of this file's list are in a test.
func goTexts(path string, refuse func(at, text string)) error {
	files := token.NewFileSet()
	f, err := parser.ParseFile(files, path, nil, parser.ParseComments)
	if err != nil {
		return err
	}
	for _, c := range f.Comments {
		refuse(files.Position(c.Pos()).String(), c.Text())
	}
	if strings.HasSuffix(path, "_test.go") {
		return nil
	}
	ast.Inspect(f, func(n ast.Node) bool {
		if s, ok := n.(*ast.BasicLit); ok && s.Kind == token.STRING {
			if text, err := strconv.Unquote(s.Value); err == nil {
				refuse(files.Position(s.Pos()).String(), text)
			}
		}
		return true
	})
	return nil
}

func TestRefusedWordsAreFound(t *testing.T) {
	for _, text := range []string{"To whom it may concern", "Lends a goroutine", "what a firmware makes of a server", "It is let be", "begins anew"} {
		if !refusedWords.MatchString(text) {
			t.Errorf("%q passes", text)
		}
	}
	for _, text := range []string{"blend", "calendar", "makes often", "the sender"} {
		if refusedWords.MatchString(text) {
			t.Errorf("%q is refused", text)
		}
	}
}
