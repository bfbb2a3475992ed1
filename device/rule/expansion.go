package rule

import (
	"sort"
	"strings"
)

// An expansion is a rule's text without its comment and with its macros replaced,
// together with where each value came from.
type expansion struct {
	source string
	text   string
	spans  []span // in order
	long   bool   // it would have more bytes than the firmware has room for: the text is empty
}

// A span is a reference and what stands for it, text[start:end]. For a secret that
// is the reference itself.
type span struct {
	*reference
	start, end int
}

// expand replaces the macros of a rule. References to secrets stay in the text but
// have a span, so that a key can tell $SA that was written in the rule from one that
// a value brought in: expansion is not recursive.
func (r *Rule) expand(env Env) expansion {
	source := r.text[:r.bare]
	if r.exceeds(len(source)) {
		return expansion{source: source, long: true}
	}
	x := expansion{source: source, text: source}
	var out strings.Builder
	copied := 0
	for i := range r.refs {
		ref := &r.refs[i]
		if ref.from >= r.bare {
			break // the comment has begun
		}
		value, ok := ref.macro(env)
		if ref.isSecret() {
			value, ok = source[ref.from:ref.to], true
		}
		if !ok {
			continue
		}
		if copied == 0 {
			out.Grow(len(source) + len(value))
			x.spans = make([]span, 0, len(r.refs)-i)
		}
		out.WriteString(source[copied:ref.from])
		start := out.Len()
		out.WriteString(value)
		if r.exceeds(out.Len()) { // before more memory is used
			return expansion{source: source, long: true}
		}
		x.spans = append(x.spans, span{ref, start, out.Len()})
		copied = ref.to
	}
	if copied > 0 {
		out.WriteString(source[copied:])
		x.text = out.String()
	}
	if r.exceeds(len(x.text)) {
		return expansion{source: source, long: true}
	}
	return x
}

func (r *Rule) exceeds(bytes int) bool { return r.dialect.Size > 0 && bytes > r.dialect.Size }

// within returns the spans that begin in text[start:end] or at its end.
func (x *expansion) within(start, end int) []span {
	from := sort.Search(len(x.spans), func(i int) bool { return x.spans[i].start >= start })
	rest := x.spans[from:]
	return rest[:sort.Search(len(rest), func(i int) bool { return rest[i].start > end })]
}

// vanished reports whether a macro without content was written in
// text[start:end] or at its end.
func (x *expansion) vanished(start, end int) bool {
	spans := x.within(start, end)
	return len(spans) > 0 && spans[0].end <= end
}

// sourceOf returns what was written where text[start:end] is now, and the spans
// in it. It returns false if either end lies inside a macro's value.
func (x *expansion) sourceOf(start, end int) (string, []span, bool) {
	i := sort.Search(len(x.spans), func(i int) bool { return x.spans[i].start >= start })
	j := sort.Search(len(x.spans), func(j int) bool { return x.spans[j].end > end })
	if i > 0 && x.spans[i-1].end > start || j < len(x.spans) && x.spans[j].start < end {
		return "", nil, false
	}
	return x.source[start+x.shift(i) : end+x.shift(j)], x.spans[i:j], true
}

// shift is how much further on in the source things are between spans i-1 and i.
func (x *expansion) shift(i int) int {
	if i == 0 {
		return 0
	}
	return x.spans[i-1].to - x.spans[i-1].end
}

// stripComment cuts text at the first # that is not inside quotes.
func stripComment(text string, d Dialect) string {
	for i := 0; ; {
		next := strings.IndexAny(text[i:], `"#`)
		if next < 0 {
			return text
		}
		i += next
		if text[i] == '#' {
			return text[:i]
		}
		if d.CommentInQuotes {
			i++
			continue
		}
		end := closingQuote(text, i, d)
		if end < 0 {
			return text
		}
		i = end + 1
	}
}

// closingQuote returns the partner of the quotation mark at text[at], or -1.
func closingQuote(text string, at int, d Dialect) int {
	for i := at + 1; ; i++ {
		next := strings.IndexByte(text[i:], '"')
		if next < 0 {
			return -1
		}
		i += next
		if d.NoEscapes || text[i-1] != '\\' {
			return i
		}
	}
}
