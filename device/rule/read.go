package rule

import (
	"hash/maphash"
	"slices"
	"strings"
	"sync/atomic"
)

// A Rule is the text of a rule, read once: where its macros and its comment stand,
// and what can be said of it whatever the macros stand for. It is immutable. What a
// rule decides depends on an [Env] too; [Eval] and the other entrances ask for both.
type Rule struct {
	text    string
	dialect Dialect
	bare    int // length without the comment
	refs    []reference
	facts   fact
}

// A fact is something that a text says by itself.
type fact uint8

const (
	mayBeStrong fact = 1 << iota
	namesHTTP
	hasDelta
)

// Read returns the rule of a text. The rules that were wanted last are remembered, so
// reading a text again costs little.
func Read(text string, d Dialect) *Rule {
	if len(text) > longestRemembered {
		return read(text, d)
	}
	place := &remembered[maphash.String(seed, text)%mostRemembered]
	if r := place.Load(); r != nil && r.text == text && r.dialect == d {
		return r
	}
	r := read(strings.Clone(text), d) // the text may be a part of all of a device's values
	if len(r.refs) <= mostReferences {
		place.Store(r)
	}
	return r
}

// The memory of rules: a text's hash says where its rule stands, and a rule that comes
// to stand there replaces the one before. So it never grows and is never locked.
const (
	mostRemembered    = 1 << 12
	longestRemembered = 1 << 11 // bytes of a text; longer ones are read each time
	mostReferences    = 1 << 6  // likewise
)

var (
	seed       = maphash.MakeSeed()
	remembered [mostRemembered]atomic.Pointer[Rule]
)

func read(text string, d Dialect) *Rule {
	return &Rule{text: text, dialect: d, bare: len(stripComment(text, d)), refs: references(text, d), facts: factsOf(text)}
}

// MayBeStrong reports whether the rule could have a key that is not empty or ask by
// https, with the right values behind its macros. Most rules cannot, and need not be
// evaluated to know it.
func (r *Rule) MayBeStrong() bool { return r.facts&mayBeStrong != 0 }

// NamesHTTP reports whether http or https stands in the text itself.
func (r *Rule) NamesHTTP() bool { return r.facts&namesHTTP != 0 }

// HasDelta reports whether the option --delta stands in the text itself.
func (r *Rule) HasDelta() bool { return r.facts&hasDelta != 0 }

// factsOf looks at a text. A rule that names neither an option nor https can still
// become strong by a macro, unless the macro stands for who the device is.
func factsOf(text string) (f fact) {
	for i := range len(text) {
		rest := text[i:]
		switch text[i] {
		case '-':
			if strings.HasPrefix(rest, "--") {
				f |= mayBeStrong
			}
			if strings.HasPrefix(rest, "--delta") {
				f |= hasDelta
			}
		case 'h', 'H':
			if hasPrefixFold(rest, "http") {
				f |= namesHTTP
			}
			if hasPrefixFold(rest, "https") {
				f |= mayBeStrong
			}
		case '$':
			if name := rest[1:]; !slices.Contains(identityMacros, name[:nameLen(name)]) {
				f |= mayBeStrong
			}
		}
	}
	return f
}

func hasPrefixFold(s, prefix string) bool {
	return len(s) >= len(prefix) && strings.EqualFold(s[:len(prefix)], prefix)
}

// identityMacros stand for who a device is: no key, and no URL.
var identityMacros = []string{"MA", "MAU", "MAC", "PN", "PSN", "SN", "SWVER", "HWVER"}
