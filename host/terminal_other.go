//go:build !unix

package host

import "io"

// Terminal reports whether w is a terminal, and how many columns it has: 0 where
// the terminal does not tell. On this system nothing counts as one.
func Terminal(io.Writer) (columns int, is bool) { return 0, false }
