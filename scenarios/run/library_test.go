package run_test

import (
	"bytes"
	"context"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"spafleet/certs"
	"spafleet/device/model"
	"spafleet/scenarios"
	"spafleet/scenarios/report"
	"spafleet/scenarios/run"
	"spafleet/scenarios/scenariotest"
)

// bugs have one PKI, for its keys take longer to make than the runs do.
var bugs = run.Options{Machine: scenarios.Machine{PKI: certs.New(1)}}

// What causes a bug where no switch does.
const (
	byModel = "model"
	bySet   = "set"
)

func bugOf(t *testing.T, name string) *scenarios.Scenario {
	t.Helper()
	s, err := scenarios.Builtin(name)
	if err != nil {
		t.Fatal(err)
	}
	if s.Bug == nil {
		t.Fatalf("%s is about no bug", name)
	}
	return s
}

// Each bug shows on every affected device and on no other one, and is gone with each
// cure.
func TestEachBugShowsAndIsCured(t *testing.T) {
	t.Parallel()
	for _, name := range scenarios.BugNames() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := bugOf(t, name)
			if s.Name != name || s.About == "" || len(s.Bug.Trait) == 0 {
				t.Errorf("name %q, about %q, trait %q", s.Name, s.About, s.Bug.Trait)
			}
			r := scenariotest.Start(t, s, bugs)
			scenariotest.WantVerdict(t, r, report.Passed)
			if b := r.Bug; b.Affected.Devices < 2 || b.Unaffected.Devices == 0 || len(b.Cures) == 0 || r.Devices > 10 {
				t.Errorf("%d affected, %d unaffected, %d in all, %d cures", b.Affected.Devices, b.Unaffected.Devices, r.Devices, len(b.Cures))
			}
		})
	}
}

// No two bugs are seen by the same sign of the same cause.
func TestNoBugIsACopyOfAnother(t *testing.T) {
	seen := map[string]string{}
	for _, name := range scenarios.BugNames() {
		b := bugOf(t, name).Bug
		for _, what := range []string{b.Symptom, strings.Join(b.Trait, " ") + ": " + strings.Join(strings.Fields(b.Shows), " ")} {
			if other, ok := seen[what]; ok {
				t.Errorf("%s and %s have the same %q", other, name, what)
			}
			seen[what] = name
		}
	}
}

// sides returns the groups of a bug's two sides.
func sides(s *scenarios.Scenario) (affected, unaffected []*scenarios.Group) {
	for i := range s.Fleet {
		g := &s.Fleet[i]
		switch {
		case slices.Contains(s.Bug.Affected, g.Name):
			affected = append(affected, g)
		case slices.Contains(s.Bug.Unaffected, g.Name):
			unaffected = append(unaffected, g)
		}
	}
	return affected, unaffected
}

// valuesOf returns the values that a switch has in the rows of groups.
func valuesOf(t *testing.T, groups []*scenarios.Group, name string) map[string]bool {
	t.Helper()
	values := map[string]bool{}
	for _, g := range groups {
		for _, share := range g.Shares() {
			row, err := model.NewRow(share.Model, share.Firmware, g.Switches)
			if err != nil {
				t.Fatal(err)
			}
			values[row.Switch(name).Value] = true
		}
	}
	return values
}

// A turn takes from the affected devices what may cause a bug, and gives them what the
// others have.
type turn struct {
	trait, to string
	do        func(affected, unaffected *scenarios.Group)
}

// turnsOf returns the turns of a bug: of each switch that some bug names and in which
// its sides differ, of what the devices are set to, and of the model where it says that
// this is the cause.
func turnsOf(t *testing.T, s *scenarios.Scenario, named []string) []turn {
	t.Helper()
	affected, unaffected := sides(s)
	turns := []turn{{bySet, "that of the others", func(a, u *scenarios.Group) { a.Set = u.Set }}}
	if slices.Contains(s.Bug.Trait, byModel) {
		turns = append(turns, turn{byModel, "that of the others", func(a, u *scenarios.Group) {
			a.Model, a.Firmware, a.Mix, a.Count = u.Model, u.Firmware, u.Mix, u.Count
		}})
	}
	for _, name := range named {
		have := valuesOf(t, affected, name)
		for _, value := range slices.Sorted(maps.Keys(valuesOf(t, unaffected, name))) {
			if !have[value] {
				turns = append(turns, turn{name, value, func(a, _ *scenarios.Group) {
					a.Switches = maps.Clone(a.Switches)
					a.Turn(name, value)
				}})
			}
		}
	}
	return turns
}

// A bug is gone when what it names is turned to what the unaffected devices have, and
// for no other cause.
func TestEachBugNamesItsCauses(t *testing.T) {
	t.Parallel()
	var named []string
	for _, name := range scenarios.BugNames() {
		for _, trait := range bugOf(t, name).Bug.Trait {
			if trait != byModel && trait != bySet && !slices.Contains(named, trait) {
				named = append(named, trait)
			}
		}
	}
	for _, name := range scenarios.BugNames() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			plain := bugOf(t, name)
			gone := map[string]bool{}
			for _, turn := range turnsOf(t, plain, named) {
				s := bugOf(t, name)
				s.Bug.Cures = nil
				affected, unaffected := sides(s)
				for i, g := range affected {
					turn.do(g, unaffected[min(i, len(unaffected)-1)])
				}
				r, err := run.Run(context.WithoutCancel(t.Context()), s, bugs)
				if err != nil {
					t.Fatalf("%s = %s: %v", turn.trait, turn.to, err)
				}
				b := r.Bug
				switch names := slices.Contains(plain.Bug.Trait, turn.trait); {
				case b.Unaffected.Showed > 0:
					t.Errorf("%s = %s: the others show it", turn.trait, turn.to)
				case b.Affected.Showed == 0 && names:
					gone[turn.trait] = true
				case b.Affected.Showed != b.Affected.Devices:
					t.Errorf("%s = %s: it shows on %d of %d devices, and trait is %q", turn.trait, turn.to, b.Affected.Showed, b.Affected.Devices, plain.Bug.Trait)
				}
			}
			for _, trait := range plain.Bug.Trait {
				if !gone[trait] {
					t.Errorf("trait names %s, and no value that the others have of it ends the bug", trait)
				}
			}
		})
	}
}

// What a bug is stands in its file and in the firmware tables: other code knows no bug
// by name.
func TestNoCodeKnowsABugByName(t *testing.T) {
	root, read := filepath.Join("..", ".."), 0
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(path) != ".go" || strings.HasSuffix(path, "_test.go") {
			return err
		}
		text, err := os.ReadFile(path)
		read++
		for _, name := range scenarios.BugNames() {
			// The expression is slow, and most files have no such word.
			if bytes.Contains(text, []byte(name)) && regexp.MustCompile(`\b`+regexp.QuoteMeta(name)+`\b`).Match(text) {
				t.Errorf("%s names the bug %s", path, name)
			}
		}
		return err
	})
	if err != nil || read < 300 {
		t.Errorf("%d files, %v", read, err)
	}
}
