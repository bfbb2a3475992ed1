package profile

import (
	"fmt"
	"strings"
)

// maxAliases is the most entries of a map (documented).
const maxAliases = 30

// An alias lets an element of a foreign document set a parameter.
type alias struct {
	path []string // the end of the element's path, outermost first
	name string   // of the parameter
}

// parseAliases reads the content of the parameter that --alias names.
func parseAliases(text string) ([]alias, error) {
	var all []alias
	for entry := range strings.SplitSeq(text, ";") {
		if entry = strings.TrimSpace(entry); entry == "" {
			continue
		}
		a, ok := parseAlias(entry)
		if !ok {
			return nil, &Error{Text: errAliases, Hint: fmt.Sprintf("%q is not /outer/element = /flat-profile/Name", entry)}
		}
		all = append(all, a)
	}
	if len(all) > maxAliases {
		return nil, &Error{Text: errAliases, Hint: fmt.Sprintf("%d entries, at most %d are allowed", len(all), maxAliases)}
	}
	return all, nil
}

func parseAlias(entry string) (alias, bool) {
	from, to, ok := strings.Cut(entry, "=")
	name, in := strings.CutPrefix(strings.TrimSpace(to), "/"+flatProfile+"/")
	path := strings.Split(strings.TrimPrefix(strings.TrimSpace(from), "/"), "/")
	for _, element := range path {
		ok = ok && isName(element)
	}
	return alias{path, name}, ok && in && isName(name)
}

// matches reports whether the path ends a leaf's: its own name, and the names
// of the elements that it is in.
func (a alias) matches(open []frame, leaf string) bool {
	last := len(a.path) - 1
	if a.path[last] != leaf || last > len(open) {
		return false
	}
	for i, name := range a.path[:last] {
		if open[len(open)-last+i].name != name {
			return false
		}
	}
	return true
}
