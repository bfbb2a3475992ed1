package fsm

import (
	"fmt"
	"strings"
)

// Mermaid draws the lifecycle as a Mermaid state diagram, for the documentation.
// Events that every state takes to the same end are drawn once, as a note.
func Mermaid() string {
	var b strings.Builder
	b.WriteString("stateDiagram-v2\n")
	for _, s := range States() {
		fmt.Fprintf(&b, "    %s: %s\n", mermaidID(s), s)
	}
	fmt.Fprintf(&b, "    [*] --> %s\n", mermaidID(MfgReset))
	for _, from := range States() {
		drawMoves(&b, from)
	}
	fmt.Fprintf(&b, "    note left of %s: %s leads here from every state\n", mermaidID(MfgReset), FactoryReset)
	return b.String()
}

func drawMoves(b *strings.Builder, from State) {
	for _, to := range States() {
		var names []string
		for _, e := range Events() {
			if next, ok := Next(from, e); ok && next == to && e != FactoryReset {
				names = append(names, e.String())
			}
		}
		if len(names) > 0 {
			fmt.Fprintf(b, "    %s --> %s: %s\n", mermaidID(from), mermaidID(to), strings.Join(names, ", "))
		}
	}
}

// mermaidID is a state's name without the hyphens that Mermaid reads as arrows.
func mermaidID(s State) string { return strings.ReplaceAll(s.String(), "-", "_") }
