// Package scenarios reads scenarios that a fleet acts out, runs them and judges
// what came of them.
//
// A scenario is one file: who acts, what answers, what happens when, and what is
// claimed. [Load] reads one and reports everything that is wrong in it, each
// mistake with its line; [Run] acts it out over real sockets and returns a
// [Report]. [Builtin] has the scenarios that come with the program.
//
// The format is that of docs/scenario.md. This is its first slice: real time,
// the embedded server's files, steps that act on devices, expectations.
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
