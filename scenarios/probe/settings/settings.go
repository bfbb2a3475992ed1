// Package settings is what a real phone says of its settings, so that a tool can change
// some and give them back.
//
// [Read] asks the phone's web server, and [FromFile] reads what a person has saved.
// [Settings.Profile] is the profile that gives parameters back.
package settings

import (
	"iter"
	"maps"
	"slices"
	"strings"

	"spafleet/device/model"
	"spafleet/device/profile"
)

// Settings are the parameters that a phone, or a file, told of. Make them with [Read]
// or [FromFile].
type Settings struct {
	Model, Firmware string // names of device/model; "": what was read does not say, or no known model
	Tried           []Try  // what was asked, in that order

	product, software string // what it calls itself
	values            map[string]Value
}

// A Try is one thing that was asked for.
type Try struct {
	Path string // of the phone's web server
	Came string // what came of it, in words
}

// A Value is what was said of one parameter.
type Value struct {
	Text    string
	Access  profile.Access // the end user's; 0: not said
	From    string         // a path of the phone's web server, or "file"
	Unknown string         // why Text is not the parameter's value; "": it is
}

// Known returns the value of a parameter, false where nothing says it for certain.
func (s *Settings) Known(name string) (value string, ok bool) {
	v, ok := s.values[name]
	return v.Text, ok && v.Unknown == ""
}

// Lookup returns what was said of a parameter, false for nothing.
func (s *Settings) Lookup(name string) (Value, bool) {
	v, ok := s.values[name]
	return v, ok
}

// All yields all that was said, by name.
func (s *Settings) All() iter.Seq2[string, Value] {
	return func(yield func(string, Value) bool) {
		for _, name := range slices.Sorted(maps.Keys(s.values)) {
			if !yield(name, s.values[name]) {
				return
			}
		}
	}
}

// Profile returns the flat-profile that gives parameters back as they were: their values,
// and the end user's access where that is known. Missing are those whose value is not
// known; the profile leaves them out. What it sets is in the order of the names, what
// stands in sections behind the rest.
func (s *Settings) Profile(names ...string) (text string, missing []string) {
	var flat, nested []string
	for _, name := range names {
		switch _, ok := s.Known(name); {
		case !ok:
			missing = append(missing, name)
		case strings.Contains(name, "/"):
			nested = append(nested, name)
		default:
			flat = append(flat, name)
		}
	}
	slices.SortStableFunc(nested, bySection)
	b, nest := []byte("<flat-profile>\n"), profile.Nest{}
	for _, name := range slices.Concat(flat, nested) {
		v := s.values[name]
		b = append(nest.Append(b, profile.Param{Name: name, Value: v.Text, Access: v.Access}, profile.Sample{}), '\n')
	}
	return string(append(nest.Close(b), "</flat-profile>\n"...)), missing
}

// bySection keeps the parameters of a section together.
func bySection(a, b string) int {
	return strings.Compare(a[:strings.LastIndexByte(a, '/')], b[:strings.LastIndexByte(b, '/')])
}

// add takes a value over, where nothing better is known.
func (s *Settings) add(name string, v Value) {
	if old, ok := s.values[name]; ok && old.Unknown == "" && old.From != v.From {
		return
	}
	if s.values == nil {
		s.values = map[string]Value{}
	}
	s.values[strings.Clone(name)] = v
}

// identify finds the model and firmware by what the phone calls itself. A firmware that is
// in no table keeps its name.
func (s *Settings) identify() {
	if s.product == "" || s.Model != "" {
		return
	}
	m, err := model.FindModel(s.product)
	if err != nil {
		m, err = model.FindModel(strings.ReplaceAll(s.product, "-", ""))
	}
	if err == nil {
		s.Model, s.Firmware = m.Name, s.software
	}
}

// row returns the row of the tables that is nearest to the phone, nil for none.
func (s *Settings) row() *model.Row {
	if s.Model == "" {
		return nil
	}
	row, err := model.NewRow(s.Model, s.Firmware, nil)
	if err != nil {
		row, _ = model.NewRow(s.Model, "", nil)
	}
	return row
}

const (
	masked = "the phone does not show passwords"
	torn   = "the page does not quote it: it may be cut"
	full   = "it is as long as the page's field: it may be cut"
)

// hidden says why a text that stands for a value is not it: a password is shown as stars, or
// not at all.
func hidden(name, text string, password bool) string {
	secret := password || isSecret(name)
	stars := strings.Trim(text, "*") == ""
	if secret && stars || stars && len(text) >= fewestStars {
		return masked
	}
	return ""
}

// fewestStars are those that are taken for a mask where no password is expected. The mask
// of the phones has 13; a star code has one or two.
const fewestStars = 8
