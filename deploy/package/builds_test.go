package main

import (
	"bytes"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
)

// release builds a release of a copy of the sources in a folder, and returns its files.
func release(t *testing.T, folder string, env ...string) (files map[string][]byte, root string) {
	t.Helper()
	root = filepath.Join(t.TempDir(), folder)
	if err := os.CopyFS(root, os.DirFS("../..")); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{".git", "bin"} {
		if err := os.RemoveAll(filepath.Join(root, name)); err != nil {
			t.Fatal(err)
		}
	}
	c := exec.CommandContext(t.Context(), filepath.Join(root, ".ci", "dist"), "linux/arm64")
	c.Dir, c.Env = root, append(append(os.Environ(), "VERSION=v1.2.3", "GOCACHE="+t.TempDir()), env...)
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	paths, err := filepath.Glob(filepath.Join(root, "bin", "*"))
	if err != nil {
		t.Fatal(err)
	}
	files = map[string][]byte{}
	for _, path := range paths {
		if files[filepath.Base(path)], err = os.ReadFile(path); err != nil {
			t.Fatal(err)
		}
	}
	return files, root
}

// Two builds of a release have the same bytes, whatever their folder, the user's settings
// of Go, and what is in the cache of builds.
func TestTwoBuildsOfAReleaseAreTheSame(t *testing.T) {
	one, root := release(t, "spafleet", "TZ=Asia/Tokyo")
	two, _ := release(t, "some/where/else", "TZ=UTC", "GOFLAGS=-p=1", "GOARM64=v8.2", "LC_ALL=C")
	if got, want := slices.Sorted(maps.Keys(one)), []string{"NOTICES", "SHA256SUMS", "spafleet-1.2.3-1.aarch64.rpm", "spafleet-linux-arm64", "spafleet-linux-arm64.cdx.json", "spafleet_1.2.3_arm64.deb"}; !slices.Equal(got, want) {
		t.Errorf("built are %v, want %v", got, want)
	}
	for name := range one {
		if !bytes.Equal(one[name], two[name]) {
			t.Errorf("%s: %d and %d bytes that differ", name, len(one[name]), len(two[name]))
		}
	}
	if program := one["spafleet-linux-arm64"]; !bytes.Contains(program, []byte("v1.2.3,,")) || bytes.Contains(program, []byte(root)) {
		t.Error("the program has no version, or a path of this machine")
	}
}
