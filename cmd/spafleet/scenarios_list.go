package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"spafleet/device/model"
	"spafleet/scenarios"
)

func scenariosListCommand(s streams) *cobra.Command {
	asJSON, bugs := false, false
	c := &cobra.Command{
		Use:   "list",
		Short: "List the scenarios that come with the program",
		Long: `Lists the scenarios that come with the program, which 'run' takes by their names. With
--bugs those of bugs of the field: each shows its bug on the devices in the table, on
no other, and on none with each cure. docs/bugs.md has their symptoms and cures.`,
		Example: `  spafleet scenarios list
  spafleet scenarios list --bugs
  spafleet scenarios list --bugs --json |
      jq -r '.[] | select(.models[] == "PAP2T") | .name'`,
		Args: noArgs,
	}
	c.Flags().BoolVar(&bugs, "bugs", false, "list the scenarios of bugs, with devices and proof")
	c.Flags().BoolVar(&asJSON, "json", false, "print a JSON array")
	c.RunE = func(*cobra.Command, []string) error {
		if bugs {
			return listed(s.out, asJSON, scenarios.BugNames(), aboutBug, writeBugs)
		}
		return listed(s.out, asJSON, scenarios.Names(), aboutScenario, writeScenarios)
	}
	return c
}

// listed prints what there is to say of some scenarios, as JSON or a table.
func listed[R any](w io.Writer, asJSON bool, names []string, about func(name string) (R, error), write func(io.Writer, []R)) error {
	list := []R{}
	for _, name := range names {
		r, err := about(name)
		if err != nil {
			return err
		}
		list = append(list, r)
	}
	if asJSON {
		return writeJSON(w, list)
	}
	write(w, list)
	return nil
}

// A scenarioReport is a scenario of the program in a list.
type scenarioReport struct {
	Name  string `json:"name"`
	About string `json:"about"`
}

// aboutScenario reads no more of a scenario than what it says of itself: it may have
// parameters that must come from outside.
func aboutScenario(name string) (scenarioReport, error) {
	f, err := scenarios.BuiltinFile(name)
	return scenarioReport{name, f.About()}, err
}

func writeScenarios(w io.Writer, list []scenarioReport) {
	rows := [][]string{{"NAME", "ABOUT"}}
	for _, r := range list {
		rows = append(rows, []string{r.Name, r.About})
	}
	writeColumns(w, columns(w), rows)
	fmt.Fprintf(w, "\n%d scenarios, and %d of bugs: --bugs lists them. 'spafleet run NAME' runs one.\n", len(list), len(scenarios.BugNames()))
}

// A bugReport is a bug in a list: who has it, and what proves it.
type bugReport struct {
	Name     string   `json:"name"`
	Source   []string `json:"source"`
	Evidence string   `json:"evidence"`
	Models   []string `json:"models"`
	Firmware []string `json:"firmware"` // of the models, each with its model
	Symptom  string   `json:"symptom"`
	Proof    proof    `json:"proof"`

	units []unit
}

// A proof is what a bug is seen by, and what ends it.
type proof struct {
	Shows string   `json:"shows"`
	Cures []string `json:"cures"`
}

func aboutBug(name string) (bugReport, error) {
	s, err := scenarios.Builtin(name)
	if err != nil {
		return bugReport{}, err
	}
	b := s.Bug
	r := bugReport{
		Name: s.Name, Source: b.Source, Evidence: b.Evidence, Symptom: b.Symptom,
		Proof: proof{Shows: strings.Join(strings.Fields(b.Shows), " "), Cures: []string{}}, units: affectedUnits(s),
	}
	for _, c := range b.Cures {
		r.Proof.Cures = append(r.Proof.Cures, c.How)
	}
	for _, u := range r.units {
		if !slices.Contains(r.Models, u.model) {
			r.Models = append(r.Models, u.model)
		}
		r.Firmware = append(r.Firmware, u.model+" "+u.version())
	}
	return r, nil
}

func writeBugs(w io.Writer, list []bugReport) {
	rows := [][]string{{"NAME", "MODEL", "FIRMWARE", "PROOF"}}
	for _, r := range list {
		var models, firmware []string
		for _, u := range r.units {
			models, firmware = append(models, u.model), append(firmware, u.version())
		}
		rows = append(rows, []string{r.Name, strings.Join(models, "\n"), strings.Join(firmware, "\n"), r.Proof.Shows})
	}
	writeColumns(w, columns(w), rows)
	fmt.Fprintf(w, "\n%d bugs. PROOF: true when a device shows it. 'spafleet run NAME' runs one.\n", len(list))
}

// A unit is what the devices of a group are: a model, its firmware, and the switches by
// which they are not what the tables say.
type unit struct {
	model, firmware string // firmware "": the newest
	switches        map[string]string
}

// version returns the firmware's version.
func (u unit) version() string {
	if row, err := model.NewRow(u.model, u.firmware, nil); err == nil {
		return row.Firmware.Version
	}
	return u.firmware
}

// text returns the unit in words, its switches in Markdown.
func (u unit) text() string {
	text := u.model + " " + u.firmware
	if u.firmware == "" {
		text = u.model + ", newest firmware"
	}
	for _, name := range slices.Sorted(maps.Keys(u.switches)) {
		text += " with `" + name + "` = " + u.switches[name]
	}
	return text
}

// affectedUnits returns the units that have a scenario's bug.
func affectedUnits(s *scenarios.Scenario) (units []unit) {
	for i := range s.Fleet {
		g := &s.Fleet[i]
		if !slices.Contains(s.Bug.Affected, g.Name) {
			continue
		}
		for _, row := range g.Shares() {
			units = append(units, unit{row.Model, row.Firmware, g.Switches})
		}
	}
	return units
}
