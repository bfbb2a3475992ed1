package main

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// floors are the storeys of the program. A package imports lower floors only,
// never a neighbour: so each can be understood, tested and replaced without
// what stands above or beside it. Tests may look up.
var floors = map[string]int{
	"fsm": 0, "device/profile": 0, "device/rule": 0, "resync/fault": 0, "certs/ssl": 0,
	"device": 1,
	"resync": 2, "ivr": 2, "webui": 2, "certs": 2, "device/sip": 2, "device/dhcp": 2, "scenarios/report": 2,
	"resync/fetch": 3, "prov": 3,
	"fleet":     4,
	"scenarios": 5, "scenarios/doctor": 5, "webui/console": 5,
	"cmd/spafleet":  6,
	"certs/interop": 7, // tests alone
	// What the instruments share, and the instruments, which measure the whole.
	// Nothing imports them.
	"bench/harness": 6,
	"bench/extproc": 7, "bench/idle": 7, "bench/http": 7, "bench/tftp": 7, "bench/tls": 7, "bench/virtual": 7, "bench/storm": 7, "bench/soak": 7,
}

// upward returns why a package must not import another; "" where it may.
func upward(from, to string) string {
	a, known := floors[from]
	if !known {
		return "package " + from + " has no floor: give it one in floors_test.go and ARCHITECTURE.md"
	}
	b, known := floors[to]
	switch {
	case !known:
		return "package " + to + " has no floor"
	case b > a:
		return "floor " + strconv.Itoa(a) + " imports floor " + strconv.Itoa(b) + ", which stands above it"
	case b == a:
		return "both are on floor " + strconv.Itoa(a) + ": neighbours do not know each other"
	}
	return ""
}

func TestPackagesImportLowerFloorsOnly(t *testing.T) {
	root := filepath.Join("..", "..")
	files := 0
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if name := d.Name(); path != root && (strings.HasPrefix(name, ".") || name == "testdata") {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		files++
		from, err := filepath.Rel(root, filepath.Dir(path))
		if err != nil {
			return err
		}
		for _, to := range imports(t, path) {
			if why := upward(filepath.ToSlash(from), to); why != "" {
				t.Errorf("%s imports %s: %s", path, to, why)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if files < 50 {
		t.Errorf("only %d files looked at", files)
	}
}

// imports returns the packages of this module that a file imports.
func imports(t *testing.T, path string) []string {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, i := range f.Imports {
		if p, ok := strings.CutPrefix(strings.Trim(i.Path.Value, `"`), "spafleet/"); ok {
			list = append(list, p)
		}
	}
	return list
}

func TestUpwardImportsAreRefused(t *testing.T) {
	for _, pair := range [][2]string{{"device", "resync"}, {"resync", "webui"}, {"fsm", "device/profile"}, {"resync/fetch", "prov"}, {"fleet", "scenarios"}} {
		if upward(pair[0], pair[1]) == "" {
			t.Errorf("%s may import %s", pair[0], pair[1])
		}
	}
	if why := upward("fleet", "resync/fetch"); why != "" {
		t.Error(why)
	}
}
