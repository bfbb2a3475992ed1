package main

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// refused are words that make a sentence harder to read than it needs to be.
var refused = regexp.MustCompile(`(?i)\b(lend|lends|lender|anew|whom|whoever|is let be|makes? of (it|them|an?|the)\b)`)

func TestPagesHelpAndCommentsArePlain(t *testing.T) {
	root := moduleRoot(t)
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && path != root && (strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata"):
			return filepath.SkipDir
		case d.IsDir() || strings.HasSuffix(path, "_test.go"):
			return nil
		}
		name, _ := filepath.Rel(root, path)
		switch filepath.Ext(path) {
		case ".md", ".yaml":
			text, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			checkWords(t, name, string(text))
		case ".go":
			checkComments(t, name, path)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	eachCommand(t, func(t *testing.T, c *cobra.Command) { checkWords(t, c.CommandPath()+" -h", helpOf(t, c)) })
	if !refused.MatchString("what a device makes of a rule") || refused.MatchString("the server makes a file of 3 MB") {
		t.Error("the words are not recognised")
	}
}

func checkWords(t *testing.T, where, text string) {
	t.Helper()
	for i, line := range strings.Split(text, "\n") {
		if word := refused.FindString(line); word != "" {
			t.Errorf("%s:%d: %q in: %s", where, i+1, word, strings.TrimSpace(line))
		}
	}
}

func checkComments(t *testing.T, name, path string) {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	for _, group := range f.Comments {
		checkWords(t, name, strings.ReplaceAll(group.Text(), "\n", " "))
	}
}
