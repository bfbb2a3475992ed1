package rule

import "fmt"

// A SyntaxError is a rule that no device could read.
type SyntaxError struct {
	// Column is the byte offset in Text, from 0, of the first byte that cannot
	// be right, or len(Text) if something is missing at the end. For a quotation
	// mark without partner it is that mark.
	Column int
	// Text is the rule without its comment and with macros expanded. Secrets are
	// not in it, other parameters used as a key are.
	Text string
	Msg  string // what is wrong
	Hint string // what would be right
	// Scheme is set where the mistake is a scheme that no firmware knows: a device
	// says so in words of its own.
	Scheme string
}

// Error returns one line with an excerpt of the text.
func (e *SyntaxError) Error() string {
	return fmt.Sprintf("parse rule %s: column %d: %s (%s)", e.excerpt(), e.Column, e.Msg, e.Hint)
}

// excerpt quotes what surrounds the mistake: a parameter may be very long.
func (e *SyntaxError) excerpt() string {
	const before, after = 40, 20
	from, to := e.Column-before, e.Column+after
	head, tail := "…", "…"
	if from <= 0 {
		from, head = 0, ""
	}
	if to >= len(e.Text) {
		to, tail = len(e.Text), ""
	}
	return fmt.Sprintf("%q", head+e.Text[from:to]+tail)
}
