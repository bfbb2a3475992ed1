package measure

import (
	"regexp"
	"strings"
)

// A Form says which texts a value can be: what an editor offers, and what it refuses
// before a program reads the value. The reader may refuse more. The zero Form is any
// text.
type Form struct {
	Words []string // one of these,
	// Pattern is what other texts have to match as a whole, a regular expression that
	// Go and ECMAScript understand alike; "": beside Words there are none.
	Pattern     string
	Least, Most int // of whole numbers, where Most is above 0
}

const (
	decimal  = `[0-9]+(\.[0-9]+)?`
	span     = decimal + `(ms|s|m|h|d|w)`
	count    = `([0-9]+(\.0+)?|` + decimal + `[kM])`
	duration = `(0|(` + span + `)+)`
)

// The forms of what the functions of this package read. An instant of these is not
// changed.
var (
	CountForm    = Form{Pattern: count}                                    // of Count
	DurationForm = Form{Pattern: duration}                                 // of Duration
	PositiveForm = Form{Pattern: `(` + span + `)+`}                        // of Positive
	SpanForm     = Form{Pattern: duration + `( *\.\. *` + duration + `)?`} // of Span
	SizeForm     = Form{Pattern: decimal + `(B|KB|MB|GB)`}                 // of Size
	RateForm     = Form{Pattern: count + `/[smh]`}                         // of Rate
	ShareForm    = Form{Pattern: `0*([0-9]{1,2}(\.[0-9]+)?|100(\.0+)?)%`}  // of a share in percent
	BoolForm     = Form{Words: []string{"true", "false"}}
)

// Any reports whether a form is any text.
func (f Form) Any() bool { return len(f.Words) == 0 && f.Pattern == "" }

// Or returns the texts of two forms.
func (f Form) Or(other Form) Form {
	if f.Any() || other.Any() {
		return Form{}
	}
	f.Words = append(f.Words[:len(f.Words):len(f.Words)], other.Words...)
	switch {
	case f.Pattern == "":
		f.Pattern, f.Least, f.Most = other.Pattern, other.Least, other.Most
	case other.Pattern != "":
		f.Pattern, f.Least, f.Most = f.Pattern+"|"+other.Pattern, 0, 0
	}
	return f
}

// Takes reports whether a text has the form.
func (f Form) Takes(text string) bool {
	if f.Any() {
		return true
	}
	for _, w := range f.Words {
		if w == text {
			return true
		}
	}
	return f.Pattern != "" && regexp.MustCompile(`^(?:`+f.Pattern+`)$`).MatchString(strings.TrimSpace(text))
}
