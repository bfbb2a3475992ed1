package rule

import (
	"cmp"
	"strings"
)

// A value is one side of a comparison.
type value struct {
	text   string
	kind   kind
	quoted bool // text in any case, whatever it looks like
}

type kind uint8

const (
	isText kind = iota
	isInteger
	isVersion
)

// classify tells what a value without quotes is. A version has two or three
// groups and perhaps a suffix; what else begins with a digit, such as an
// address, is text.
func classify(s string) value {
	digits := strings.TrimPrefix(s, "-")
	if n := digitsLen(digits); n > 0 && n == len(digits) {
		return value{text: s, kind: isInteger}
	}
	if looksVersion(s) {
		return value{text: s, kind: isVersion}
	}
	return value{text: s}
}

// classify tells what a value is, and takes a dot in front of a suffix as the dialect does.
func (d Dialect) classify(s string) value {
	if at := dotBeforeSuffix(s); at > 0 {
		switch d.Dotted {
		case DottedSuffix:
			s = s[:at] + s[at+1:]
		case DottedIgnored:
			s = s[:at]
		}
	}
	return classify(s)
}

// dotBeforeSuffix returns where the dot of a text such as 7.6.2.a stands, 0 for another text.
func dotBeforeSuffix(s string) int {
	at := strings.LastIndexByte(s, '.')
	if at < 0 || at+1 == len(s) || !isLetter(s[at+1]) || !looksVersion(s[:at]) || looksVersion(s) || !isDigit(s[at-1]) {
		return 0
	}
	return at
}

func looksVersion(s string) bool {
	groups := 0
	for n := digitsLen(s); n > 0 && groups < 3; n = digitsLen(s) {
		groups++
		s = s[n:]
		if len(s) < 2 || s[0] != '.' || !isDigit(s[1]) {
			break
		}
		s = s[1:]
	}
	return groups >= 2 && (s == "" || isLetter(s[0]) || strings.IndexByte("(-_", s[0]) >= 0)
}

// compare reports whether op holds between v and w. What cannot be compared is
// unequal and not unequal either: the condition is false (inferred). Text knows
// only eq and ne (documented), and differs in type from a number. An integer
// beside a version is one of a single group.
func (v value) compare(op relation, w value, ignoreSuffix bool) bool {
	sign := 0
	switch {
	case v.kind == isText && w.kind == isText:
		if op != equal && op != less|greater {
			return false
		}
		sign = strings.Compare(v.text, w.text)
	case v.kind == isText || w.kind == isText:
		return false
	case v.kind == isInteger && w.kind == isInteger:
		sign = compareIntegers(v.text, w.text)
	case v.text[0] == '-' || w.text[0] == '-':
		return false
	default:
		sign = CompareVersions(v.text, w.text, ignoreSuffix)
	}
	return op&(less<<(sign+1)) != 0
}

// compareIntegers compares numbers of any length.
func compareIntegers(a, b string) int {
	x, y := strings.TrimPrefix(a, "-"), strings.TrimPrefix(b, "-")
	sa, sb := signOf(a, x), signOf(b, y)
	if sa != sb {
		return cmp.Compare(sa, sb)
	}
	return sa * compareDigits(x, y)
}

func signOf(number, digits string) int {
	switch {
	case strings.Trim(digits, "0") == "":
		return 0
	case len(number) > len(digits):
		return -1
	}
	return 1
}

// CompareVersions returns -1, 0 or 1 as version a is before, at or after b. Up
// to three groups compare as numbers, a missing one being 0. Then come the
// suffixes, unless they are to be ignored: none before any, with or without
// parentheses, by the number they begin with if both do, else by their bytes.
// So 6.1.5 < 6.1.5(a) < 6.1.5b < 6.1.10(001). What has no groups at all is
// version 0. (The method is inferred.)
func CompareVersions(a, b string, ignoreSuffix bool) int {
	for range 3 {
		x, restA := cutGroup(a)
		y, restB := cutGroup(b)
		if c := compareDigits(x, y); c != 0 {
			return c
		}
		a, b = restA, restB
	}
	if ignoreSuffix {
		return 0
	}
	return compareSuffixes(bareSuffix(a), bareSuffix(b))
}

// cutGroup splits off the first group and the dot behind it.
func cutGroup(s string) (group, rest string) {
	n := digitsLen(s)
	group, rest = s[:n], s[n:]
	if n > 0 && len(rest) > 1 && rest[0] == '.' && isDigit(rest[1]) {
		rest = rest[1:]
	}
	return group, rest
}

func compareSuffixes(a, b string) int {
	x, y := a[:digitsLen(a)], b[:digitsLen(b)]
	if x != "" && y != "" {
		if c := compareDigits(x, y); c != 0 {
			return c
		}
	}
	return strings.Compare(a, b)
}

func bareSuffix(s string) string {
	if strings.HasPrefix(s, "(") && strings.HasSuffix(s, ")") {
		return s[1 : len(s)-1]
	}
	return s
}

// compareDigits compares two runs of digits as numbers; an empty one is 0.
func compareDigits(a, b string) int {
	a, b = strings.TrimLeft(a, "0"), strings.TrimLeft(b, "0")
	return cmp.Or(cmp.Compare(len(a), len(b)), strings.Compare(a, b))
}

func digitsLen(s string) int {
	n := 0
	for n < len(s) && isDigit(s[n]) {
		n++
	}
	return n
}
