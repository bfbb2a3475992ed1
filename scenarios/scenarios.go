// Package scenarios reads scenario files: devices, servers, timeline,
// expectations.
//
// [Load] reads a file and reports every mistake in it with its line. [Builtin] has
// the scenarios that come with the program. [NewPlan] checks a scenario that is
// complete, and compiles it. Package scenarios/forecast says what it will take,
// package scenarios/run runs it and checks the expectations.
//
// The format is that of docs/scenario.md.
package scenarios

import (
	"cmp"
	"embed"
	"fmt"
	"io/fs"
	"strings"

	"spafleet/device/model"
)

//go:embed *.yaml
var builtin embed.FS

// Builtin returns a scenario that comes with the program.
func Builtin(name string) (*Scenario, error) {
	f, err := BuiltinFile(name)
	if err != nil {
		return nil, err
	}
	return f.Load()
}

// BuiltinFile returns the file of a scenario that comes with the program.
func BuiltinFile(name string) (File, error) {
	src, err := builtin.ReadFile(name + ".yaml")
	if err != nil {
		return File{}, fmt.Errorf("no scenario is called %q%s", name, cmp.Or(model.DidYouMean(name, Names()), "; there are "+strings.Join(Names(), ", ")))
	}
	return File{Name: name + ".yaml", Text: src}, nil
}

// Names returns the scenarios that come with the program.
func Names() []string {
	entries, err := fs.Glob(builtin, "*.yaml")
	if err != nil {
		return nil
	}
	for i := range entries {
		entries[i] = strings.TrimSuffix(entries[i], ".yaml")
	}
	return entries
}
