package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// modules runs .ci/modules.
func modules(t *testing.T, args ...string) string {
	t.Helper()
	return runIn(t, moduleRoot(t), "go", append([]string{"run", "./.ci/modules"}, args...)...)
}

// This test is a program with all modules of spafleet, and those of its tests.
func TestLicencesOfTheModulesAreAllowed(t *testing.T) {
	t.Parallel()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	list := modules(t, "check", self)
	for _, want := range []string{`(?m)^Apache-2.0 +github.com/spf13/cobra v`, `(?m)^MPL-2.0 +github.com/hashicorp/golang-lru/v2 v`, `(?m)^BSD-3-Clause +golang.org/x/net v`} {
		if !regexp.MustCompile(want).MatchString(list) {
			t.Errorf("no line %s in\n%s", want, list)
		}
	}
}

func TestAPartsListHasEachModule(t *testing.T) {
	t.Parallel()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	text := modules(t, "sbom", "--version", "v1.2.3", self)
	var list struct {
		BomFormat, SpecVersion string
		Metadata               struct{ Component struct{ Version string } }
		Components             []struct {
			Name, Version, PURL string
			Licenses            []struct{ License struct{ ID string } }
		}
		Dependencies []struct{ DependsOn []string }
	}
	if err := json.Unmarshal([]byte(text), &list); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	if list.BomFormat != "CycloneDX" || list.SpecVersion != "1.6" || list.Metadata.Component.Version != "v1.2.3" {
		t.Errorf("it says %s %s of %s", list.BomFormat, list.SpecVersion, list.Metadata.Component.Version)
	}
	found := map[string]bool{}
	for _, c := range list.Components {
		found[c.Name] = true
		if len(c.Licenses) != 1 || c.Licenses[0].License.ID == "" || c.Version == "" || !strings.HasPrefix(c.PURL, "pkg:golang/"+c.Name+"@") {
			t.Errorf("%+v", c)
		}
	}
	for line := range strings.Lines(modules(t, "check", self)) {
		if name := strings.Fields(line)[1]; !found[name] {
			t.Errorf("%s is not in the parts list", name)
		}
	}
	if !found["std"] || len(list.Dependencies) != 1 || len(list.Dependencies[0].DependsOn) != len(list.Components) {
		t.Errorf("%d components, needed: %v", len(list.Components), list.Dependencies)
	}
}

func TestWhatModulesRefuses(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	text := filepath.Join(dir, "no-program")
	if err := os.WriteFile(text, []byte("#!/bin/sh\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(dir, "modules")
	runIn(t, moduleRoot(t), "go", "build", "-o", program, "./.ci/modules")
	for want, args := range map[string][]string{
		"usage: ":                       {"sbom"},
		"is it a program that Go built": {"check", text},
		"a parts list is of one":        {"sbom", program, program},
		"no modules":                    {"check", program},
	} {
		out, err := exec.CommandContext(t.Context(), program, args...).CombinedOutput()
		if err == nil || !strings.Contains(string(out), want) {
			t.Errorf("%v: %v, %s; want %q", args, err, out, want)
		}
	}
}

func globbed(t *testing.T, pattern string) []string {
	t.Helper()
	paths, err := filepath.Glob(pattern)
	if err != nil || len(paths) == 0 {
		t.Fatalf("%s: %d files, %v", pattern, len(paths), err)
	}
	return paths
}
