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
	"path"
	"strings"

	"spafleet/device/model"
)

//go:embed *.yaml bugs/*.yaml
var builtin embed.FS

// Folders of the scenarios that come with the program.
const (
	everyday = "."
	ofBugs   = "bugs"
)

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
	for _, folder := range []string{everyday, ofBugs} {
		if src, err := builtin.ReadFile(path.Join(folder, name+".yaml")); err == nil {
			return File{Name: name + ".yaml", Text: src}, nil
		}
	}
	return File{}, fmt.Errorf("no scenario is called %q%s", name, cmp.Or(model.DidYouMean(name, append(Names(), BugNames()...)), "; there are "+strings.Join(Names(), ", ")+", and the bugs of docs/bugs.md"))
}

// Names returns the scenarios that come with the program, without those of bugs.
func Names() []string { return namesIn(everyday) }

// BugNames returns the scenarios of bugs that come with the program.
func BugNames() []string { return namesIn(ofBugs) }

func namesIn(folder string) []string {
	files, err := fs.Glob(builtin, path.Join(folder, "*.yaml"))
	if err != nil {
		return nil
	}
	for i := range files {
		files[i] = strings.TrimSuffix(path.Base(files[i]), ".yaml")
	}
	return files
}
