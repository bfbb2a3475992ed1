package main

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// floors are the storeys of the program, as ARCHITECTURE.md draws them. A package
// imports lower floors only, never a neighbour: so each can be understood, tested
// and replaced without what stands above or beside it. Tests may look up.
var floors = map[string]int{
	"fsm": 0, "device/profile": 0, "device/rule": 0, "device/hint": 0, "device/phase": 0, "resync/path": 0, "resync/body": 0, "device/digest": 0, "resync/image": 0, "resync/tftp/packet": 0, "certs/ssl": 0, "host": 0, "host/golden": 0, "host/deaf": 0, "host/tty": 0, "host/tty/ttytest": 0, "host/lines": 0, "host/yamltext": 0, "device/measure": 0, "device/chance": 0, "device/syslog": 0,
	"device/model":      1,
	"device":            2,
	"device/devicetest": 3, "device/rulecheck": 3, "device/inventory": 3, "device/observed": 3,
	"scenarios/accesslog": 3,
	"resync":              3, "resync/fault": 3, "certs": 3, "ivr": 3, "webui": 3, "device/sip": 3, "device/dhcp": 3, "scenarios/tally": 3,
	"certs/trust": 4, "resync/unit": 4, "resync/fault/faulttest": 4, "scenarios/report": 4, "device/profilecheck": 4, "scenarios/doctor/finding": 4, "scenarios/probe/settings": 4,
	"resync/capture": 4,
	"resync/tftp":    4, // the client without its sockets: fetch and modelled use the same one
	"resync/fetch":   5, "resync/modelled": 5, "prov": 5, "fleet/state": 5,
	"fleet": 6, "scenarios/doctor/answer": 6, "scenarios/probe/page": 6, "scenarios/console/page": 6,
	"scenarios/expression": 5, "scenarios/report/compare": 5, "scenarios/report/junit": 5, "scenarios/report/webpage": 5, "scenarios/report/why": 5,
	"scenarios": 7, "fleet/fleettest": 7,
	"scenarios/fromlog":  9,
	"scenarios/forecast": 8, "scenarios/bundle": 8,
	"scenarios/run":      9,
	"scenarios/capacity": 10, "scenarios/doctor": 10, "scenarios/probe": 10, "scenarios/console": 10, "scenarios/live": 10, "scenarios/scenariotest": 10,
	"cmd/spafleet": 11, "scenarios/probe/probetest": 11,
	"bench/workload": 11,
	"bench/harness":  12,
	// The instruments and the tests against other programs. Nothing imports them.
	"bench/extproc": 13, "bench/check": 13, "bench/idle": 13, "bench/http": 13, "bench/tftp": 13, "bench/tls": 13, "bench/virtual": 13, "bench/storm": 13,
	"bench/soak": 13, "certs/interop": 13,
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
	files := 0
	for from, list := range sources(t) {
		for _, path := range list {
			files++
			for _, to := range imports(t, path) {
				if why := upward(from, to); why != "" {
					t.Errorf("%s imports %s: %s", path, to, why)
				}
			}
		}
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
		if p, ok := strings.CutPrefix(strings.Trim(i.Path.Value, `"`), modulePath(t)+"/"); ok {
			list = append(list, p)
		}
	}
	return list
}

func TestUpwardImportsAreRefused(t *testing.T) {
	for _, pair := range [][2]string{{"device/model", "device"}, {"device", "resync"}, {"resync", "webui"}, {"fsm", "device/profile"}, {"resync/fetch", "prov"}, {"fleet", "scenarios"}} {
		if upward(pair[0], pair[1]) == "" {
			t.Errorf("%s may import %s", pair[0], pair[1])
		}
	}
	if why := upward("fleet", "resync/fetch"); why != "" {
		t.Error(why)
	}
}

// topFolders are the folders of the program, lowest first. ARCHITECTURE.md has
// the same line.
const topFolders = "fsm host · device · certs · resync · prov · ivr webui · fleet · scenarios · cmd"

// level is the place of a top folder; bench, which stands beside the house and
// which nothing imports, is above all.
func level(folder string) (int, bool) {
	if folder == "bench" {
		return 100, true
	}
	for i, together := range strings.Split(topFolders, " · ") {
		if slices.Contains(strings.Fields(together), folder) {
			return i, true
		}
	}
	return 0, false
}

func TestTopFoldersImportLowerOnes(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "ARCHITECTURE.md"))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(strings.Join(strings.Fields(string(text)), " "), topFolders) {
		t.Errorf("ARCHITECTURE.md does not say: %s", topFolders)
	}
	edges := 0
	for from, files := range sources(t) {
		for _, file := range files {
			for _, to := range imports(t, file) {
				a, b := topOf(from), topOf(to)
				if a == b {
					continue
				}
				edges++
				la, ok := level(a)
				lb, ok2 := level(b)
				if !ok || !ok2 || lb >= la {
					t.Errorf("%s imports %s: the order is %s", file, to, topFolders)
				}
			}
		}
	}
	if edges < 50 {
		t.Errorf("only %d imports between top folders", edges)
	}
}

func topOf(pkg string) string {
	top, _, _ := strings.Cut(pkg, "/")
	return top
}

// sources returns the files of each package of the module, by folder, without
// tests.
func sources(t *testing.T) map[string][]string {
	t.Helper()
	root, files := filepath.Join("..", ".."), map[string][]string{}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if name := d.Name(); path != root && (strings.HasPrefix(name, ".") || name == "testdata" || name == "deploy" || name == "bin") {
				return filepath.SkipDir
			}
			return nil
		}
		if strings.HasSuffix(path, ".go") && !strings.HasSuffix(path, "_test.go") {
			dir, err := filepath.Rel(root, filepath.Dir(path))
			if err != nil {
				return err
			}
			dir = filepath.ToSlash(dir)
			files[dir] = append(files[dir], path)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}
