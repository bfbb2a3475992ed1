// Package golden holds what tests expect in files. With -update a test writes
// its file in place of comparing: look at the diff before you commit it.
package golden

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the golden files")

// Update reports whether the tests are to write their files.
func Update() bool { return *update }

// File compares got with a file, or writes it. A missing file is a difference.
func File(t testing.TB, path string, got []byte) {
	t.Helper()
	if *update {
		write(t, path, got)
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Errorf("%v; run go test . -run '^%s$' -update", err, t.Name())
		return
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s differs; run go test . -run '^%s$' -update and look at the diff%s", path, t.Name(), firstDifference(got, want))
	}
}

// Section compares got with what stands in a file between a begin and an end
// mark, each of which must be there once, or writes it there.
func Section(t testing.TB, path, begin, end, got string) {
	t.Helper()
	have, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	head, rest, ok := strings.Cut(string(have), begin)
	_, tail, closed := strings.Cut(rest, end)
	if !ok || !closed {
		t.Fatalf("%s lacks the mark %q or %q", path, begin, end)
	}
	File(t, path, []byte(head+begin+got+end+tail))
}

func write(t testing.TB, path string, got []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, got, 0o666); err != nil {
		t.Fatal(err)
	}
}

// firstDifference shows the first line that is not the same.
func firstDifference(got, want []byte) string {
	a, b := strings.Split(string(got), "\n"), strings.Split(string(want), "\n")
	for i := range max(len(a), len(b)) {
		switch {
		case i >= len(a):
			return "\nthe file has more: " + b[i]
		case i >= len(b):
			return "\nthe file lacks: " + a[i]
		case a[i] != b[i]:
			return "\n got: " + a[i] + "\nwant: " + b[i]
		}
	}
	return ""
}
