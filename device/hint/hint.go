// Package hint marks an error with what would help. The mark is data: the command
// line, which alone knows commands and flags, puts it into words.
package hint

// A Kind is what would help.
type Kind int

// The kinds. Of is what the hint is about.
const (
	Models    Kind = iota + 1 // see the list of models
	Switches                  // see the switches of model Of
	Elsewhere                 // choose another folder, or replace what is there
	Replace                   // replace the file
	MakePKI                   // make a PKI in folder Of
	RemakePKI                 // make the PKI in folder Of again
	WebPort                   // choose another port for the devices' web servers
	Shard                     // write the result of a shard
	SIPPort                   // choose other ports for the devices' SIP
	Param                     // give a value to parameter Of of a scenario
)

// An Error is an error with a hint. Its text is that of the error.
type Error struct {
	Err  error
	Kind Kind
	Of   string
}

// Error returns the text of the error, without the hint.
func (e *Error) Error() string { return e.Err.Error() }

// Unwrap returns the error.
func (e *Error) Unwrap() error { return e.Err }

// With marks an error with a hint.
func With(err error, k Kind, of string) error { return &Error{err, k, of} }

// In returns the hints of an error and of all errors that it wraps, each once.
func In(err error) []Error {
	var found []Error
	var walk func(error)
	walk = func(err error) {
		if e, ok := err.(*Error); ok && !known(found, e) { //nolint:errorlint // the tree is walked here
			found = append(found, *e)
		}
		switch w := err.(type) { //nolint:errorlint // as above
		case interface{ Unwrap() error }:
			walk(w.Unwrap())
		case interface{ Unwrap() []error }:
			for _, one := range w.Unwrap() {
				walk(one)
			}
		}
	}
	walk(err)
	return found
}

func known(list []Error, e *Error) bool {
	for _, k := range list {
		if k.Kind == e.Kind && k.Of == e.Of {
			return true
		}
	}
	return false
}
