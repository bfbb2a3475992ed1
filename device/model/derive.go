package model

import (
	"strconv"
	"strings"
)

// A derivation is one way in which a model's factory set differs from the base
// set that it is made of. The rows apply in their order, to every model;
// catalogue/README.md is printed from them.
type derivation struct {
	name     string
	does     string
	evidence Evidence
	apply    func(params, base []Param, m *Model) []Param
}

var derivations = [...]derivation{
	{"lines left out", "tabs of lines, extensions and users beyond those of the model are left out", Inferred, withoutLines},
	{"lines added", "lines beyond those of the base set are copies of line 1, its values included", Inferred, withLines},
	{"own rule", "Profile_Rule has the default of the model's row, and is as sure as that", Inferred, withRule},
}

// derive makes a model's factory set from a base set, which it leaves alone.
func derive(base []Param, m *Model) []Param {
	params := base
	for _, d := range derivations {
		params = d.apply(params, base, m)
	}
	return params
}

// withoutLines leaves out lines that the model lacks.
func withoutLines(params, _ []Param, m *Model) []Param {
	var kept []Param
	for _, p := range params {
		if lineOf(p.Group) <= m.Lines {
			kept = append(kept, p)
		}
	}
	return kept
}

// withLines adds lines that the base set lacks.
func withLines(params, base []Param, m *Model) []Param {
	for line := linesOf(base) + 1; line <= m.Lines; line++ {
		params = append(params, copyLine(base, line)...)
	}
	return params
}

// linesOf returns how many lines a set has.
func linesOf(params []Param) int {
	n := 0
	for _, p := range params {
		n = max(n, lineOf(p.Group))
	}
	return n
}

func withRule(params, _ []Param, m *Model) []Param {
	for i := range params {
		if params[i].Name == "Profile_Rule" {
			params[i].Default = m.DefaultRule.Value
		}
	}
	return params
}

// lineOf returns the line that a Tab/Section belongs to, 0 for none.
func lineOf(group string) int {
	tab, _, _ := strings.Cut(group, "/")
	for _, kind := range []string{"Line_", "Ext_", "User_"} {
		if digits, ok := strings.CutPrefix(tab, kind); ok {
			n, _ := strconv.Atoi(digits)
			return n
		}
	}
	return 0
}

// copyLine returns the parameters of line 1 renamed to another line.
func copyLine(base []Param, line int) []Param {
	to := strconv.Itoa(line)
	var params []Param
	for _, p := range base {
		stem, ok := strings.CutSuffix(p.Name, "_1_")
		if lineOf(p.Group) != 1 || !ok {
			continue
		}
		p.Name = stem + "_" + to + "_"
		p.Source = strings.ReplaceAll(p.Source, "[1]", "["+to+"]")
		p.Group = strings.Replace(p.Group, "_1/", "_"+to+"/", 1)
		params = append(params, p)
	}
	return params
}
