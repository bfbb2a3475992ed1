package measure

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Counts names what was counted, that with most first: so many names, and how many
// more there are.
func Counts(counts map[string]int, most int) string {
	names := slices.SortedFunc(maps.Keys(counts), func(x, y string) int { return cmp.Or(counts[y]-counts[x], cmp.Compare(x, y)) })
	var parts []string
	for _, name := range names[:min(len(names), most)] {
		parts = append(parts, fmt.Sprintf("%s × %d", name, counts[name]))
	}
	if more := len(names) - most; more > 0 {
		parts = append(parts, fmt.Sprintf("and %d more", more))
	}
	return strings.Join(parts, ", ")
}
