package rule

import "strings"

// Expand returns text with its macros replaced, once: what a value holds is not
// looked at again (documented). It understands
//
//	$NAME     the longest run of letters and digits
//	$(NAME)   where a letter or digit follows
//	$(NAME:p) $(NAME:p:q)   from byte p, at most q bytes
//	$$        a dollar
//
// and leaves anything else, unknown names and secrets included, as it is.
func Expand(text string, env Env, d Dialect) string {
	if strings.IndexByte(text, '$') < 0 {
		return d.cut(text)
	}
	r := Read(text, d)
	var out strings.Builder
	copied := 0
	for _, ref := range r.refs {
		if value, ok := ref.macro(env); ok {
			if copied == 0 {
				out.Grow(len(text) + len(value))
			}
			out.WriteString(text[copied:ref.from])
			out.WriteString(value)
			copied = ref.to
			if d.Size > 0 && out.Len() > d.Size {
				return d.cut(out.String())
			}
		}
	}
	if copied == 0 {
		return d.cut(text)
	}
	out.WriteString(text[copied:])
	return d.cut(out.String())
}

// cut returns as much of a text as the firmware has room for.
func (d Dialect) cut(text string) string {
	if d.Size > 0 && len(text) > d.Size {
		return text[:d.Size]
	}
	return text
}

// A reference is something that begins with a dollar: text[from:to].
type reference struct {
	from, to    int
	name        string // "$" for $$, "" for a dollar that means itself
	skip, limit int    // the substring; limit -1: to the end
}

// references returns the references of text that have a name, in order.
func references(text string, d Dialect) []reference {
	dollars := strings.Count(text, "$")
	if dollars == 0 {
		return nil
	}
	list := make([]reference, 0, dollars)
	for i := 0; ; {
		next := strings.IndexByte(text[i:], '$')
		if next < 0 {
			return list
		}
		r := scanReference(text, i+next, d)
		if i = r.to; r.name != "" {
			list = append(list, r)
		}
	}
}

// scanReference reads the reference whose dollar is at text[from].
func scanReference(text string, from int, d Dialect) reference {
	r := reference{from: from, to: from + 1, limit: -1}
	rest := text[from+1:]
	switch {
	case strings.HasPrefix(rest, "$"):
		r.name, r.to = "$", from+2
	case strings.HasPrefix(rest, "("):
		r.scanParenthesis(text, d)
	default:
		r.name = rest[:nameLen(rest)]
		r.to += len(r.name)
	}
	if d.AnyMacroCase {
		r.name = strings.ToUpper(r.name)
	}
	return r
}

// scanParenthesis reads (NAME:p:q). If it is not of that form, the reference
// remains a lone dollar.
func (r *reference) scanParenthesis(text string, d Dialect) {
	at := r.from + 2
	name := text[at : at+nameLen(text[at:])]
	at += len(name)
	var skip, limit, ok = 0, -1, true
	if !d.NoSubstrings && hasByte(text, at, ':') {
		skip, at, ok = scanNumber(text, at+1)
		if ok && hasByte(text, at, ':') {
			limit, at, ok = scanNumber(text, at+1)
		}
	}
	if ok && name != "" && hasByte(text, at, ')') {
		r.name, r.skip, r.limit, r.to = name, skip, limit, at+1
	}
}

// scanNumber reads the digits at text[at:] and returns the position after them.
// Numbers beyond any value's length are capped, not refused.
func scanNumber(text string, at int) (n, end int, ok bool) {
	const enough = 1 << 30
	for end = at; end < len(text) && isDigit(text[end]); end++ {
		n = min(10*n+int(text[end]-'0'), enough)
	}
	return n, end, end > at
}

// macro returns the value that replaces the reference. False: it stays.
func (r reference) macro(env Env) (string, bool) {
	switch {
	case r.name == "$":
		return "$", true
	case r.isSecret():
		return "", false
	}
	return r.lookup(env.Macro)
}

func (r reference) lookup(get func(string) (string, bool)) (string, bool) {
	value, ok := get(r.name)
	if !ok {
		return "", false
	}
	value = value[min(r.skip, len(value)):]
	if r.limit >= 0 {
		value = value[:min(r.limit, len(value))]
	}
	return value, true
}

// isSecret reports whether the reference is to one of SA to SD.
func (r reference) isSecret() bool {
	return len(r.name) == 2 && r.name[0] == 'S' && 'A' <= r.name[1] && r.name[1] <= 'D'
}

func nameLen(s string) int {
	for i := range len(s) {
		if !isDigit(s[i]) && !isLetter(s[i]) {
			return i
		}
	}
	return len(s)
}

func hasByte(s string, at int, c byte) bool { return at < len(s) && s[at] == c }

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func isLetter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }
