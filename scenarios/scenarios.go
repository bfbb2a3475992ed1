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
	"embed"
	"fmt"
	"io/fs"
	"strings"
)

//go:embed *.yaml
var builtin embed.FS

// Builtin returns a scenario that comes with the program.
func Builtin(name string) (*Scenario, error) {
	src, err := builtin.ReadFile(name + ".yaml")
	if err != nil {
		return nil, fmt.Errorf("no scenario is called %q; there are %s", name, strings.Join(Names(), ", "))
	}
	return Load(name+".yaml", src)
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
