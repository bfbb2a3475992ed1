package fsm

import (
	"flag"
	"os"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the drawing into ARCHITECTURE.md")

func TestDiagramInTheDocumentationIsTheTable(t *testing.T) {
	const path, open, end = "../ARCHITECTURE.md", "<!-- lifecycle -->\n```mermaid\n", "```\n<!-- /lifecycle -->"
	src, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(src), open)
	drawn, after, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		t.Fatalf("%s has no place for the drawing", path)
	}
	want := Lifecycle.Mermaid()
	if *update {
		if err := os.WriteFile(path, []byte(before+open+want+end+after), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if drawn != want {
		t.Errorf("the drawing in %s is not the table's; run go test ./fsm -run Diagram -update\n%s", path, want)
	}
}

func TestDrawingHasEveryMove(t *testing.T) {
	drawn := Lifecycle.Mermaid()
	for _, from := range States() {
		for _, e := range Events() {
			to, ok := Lifecycle.Next(from, e)
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
