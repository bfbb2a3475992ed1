package model

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// A Lack is why a firmware does not have a parameter, as far as the tables tell.
type Lack struct {
	Reason string // in words
	Hint   string // the name that was perhaps meant, its place, or who has it; may be empty
	Info   bool   // it is an item of the Info page
	Place  string // the sections in which the firmware has the name: <router-configuration>; empty: it has none
	// Evidence is how sure it is that the firmware lacks the parameter: as sure as the
	// model's set, and its derivation if it is derived.
	Evidence Evidence
}

// String returns the lack as a line.
func (l Lack) String() string {
	if l.Hint == "" {
		return l.Reason
	}
	return l.Reason + "; " + l.Hint
}

const (
	beyondLines = "beyond the model's lines or keys"
	misspelt    = "perhaps misspelt"
	elsewhere   = "not at this place"
	notInSet    = "not in the model's set"

	// longestName bounds the search for names that were meant.
	longestName = 64
)

var lastNumber = regexp.MustCompile(`^(.*?_)(\d+)(_*)$`)

// WhyLacks returns why the row's firmware does not have a parameter, of a name for which
// [Row.Lookup] finds none. It takes some time: it looks for the name that was meant.
func (r *Row) WhyLacks(name string) Lack {
	l := Lack{Evidence: r.Model.Catalogue.Evidence}
	if p, ok := r.Factory.Lookup(name); ok {
		came := p.Since()
		l.Reason = "came with " + came.Value
		if came.Value == "" {
			came = p.Until()
			l.Reason = "gone since " + came.Value
		}
		l.Reason += fmt.Sprintf("; this device runs %s (%s)", r.Firmware.Version, came.Evidence)
		l.Evidence = came.Evidence
		return l
	}
	if place := r.nestedPlace(name); place != "" {
		l.Reason, l.Place, l.Hint = elsewhere, place, "it belongs inside "+place
		return l
	}
	if r.countsTo(name) {
		l.Reason = beyondLines
		return l
	}
	other := r.whoHas(name)
	if near := r.meant(name, other != ""); near != "" {
		l.Reason, l.Hint = misspelt, fmt.Sprintf("did you mean %q?", near)
		return l
	}
	l.Reason = notInSet
	if set := r.Model.Catalogue.Value; set != r.Model.Name {
		l.Reason = fmt.Sprintf("not in the %s's set, from which this one is derived", set)
	}
	if other != "" {
		l.Hint = "the " + other + " has it"
	}
	return l
}

// meant returns the name that was perhaps meant, "" for none. The right name of another
// model is that of a like one only if both have the same letters and digits, in small
// or capital ones: Default_Ring_1_ and Default_Ring__1__.
func (r *Row) meant(name string, ofAnother bool) string {
	if len(name) > longestName {
		return ""
	}
	names, bare := r.ParameterNames(), signless(name)
	if i := slices.IndexFunc(names, func(n string) bool { return signless(n) == bare }); i >= 0 {
		return names[i]
	}
	if ofAnother {
		return ""
	}
	return nearest(name, names, 1+len(name)/6)
}

// signless returns the letters, in small ones, and the digits of a name.
func signless(name string) string {
	return strings.Map(func(c rune) rune {
		switch {
		case c >= 'A' && c <= 'Z':
			return c + 'a' - 'A'
		case c >= 'a' && c <= 'z' || c >= '0' && c <= '9':
			return c
		}
		return -1
	}, name)
}

// countsTo reports whether the firmware has a name that differs from this one in its
// last number only, which is smaller.
func (r *Row) countsTo(name string) bool {
	m := lastNumber.FindStringSubmatch(name)
	if m == nil {
		return false
	}
	number, err := strconv.Atoi(m[2])
	return err == nil && slices.ContainsFunc(r.ParameterNames(), func(has string) bool {
		n := lastNumber.FindStringSubmatch(has)
		if n == nil || n[1] != m[1] || n[3] != m[3] {
			return false
		}
		smaller, err := strconv.Atoi(n[2])
		return err == nil && smaller < number
	})
}

// nestedPlace returns the sections in which the firmware has a name that stands among
// the flat ones, or elsewhere; "" for none.
func (r *Row) nestedPlace(name string) string {
	last := name[strings.LastIndexByte(name, '/')+1:]
	for i := range r.Factory.Params {
		p := &r.Factory.Params[i]
		if section, ok := strings.CutSuffix(p.Name, "/"+last); ok && p.Nested() && r.Has(p) {
			return "<" + strings.ReplaceAll(section, "/", "><") + ">"
		}
	}
	return ""
}

// whoHas returns a model whose set has a name: of the row's own family if there is one,
// and one with a set of its own if there is one; "" for none.
func (r *Row) whoHas(name string) string {
	if _, ok := LookupID(name); !ok {
		return ""
	}
	other, best := "", -1
	for m := range All() {
		if _, ok := m.Factory().Lookup(name); !ok {
			continue
		}
		rank := 0
		if m.Family == r.Model.Family {
			rank += 2
		}
		if m.Catalogue.Value == m.Name {
			rank++
		}
		if rank > best {
			other, best = m.Name, rank
		}
	}
	return other
}
