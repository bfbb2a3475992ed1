package measure

import (
	"fmt"
	"strings"
)

// Counted says how many of a thing there are: 1 device, 2 devices, 2 addresses, 2 switches,
// 2 entries, 2 keys.
func Counted(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %s", n, plural(what))
}

func plural(what string) string {
	if stem, ok := strings.CutSuffix(what, "y"); ok && !strings.ContainsAny(stem[max(0, len(stem)-1):], "aeiou") {
		return stem + "ies"
	}
	if strings.HasSuffix(what, "s") || strings.HasSuffix(what, "ch") {
		return what + "es"
	}
	return what + "s"
}

// FirstOf names the first of many, and says how many more there are: a, b and 3 more.
func FirstOf(names []string, most int) string {
	text := strings.Join(names[:min(len(names), most)], ", ")
	if more := len(names) - most; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}
