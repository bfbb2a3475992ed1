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
	Least, Most int      // of whole numbers, where Most is above 0
	Like        []string // examples of what the pattern matches
}

const (
	decimal  = `[0-9]+(\.[0-9]+)?`
	span     = decimal + `(ms|s|m|h|d|w)`
	count    = `([0-9]+(\.0+)?|` + decimal + `[kM])`
	duration = `(0|(` + span + `)+)`
)

// The forms of what the functions of this package read.
var (
	CountForm    = Form{Pattern: count, Like: []string{"200", "10k", "1M"}}                                    // of Count
	DurationForm = Form{Pattern: duration, Like: []string{"45s", "1h30m"}}                                     // of Duration
	PositiveForm = Form{Pattern: `(` + span + `)+`, Like: []string{"45s", "1h30m"}}                            // of Positive
	SpanForm     = Form{Pattern: duration + `( *\.\. *` + duration + `)?`, Like: []string{"20ms", "20ms..2s"}} // of Span
	SizeForm     = Form{Pattern: decimal + `(B|KB|MB|GB)`, Like: []string{"16KB"}}                             // of Size
	RateForm     = Form{Pattern: count + `/[smh]`, Like: []string{"250/s"}}                                    // of Rate
	ShareForm    = Form{Pattern: `0*([0-9]{1,2}(\.[0-9]+)?|100(\.0+)?)%`, Like: []string{"30%"}}               // of a share in percent
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
		f.Pattern, f.Least, f.Most, f.Like = other.Pattern, other.Least, other.Most, other.Like
	case other.Pattern != "":
		f.Pattern, f.Least, f.Most = f.Pattern+"|"+other.Pattern, 0, 0
		f.Like = append(f.Like[:len(f.Like):len(f.Like)], other.Like...)
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
