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
	page += extrasHead
	for x := range model.ExtraFiles() {
		page += extraRow(t, x)
	}
	page += limitsHead
	for m := range model.All() {
		l := m.FileLimit()
		page += fmt.Sprintf("| %s | %s | %s | %s |\n", m.Name, l.Value, l.Evidence, limitText(l))
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

const extrasHead = `
## Extra files

What phones ask for beside profile and image, always with GET, by any scheme that they speak. They ask after their first
resync since the boot, for one file after the other, and apply nothing of it. A model that is in no row never asks.

*When* is what the switch of that name says: *change* and *shown* ask once what the file comes from has another value, and
keep the file over a boot and in a state file; *never* means that only its user makes a phone ask, which nothing here does. A
dictionary must be XML in UCS-2 big endian (switch ` + "`dictionary_check`" + `): another one counts as one that cannot be had. With
` + "`dictionary_reboot=yes`" + ` a phone reboots once it has stored one. The switch
` + "`extra_files=off`" + ` turns all of them off. In events, metrics and reports the kind is ` + "`what`" + `; resyncs do not count them.

| kind | models | comes from | when | URL | one that cannot be had is asked for again | how sure | source |
|---|---|---|---|---|---|---|---|
`

func extraRow(t *testing.T, x *model.ExtraFile) string {
	params := x.Params
	if n := len(params); n > 5 || strings.HasPrefix(params[0], "RSS") {
		params = []string{params[0] + " to " + params[n-1]}
	}
	when := devicetest.Row(t, x.Models[0], "").Switch(x.What)
	return fmt.Sprintf("| %s | %s | %s | %s (%s) | %s | %s | %s | %s |\n", x.What, strings.Join(x.Models, ", "), strings.Join(params, ", "), when.Value, when.Evidence, x.Made, x.Failed, x.Evidence, x.Source)
}

const limitsHead = `
## Profile limits

How many bytes a profile may have, packed and unpacked (switch ` + "`profile_limit`" + `), and what that rests on. No maker has published a
limit.

| model | bytes | how sure | what is known |
|---|---|---|---|
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
