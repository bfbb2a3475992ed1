// Command modules reads from programs which modules they are built of, as 'go version -m'
// does, and finds their licences in the module cache.
//
//	go run ./.ci/modules check bin/spafleet      # a licence that is not allowed is an error
//	go run ./.ci/modules notices bin/spafleet    # the texts of the licences
//	go run ./.ci/modules sbom bin/spafleet       # a parts list, CycloneDX 1.6
package main

import (
	"debug/buildinfo"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

func main() {
	if err := run(os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintf(os.Stderr, "modules: %v\n", err)
		os.Exit(1)
	}
}

// tasks are what can be asked of programs.
var tasks = map[string]func(out io.Writer, version string, programs []string) error{
	"check": check, "notices": notices, "sbom": sbom,
}

func run(args []string, out io.Writer) error {
	usage := errors.New("usage: modules check|notices|sbom [--version V] PROGRAM, and more but for sbom")
	if len(args) < 2 || tasks[args[0]] == nil {
		return usage
	}
	flags := flag.NewFlagSet(args[0], flag.ContinueOnError)
	version := flags.String("version", "", "of the programs")
	if err := flags.Parse(args[1:]); err != nil || flags.NArg() == 0 {
		return usage
	}
	return tasks[args[0]](out, *version, flags.Args())
}

// A module is a part of a program.
type module struct {
	path, version, sum string
	licence            string   // SPDX; empty where it is not known
	texts              []string // files of the licence, with their folder
}

// allowed are the licences under which a part of the program may be. All of them let the
// program be given away under its own; MPL-2.0 asks for the sources of its files, which
// the notices name.
var allowed = []string{"MIT", "BSD-2-Clause", "BSD-3-Clause", "Apache-2.0", "ISC", "MPL-2.0", "Unlicense"}

// marks are words that only the text of a licence has, the most telling first.
var marks = []struct{ licence, words string }{
	{"MPL-2.0", "mozilla public license version 2.0"}, // it names the three below
	{"AGPL-3.0", "gnu affero general public license"},
	{"LGPL", "gnu lesser general public license version"},
	{"GPL", "gnu general public license version"},
	{"Apache-2.0", "apache license version 2.0"},
	{"ISC", "permission to use, copy, modify, and/or distribute this software for any purpose"},
	{"ISC", "permission to use, copy, modify, and distribute this software for any purpose"},
	{"MIT", "permission is hereby granted, free of charge, to any person obtaining a copy"},
	{"BSD-3-Clause", "may be used to endorse or promote products derived"},
	{"BSD-2-Clause", "redistribution and use in source and binary forms"},
	{"Unlicense", "this is free and unencumbered software released into the public domain"},
}

var notWords = regexp.MustCompile(`[\s,]+`)

// licenceOf names the licence of a text.
func licenceOf(text string) string {
	plain := func(s string) string { return notWords.ReplaceAllString(strings.ToLower(s), " ") }
	text = plain(text)
	for _, m := range marks {
		if strings.Contains(text, plain(m.words)) {
			return m.licence
		}
	}
	return ""
}

// parts are the modules of programs, in the order of their paths.
func parts(programs []string) ([]module, error) {
	found := map[string]module{}
	for _, program := range programs {
		info, err := buildinfo.ReadFile(program)
		if err != nil {
			return nil, fmt.Errorf("%s: %w; is it a program that Go built?", program, err)
		}
		for _, d := range info.Deps {
			if d.Replace != nil {
				return nil, fmt.Errorf("%s: %s is replaced by %s, of which no licence is known here", program, d.Path, d.Replace.Path)
			}
			found[d.Path] = module{path: d.Path, version: d.Version, sum: d.Sum}
		}
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("%s: no modules; was it built with modules?", strings.Join(programs, ", "))
	}
	list := slices.SortedFunc(maps.Values(found), func(a, b module) int { return strings.Compare(a.path, b.path) })
	return list, findLicences(list)
}

// findLicences asks the go command where modules are, which downloads those that are not
// in the module cache, and reads their licences.
func findLicences(list []module) error {
	args := []string{"mod", "download", "-json"}
	for _, m := range list {
		args = append(args, m.path+"@"+m.version)
	}
	command := exec.Command("go", args...)
	command.Stderr = os.Stderr
	answer, err := command.Output()
	if err != nil {
		return fmt.Errorf("go mod download: %w", err)
	}
	folders := map[string]string{}
	for d := json.NewDecoder(strings.NewReader(string(answer))); ; {
		var m struct{ Path, Dir string }
		if err := d.Decode(&m); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return fmt.Errorf("go mod download: %w", err)
		}
		folders[m.Path] = m.Dir
	}
	for i := range list {
		if err := readLicence(&list[i], folders[list[i].path]); err != nil {
			return err
		}
	}
	return nil
}

var licenceFile = regexp.MustCompile(`(?i)^(un)?(licen[sc]e|copying|notice|patents)\b`)

func readLicence(m *module, folder string) error {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return fmt.Errorf("%s: %w", m.path, err)
	}
	for _, e := range entries {
		if e.IsDir() || !licenceFile.MatchString(e.Name()) || strings.HasSuffix(e.Name(), ".go") {
			continue
		}
		text, err := os.ReadFile(filepath.Join(folder, e.Name()))
		if err != nil {
			return fmt.Errorf("%s: %w", m.path, err)
		}
		m.texts = append(m.texts, strings.TrimSpace(strings.ReplaceAll(string(text), "\r\n", "\n")))
		if m.licence == "" {
			m.licence = licenceOf(string(text))
		}
	}
	return nil
}

// check prints the modules and their licences.
func check(out io.Writer, _ string, programs []string) error {
	list, err := parts(programs)
	if err != nil {
		return err
	}
	var refused []error
	for _, m := range list {
		fmt.Fprintf(out, "%-12s %s %s\n", m.licence, m.path, m.version)
		switch {
		case m.licence == "":
			refused = append(refused, fmt.Errorf("%s %s: no licence was found that .ci/modules knows", m.path, m.version))
		case !slices.Contains(allowed, m.licence):
			refused = append(refused, fmt.Errorf("%s %s: %s is not allowed; allowed are %s", m.path, m.version, m.licence, strings.Join(allowed, ", ")))
		}
	}
	return errors.Join(refused...)
}

// notices prints what licences ask to be given with the program.
func notices(out io.Writer, _ string, programs []string) error {
	list, err := parts(programs)
	if err != nil {
		return err
	}
	fmt.Fprintln(out, "spafleet has in it the modules below, and the standard library of Go. The sources of a\nmodule are at https://proxy.golang.org/MODULE/@v/VERSION.zip.")
	for _, m := range list {
		fmt.Fprintf(out, "\n%s\n%s %s: %s\n\n%s\n", strings.Repeat("=", 80), m.path, m.version, m.licence, strings.Join(m.texts, "\n\n"))
	}
	text, err := goLicence()
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "\n%s\nthe standard library of Go: BSD-3-Clause\n\n%s\n", strings.Repeat("=", 80), text)
	return nil
}

// goLicence is the licence of the Go release in use.
func goLicence() (string, error) {
	root, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		return "", fmt.Errorf("go env GOROOT: %w", err)
	}
	for _, folder := range []string{strings.TrimSpace(string(root)), filepath.Join(strings.TrimSpace(string(root)), "..")} {
		if text, err := os.ReadFile(filepath.Join(folder, "LICENSE")); err == nil {
			return strings.TrimSpace(string(text)), nil
		}
	}
	return "", fmt.Errorf("%s has no LICENSE; use the Go release of go.dev", strings.TrimSpace(string(root)))
}
