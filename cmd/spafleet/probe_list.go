package main

import (
	"fmt"
	"io"
	"strings"

	"spafleet/host/lines"
	"spafleet/scenarios/probe"
)

// A probeTable is what --list shows.
type probeTable struct {
	Groups []probe.Group   `json:"groups"`
	Blind  []probe.Blinded `json:"not_visible"`
}

// listExperiments lists what a phone can be asked, and what no experiment can see.
func listExperiments(w io.Writer, asJSON bool) error {
	if asJSON {
		return writeJSON(w, probeTable{probe.Groups(), probe.Blind()})
	}
	for _, g := range probe.Groups() {
		fmt.Fprintf(w, "%s: %s\n", g.Name, g.About)
		for _, x := range g.Experiments {
			text := x.Question
			if len(x.Switches) > 0 {
				text += " (" + strings.Join(x.Switches, ", ") + ")"
			}
			if x.Restarts > 0 {
				text += " It restarts."
			}
			writeItem(w, x.Name, text)
		}
		fmt.Fprintln(w)
	}
	fmt.Fprintln(w, "switches that no experiment can see:")
	for _, b := range probe.Blind() {
		writeItem(w, b.Switch, b.Why)
	}
	return nil
}

// writeItem writes a name and a text beside it.
func writeItem(w io.Writer, name, text string) {
	const column = 26
	head := "  " + name
	for _, line := range lines.Wrap(text, lines.Width-column) {
		fmt.Fprintf(w, "%-*s%s\n", column, head, line)
		head = ""
	}
}

// probeNames returns the names of the groups of experiments, or of the experiments.
func probeNames(ofGroups bool) (list []string) {
	for _, g := range probe.Groups() {
		if ofGroups {
			list = append(list, g.Name)
			continue
		}
		for _, x := range g.Experiments {
			list = append(list, x.Name)
		}
	}
	return list
}
