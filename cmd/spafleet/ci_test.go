package main

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
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

// A test that is left out under the race detector must run without it: its package is
// one of those that the script names, or has no turn under the detector.
func TestWhatTheDetectorLeavesOutRunsWithoutIt(t *testing.T) {
	root := moduleRoot(t)
	script, err := os.ReadFile(filepath.Join(root, ".ci", "test"))
	if err != nil {
		t.Fatal(err)
	}
	said := func(name string) string {
		m := regexp.MustCompile(`(?m)^` + name + `=['"](.*)['"]$`).FindSubmatch(script)
		if m == nil {
			t.Fatalf(".ci/test does not set %s", name)
		}
		return string(m[1])
	}
	left, one := regexp.MustCompile(said("virtual")), strings.Fields(said("one"))
	out := runIn(t, root, filepath.Join(root, ".ci", "packages"), "--concurrent")
	found := map[string]bool{}
	for path := range strings.FieldsSeq(out) {
		dir := "." + strings.TrimPrefix(path, modulePath(t))
		files, err := filepath.Glob(filepath.Join(root, dir, "*_test.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range regexp.MustCompile(`(?m)^func (Test\w+)\(`).FindAllStringSubmatch(string(text), -1) {
				if left.MatchString(m[1]) {
					found[dir] = true
				}
			}
		}
	}
	if got := slices.Sorted(maps.Keys(found)); !slices.Equal(got, slices.Sorted(slices.Values(one))) {
		t.Errorf("tests of %v are left out under the race detector, and run without it in %v", got, one)
	}
}
