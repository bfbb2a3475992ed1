package fsm

import (
	"strings"
	"testing"

	"spafleet/host/golden"
)

func TestDiagramInTheDocumentationIsTheTable(t *testing.T) {
	golden.Section(t, "../ARCHITECTURE.md", "<!-- lifecycle -->\n```mermaid\n", "```\n<!-- /lifecycle -->", Mermaid())
}

func TestDrawingHasEveryMove(t *testing.T) {
	drawn := Mermaid()
	for _, from := range States() {
		for _, e := range Events() {
			to, ok := Next(from, e)
			if !ok || e == FactoryReset {
				continue
			}
			found := false
			for line := range strings.Lines(drawn) {
				arrow, names, _ := strings.Cut(strings.TrimSpace(line), ": ")
				found = found || arrow == mermaidID(from)+" --> "+mermaidID(to) && strings.Contains(", "+names+",", ", "+e.String()+",")
			}
			if !found {
				t.Errorf("%s from %s to %s is not drawn", e, from, to)
			}
		}
	}
}
