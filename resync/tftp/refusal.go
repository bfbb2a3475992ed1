package tftp

import "fmt"

// A refusal is a server's ERROR packet.
type refusal struct {
	code uint16
	text string
}

func (e *refusal) Error() string { return fmt.Sprintf("server says ERROR %d %q", e.code, e.text) }
