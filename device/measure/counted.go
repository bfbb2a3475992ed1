package measure

import (
	"fmt"
	"strings"
)

// Counted says how many of a thing there are: 1 device, 2 devices, 2 addresses.
func Counted(n int, what string) string {
	switch {
	case n == 1:
		return "1 " + what
	case strings.HasSuffix(what, "s"):
		return fmt.Sprintf("%d %ses", n, what)
	}
	return fmt.Sprintf("%d %ss", n, what)
}
