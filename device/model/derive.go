package model

import (
	"slices"
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
	apply    func(c *catalogueData, params []Param, m *Model) []Param
}

var derivations = [...]derivation{
	{"names left out", "names that exports of the model lack are left out (`lacks.tsv`)", Field, withoutNames},
	{"lines left out", "tabs, keys and items of lines, extensions and users beyond those of the model are left out", Inferred, withoutLines},
	{"lines added", "lines beyond those of the base set are copies of line 1, its values included", Inferred, withLines},
	{"own names", "names of a set of additions are added, or replace those of the copied lines", Inferred, withAdditions},
	{"own rule", "Profile_Rule has the default of the model's row, and is as sure as that", Inferred, withRule},
}

// derive makes a model's factory set from its base set, which it leaves alone.
func (c *catalogueData) derive(m *Model) []Param {
	params := slices.Clone(c.base[m.Catalogue.Value])
	for _, d := range derivations {
		params = d.apply(c, params, m)
	}
	return params
}

// withoutNames leaves out what exports of the model lack.
func withoutNames(c *catalogueData, params []Param, m *Model) []Param {
	return slices.DeleteFunc(params, func(p Param) bool { return c.lacks[m.Name][p.Name] })
}

// withoutLines leaves out lines that the model lacks.
func withoutLines(_ *catalogueData, params []Param, m *Model) []Param {
	return slices.DeleteFunc(params, func(p Param) bool { return lineOfParam(&p) > m.Lines })
}

// withLines adds lines that the base set lacks.
func withLines(c *catalogueData, params []Param, m *Model) []Param {
	base := c.base[m.Catalogue.Value]
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

// withAdditions adds the names of the model's set of additions; a name that is
// there already gets the row of that set, in its place.
func withAdditions(c *catalogueData, params []Param, m *Model) []Param {
	for _, p := range c.base[m.Additions] {
		at := slices.IndexFunc(params, func(q Param) bool { return q.Name == p.Name })
		if at >= 0 {
			params[at] = p
		} else {
			params = append(params, p)
		}
	}
	return params
}

func withRule(_ *catalogueData, params []Param, m *Model) []Param {
	for i := range params {
		if params[i].Name == "Profile_Rule" {
			params[i].Default = m.DefaultRule.Value
		}
	}
	return params
}

// lineOfParam returns the line, extension or user that a parameter belongs to, by its
// tab, its line key or its own name; 0 for none.
func lineOfParam(p *Param) int {
	if n := lineOf(p.Group); n > 0 {
		return n
	}
	for _, digits := range []string{after(p.Group, "/Line_Key_"), after(p.Name, "Log_Missed_Calls_for_EXT_")} {
		if n, err := strconv.Atoi(digits); err == nil {
			return n
		}
	}
	return 0
}

// after returns what stands behind a part of a text, "" where it lacks that part.
func after(text, part string) string {
	_, rest, _ := strings.Cut(text, part)
	return rest
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
