package main

import (
	"archive/zip"
	"bytes"
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

// A program with a module under a licence that is not allowed is refused, and the module
// named; one whose licence is not found, as well.
func TestALicenceThatIsNotAllowedIsRefused(t *testing.T) {
	t.Parallel()
	checker := filepath.Join(t.TempDir(), "modules")
	runIn(t, moduleRoot(t), "go", "build", "-o", checker, "./.ci/modules")
	for licence, allowed := range map[string]bool{
		"The MIT License. Permission is hereby granted, free of charge, to any person obtaining a copy": true,
		"GNU GENERAL PUBLIC LICENSE\nVersion 3, 29 June 2007":                                           false,
		"All rights reserved.": false,
	} {
		dir := t.TempDir()
		proxied(t, filepath.Join(dir, "proxy"), licence)
		env := append(os.Environ(), "GOPROXY=file://"+filepath.ToSlash(dir)+"/proxy", "GONOSUMDB=*", "GOFLAGS=-mod=mod -modcacherw", "GOMODCACHE="+filepath.Join(dir, "cache"), "GOWORK=off")
		write(t, filepath.Join(dir, "own", "go.mod"), []byte("module own\n\ngo 1.26\n\nrequire example.com/part v1.0.0\n"))
		write(t, filepath.Join(dir, "own", "main.go"), []byte("package main\n\nimport _ \"example.com/part\"\n\nfunc main() {}\n"))
		for _, args := range [][]string{{"go", "build", "-o", "program", "."}, {checker, "check", "program"}} {
			c := exec.CommandContext(t.Context(), args[0], args[1:]...)
			c.Dir, c.Env = filepath.Join(dir, "own"), env
			out, err := c.CombinedOutput()
			if wanted := args[0] == "go" || allowed; (err == nil) != wanted || !wanted && !strings.Contains(string(out), "example.com/part") {
				t.Errorf("%q: %v: %v\n%s", licence, args, err, out)
			}
		}
	}
}

// proxied writes a proxy of one module with a licence.
func proxied(t *testing.T, dir, licence string) {
	t.Helper()
	versions := filepath.Join(dir, "example.com", "part", "@v")
	const mod = "module example.com/part\n\ngo 1.26\n"
	write(t, filepath.Join(versions, "list"), []byte("v1.0.0\n"))
	write(t, filepath.Join(versions, "v1.0.0.info"), []byte(`{"Version": "v1.0.0"}`))
	write(t, filepath.Join(versions, "v1.0.0.mod"), []byte(mod))
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for name, text := range map[string]string{"go.mod": mod, "part.go": "package part\n", "LICENSE": licence} {
		w, err := z.Create("example.com/part@v1.0.0/" + name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(versions, "v1.0.0.zip"), b.Bytes())
}

func globbed(t *testing.T, pattern string) []string {
	t.Helper()
	paths, err := filepath.Glob(pattern)
	if err != nil || len(paths) == 0 {
		t.Fatalf("%s: %d files, %v", pattern, len(paths), err)
	}
	return paths
}
