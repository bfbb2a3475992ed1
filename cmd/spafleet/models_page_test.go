package main

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"spafleet/device/devicetest"
	"spafleet/device/model"
	"spafleet/host/golden"
)

const modelsHead = `# Models

All models, each with its newest known firmware. A test prints this page from the tables in ` + "`device/model`" + `.

*First request* is what a factory-new device asks the TFTP server of DHCP option 66 for. *Evidence* counts the facts of a
model: **d**ocumented (a document of the maker says so), **f**ield (seen in a dump, a capture, a log or a repository),
**i**nferred (our conclusion, not proven). ` + "`spafleet models show MODEL`" + ` shows every fact, and the switches that change what
is not certain. Switches have one evidence more, *image*: the value was read in a published firmware image and is sure for that
version alone. ` + "`--evidence field`" + ` runs a fleet without these values, and without what was inferred from them.

`

// knownModels are those that the README shows: one of each family that people
// have most of.
var knownModels = []string{"SPA2102", "PAP2T", "SPA942", "SPA504G", "SPA112"}

func TestPagesListTheModels(t *testing.T) {
	reports, err := allModels()
	if err != nil {
		t.Fatal(err)
	}
	page := modelsHead + modelTable(reports)
	page += "\n## Firmware versions\n\nA version marked * was only inferred.\n\n| model | versions |\n|---|---|\n"
	for _, r := range reports {
		var versions []string
		for _, f := range r.Firmwares {
			v := f.Version
			if f.Evidence == model.Inferred {
				v += "*"
			}
			versions = append(versions, v)
		}
		page += fmt.Sprintf("| %s | %s |\n", r.Model, strings.Join(versions, ", "))
	}
	page += setsHead
	for m := range model.All() {
		page += setRow(t, m)
	}
	root := filepath.Join("..", "..")
	golden.File(t, filepath.Join(root, "docs", "models.md"), []byte(page))

	var known []modelReport
	for _, r := range reports {
		if slices.Contains(knownModels, r.Model) {
			known = append(known, r)
		}
	}
	if len(known) != len(knownModels) {
		t.Errorf("%d of %d models of the README exist", len(known), len(knownModels))
	}
	golden.Section(t, filepath.Join(root, "README.md"), "<!-- models -->\n", "<!-- /models -->", modelTable(known))
}

const setsHead = `
## Parameter sets

Which parameters a model has, and where its set comes from. *Own* is a set made for that very model: from its exports or
samples (field), or reconstructed from those of its relatives (inferred). The others are derived from the set that is named;
a finding against them is as sure as the derivation. The number is that of the newest firmware. *Came later* are parameters
that some known firmware of the model lacks.

| model | set | how sure | parameters | came later |
|---|---|---|---|---|
`

func setRow(t *testing.T, m *model.Model) string {
	set, later := "own", map[string]int{}
	if m.Catalogue.Value != m.Name {
		set = "from " + m.Catalogue.Value
	}
	params := m.Factory().Params
	for i := range params {
		if since := params[i].Since().Value; since != "" && lackedByAny(t, m, &params[i]) {
			later[since]++
		}
	}
	var names []string
	for _, version := range slices.Sorted(maps.Keys(later)) {
		names = append(names, fmt.Sprintf("%d with %s", later[version], version))
	}
	return fmt.Sprintf("| %s | %s | %s | %d | %s |\n", m.Name, set, m.Catalogue.Evidence, len(devicetest.Row(t, m.Name, "").ParameterNames()), strings.Join(names, ", "))
}

// lackedByAny reports whether a known firmware of the model lacks a parameter.
func lackedByAny(t *testing.T, m *model.Model, p *model.Param) bool {
	return slices.ContainsFunc(m.Firmwares, func(f model.Firmware) bool { return !devicetest.Row(t, m.Name, f.Version).Has(p) })
}

func modelTable(reports []modelReport) string {
	var b strings.Builder
	b.WriteString("| model | family | lines | newest firmware | versions | first request | evidence |\n|---|---|---|---|---|---|---|\n")
	for _, r := range reports {
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %d | `%s` | %s |\n", r.Model, r.Family, linesOf(r), firmwareText(r.Firmware), len(r.Firmwares),
			r.Example.FirstRequest, strings.Join(strings.Fields(evidenceText(r.Evidence)), " "))
	}
	return b.String()
}
