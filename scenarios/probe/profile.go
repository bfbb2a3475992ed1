package probe

import (
	"maps"
	"slices"
	"strings"
)

var escaped = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;")

// profileOf returns a profile that sets parameters, in the order of their names.
func profileOf(values map[string]string) string {
	var b strings.Builder
	b.WriteString("<flat-profile>\n")
	for _, name := range slices.Sorted(maps.Keys(values)) {
		b.WriteString("<" + name + ">" + escaped.Replace(values[name]) + "</" + name + ">\n")
	}
	b.WriteString("</flat-profile>\n")
	return b.String()
}
