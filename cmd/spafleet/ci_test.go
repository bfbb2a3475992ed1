package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// A test that a script names must be there: go test -run passes where it finds none.
func TestScriptsNameTestsThatAreThere(t *testing.T) {
	var tests []string
	for dir := range sources(t) {
		files, err := filepath.Glob(filepath.Join("..", "..", dir, "*_test.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			tests = append(tests, regexp.MustCompile(`(?m)^func Test\w+\(`).FindAllString(string(text), -1)...)
		}
	}
	named := 0
	for _, script := range []string{"Makefile", ".ci/test"} {
		text, err := os.ReadFile(filepath.Join("..", "..", script))
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`(?m)(?:-run |^alone=|^virtual=)'?([A-Za-z|]+)`).FindAllStringSubmatch(string(text), -1) {
			for word := range strings.SplitSeq(m[1], "|") {
				named++
				if !strings.Contains(strings.Join(tests, "\n"), word) {
					t.Errorf("%s runs %s, and no test is called so", script, word)
				}
			}
		}
	}
	if named < 5 {
		t.Errorf("the scripts name %d tests", named)
	}
}
