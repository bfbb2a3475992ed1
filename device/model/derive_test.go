package model

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"spafleet/host/golden"
)

// derivationTable prints which row derives from which.
func derivationTable() string {
	var b strings.Builder
	for i, d := range derivations {
		fmt.Fprintf(&b, "%d. **%s**: %s (%s)\n", i+1, d.name, d.does, d.evidence)
	}
	b.WriteString("\n| model | from | certainty | lines of the set | of the model | parameters | what applies |\n|---|---|---|---|---|---|---|\n")
	for m := range All() {
		base := catalogue().base[m.Catalogue.Value]
		fmt.Fprintf(&b, "| %s | %s | %s | %d | %d | %d | %s |\n", m.Name, m.Catalogue.Value, m.Catalogue.Evidence,
			linesOf(base), m.Lines, len(m.Factory().Params), strings.Join(applied(m), ", "))
	}
	return b.String()
}

// applied returns the derivations that change something for a model.
func applied(m *Model) []string {
	var names []string
	c := catalogue()
	before := slices.Clone(c.base[m.Catalogue.Value])
	for _, d := range derivations {
		after := d.apply(c, slices.Clone(before), m)
		same := func(a, b Param) bool { return a.Name == b.Name && a.Default == b.Default }
		if !slices.EqualFunc(before, after, same) {
			names = append(names, d.name)
		}
		before = after
	}
	return names
}

func TestCatalogueReadmeTellsHowSetsAreDerived(t *testing.T) {
	const path, begin, end = "catalogue/README.md", "<!-- begin -->\n", "<!-- end -->\n"
	golden.Section(t, path, begin, end, derivationTable())
}

func TestDerivingLeavesTheBaseSetAlone(t *testing.T) {
	base := catalogue().base["SPA2102"]
	before := slices.Clone(base)
	for m := range All() {
		catalogue().derive(m)
	}
	if !slices.EqualFunc(before, base, func(a, b Param) bool { return a.Name == b.Name && a.Default == b.Default && a.Group == b.Group }) {
		t.Error("the base set was changed")
	}
}
