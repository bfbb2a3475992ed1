package inventory

import (
	"bytes"
	"cmp"
	"slices"
	"strings"

	"spafleet/device/model"
)

// What a column says of a device.
type field uint8

const (
	macField field = iota
	modelField
	firmwareField
	serialField
	groupField
	addressField
	certificateField
	keyField
	paramField
	noteField // for people
)

// columns are the names of columns. One of a parameter is param:NAME, and one for
// people may be note:ANYTHING too.
var columns = map[string]field{
	"mac": macField, "model": modelField, "firmware": firmwareField, "serial": serialField, "group": groupField,
	"address": addressField, "certificate": certificateField, "key": keyField, "note": noteField,
}

// A column is one of the file.
type column struct {
	name  string // as the header has it
	field field
	id    model.ID // of a parameter
	param string   // its name
}

// header reads the names of the columns.
func (r *reader) header(names []string, at func(i int) (line, column int)) {
	seen := map[column]bool{}
	for i, name := range names {
		name = strings.TrimSpace(name)
		line, col := at(i)
		c, why := r.columnOf(name)
		key := column{field: c.field, id: c.id}
		switch {
		case why != "":
			r.mistakes.add(line, col, "", "%s", why)
		case seen[key] && c.field != noteField:
			r.mistakes.add(line, col, "", "a column %s says this already", shown(name))
		}
		seen[key] = true
		r.columns = append(r.columns, c)
	}
	for _, f := range []field{macField, modelField} {
		if !seen[column{field: f}] {
			r.mistakes.add(1, 1, "", "no column is called %s; the first line names the columns: mac, model, and as you like %s", nameOf(f), others)
		}
	}
	if seen[column{field: keyField}] && !seen[column{field: certificateField}] {
		r.mistakes.add(1, 1, "", "a column key needs a column certificate")
	}
	for i, c := range r.columns {
		switch c.field {
		case paramField:
			r.params = append(r.params, i)
			r.list.params = append(r.list.params, c.id)
		case noteField:
		default:
			r.at[c.field] = i
		}
	}
	slices.SortFunc(r.params, func(a, b int) int { return cmp.Compare(r.columns[a].id, r.columns[b].id) })
}

const others = "serial, firmware, group, address, profile_rule, certificate, key, param:NAME, note"

func nameOf(f field) string {
	for name, is := range columns {
		if is == f {
			return name
		}
	}
	return ""
}

// columnOf returns what a column of a name is, or why it is none.
func (r *reader) columnOf(name string) (c column, why string) {
	c = column{name: name, field: noteField}
	low := strings.ToLower(name)
	param, isParam := cutFold(name, "param:")
	switch f, ok := columns[low]; {
	case ok:
		c.field = f
		return c, ""
	case strings.HasPrefix(low, "note:"):
		return c, ""
	case low == "profile_rule":
		isParam, param = true, "Profile_Rule"
	case name == "":
		return c, "a column without a name; name it note if it is for people"
	}
	if !isParam {
		return c, "unknown column " + shown(name) + r.meant(low, func() []string { return strings.Split("mac, model, "+others, ", ") }) + "; columns for people are called note or note:ANYTHING"
	}
	id, ok := model.LookupID(strings.TrimSpace(param))
	if !ok {
		return c, "no model has a parameter " + shown(param) + r.meant(param, parameterNames)
	}
	c.field, c.id, c.param = paramField, id, id.Name()
	return c, ""
}

// meant returns a hint at the choice that a word is nearest to, as long as mistakes are
// shown.
func (r *reader) meant(word string, choices func() []string) string {
	if r.mistakes.Count >= MostShown || len(word) > mostQuoted {
		return ""
	}
	return model.DidYouMean(word, choices())
}

// parameterNames are those of all models, each once.
func parameterNames() []string {
	var names []string
	seen := map[model.ID]bool{}
	for m := range model.All() {
		for _, p := range m.Factory().Params {
			if !seen[p.ID] {
				seen[p.ID] = true
				names = append(names, p.Name)
			}
		}
	}
	return names
}

// cutFold is strings.CutPrefix for either case of letters.
func cutFold(text, prefix string) (rest string, ok bool) {
	if len(text) < len(prefix) || !strings.EqualFold(text[:len(prefix)], prefix) {
		return text, false
	}
	return text[len(prefix):], true
}

// delimiterOf returns what stands between the fields of a header: the one of comma,
// semicolon and tab that is most often there.
func delimiterOf(src []byte) rune {
	var line []byte
	for len(src) > 0 && (len(bytes.TrimSpace(line)) == 0 || line[0] == '#') {
		line, src, _ = bytes.Cut(src, []byte("\n"))
	}
	best, most := ',', 0
	for _, d := range ",;\t" {
		if n := bytes.Count(line, []byte(string(d))); n > most {
			best, most = d, n
		}
	}
	return best
}
