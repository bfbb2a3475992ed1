package tally

import (
	"fmt"
	"strings"
)

// MetricsMarkdown returns the documentation of the metrics as a table.
func MetricsMarkdown() string {
	var b strings.Builder
	b.WriteString("| metric | labels | meaning |\n|---|---|---|\n")
	for _, d := range metricDocs {
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", d.name, d.labels, d.meaning)
	}
	return b.String()
}
