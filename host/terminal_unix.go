//go:build unix

package host

import (
	"io"

	"golang.org/x/sys/unix"
)

// Terminal reports whether w is a terminal, and how many columns it has: 0 where
// the terminal does not tell.
func Terminal(w io.Writer) (columns int, is bool) {
	f, ok := w.(interface{ Fd() uintptr })
	if !ok {
		return 0, false
	}
	size, err := unix.IoctlGetWinsize(int(f.Fd()), unix.TIOCGWINSZ)
	if err != nil {
		return 0, false
	}
	return int(size.Col), true
}
