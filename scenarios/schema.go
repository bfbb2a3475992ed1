package scenarios

import (
	"encoding/json"
	"slices"
	"strings"

	"spafleet/device/measure"
)

// Schema returns the JSON Schema (draft 07) of scenario files, made of the tables by
// which they are read. Editors complete and check a file with it. It says less than the
// reader: what fits the schema may be a mistake all the same.
func Schema() []byte {
	w := schemaWriter{defined: map[string]bool{}}
	root := w.mapping(form{keys: func() []key { return scenarioKeys(unread(), &Scenario{}) }})
	all := object{
		{"$schema", "http://json-schema.org/draft-07/schema#"},
		{"$comment", "scenario files of spafleet"},
	}
	all = append(all, root...)
	slices.SortFunc(w.definitions, func(a, b member) int { return strings.Compare(a.name, b.name) })
	all = append(all, member{"definitions", w.definitions})
	return append(layout(nil, all, ""), '\n')
}

// A schemaWriter turns forms into schemas. Each title is defined once.
type schemaWriter struct {
	definitions object
	defined     map[string]bool
}

// schema returns the schema of a value.
func (w *schemaWriter) schema(f form) object {
	var parts []object
	if f.text != nil {
		parts = append(parts, w.text(*f.text)...)
	}
	if f.keys != nil || f.others != nil {
		parts = append(parts, w.place(f))
	}
	if f.list != nil {
		parts = append(parts, object{{"type", "array"}, {"items", w.schema(*f.list)}})
	}
	if f.change {
		parts = append(parts, object{{"type", "null"}})
	}
	if len(parts) == 1 {
		return parts[0]
	}
	return object{{"anyOf", parts}}
}

// place returns the schema of a map, or where it is defined.
func (w *schemaWriter) place(f form) object {
	if f.title == "" {
		return w.mapping(f)
	}
	name := f.title
	if f.change && !f.anyTexts() {
		name += " change"
	}
	if !w.defined[name] {
		w.defined[name] = true
		w.definitions = append(w.definitions, member{name, w.mapping(f)})
	}
	return w.ref(name)
}

// described returns what a key means, as all editors show it, and in Markdown for those
// that can.
func described(about string) object {
	o := object{{"description", strings.ReplaceAll(about, "`", "")}}
	if strings.Contains(about, "`") {
		o = append(o, member{"markdownDescription", about})
	}
	return o
}

func (w *schemaWriter) ref(name string) object {
	return object{{"$ref", "#/definitions/" + strings.ReplaceAll(name, " ", "%20")}}
}

// mapping returns the schema of a map.
func (w *schemaWriter) mapping(f form) object {
	out := object{{"type", "object"}}
	var properties object
	if f.keys != nil {
		for _, k := range f.keys() {
			k.change = k.change || f.change
			properties = append(properties, member{k.name, append(described(k.about), w.schema(k.form)...)})
		}
	}
	var patterns object
	for _, o := range f.others {
		of := o.form
		of.change = f.change
		value := w.schema(of)
		if o.known != nil { // many: it is said once
			out = append(out, member{"allOf", []object{{{"additionalProperties", value}}}})
			value = object{}
			for _, name := range o.known() {
				properties = append(properties, member{name, value})
			}
		}
		if o.are != "" {
			patterns = append(patterns, member{"^(?:" + o.are + ")$", value})
		}
	}
	if patterns != nil {
		out = append(out, member{"patternProperties", patterns})
	}
	out = append(out, member{"additionalProperties", false})
	if properties != nil {
		out = append(out, member{"properties", properties})
	}
	if len(f.needs) > 0 && !f.change {
		out = append(out, member{"required", f.needs})
	}
	return out
}

// replaced is what any value may have: a parameter.
const replaced = `\$\{[a-z]`

// anyTexts reports whether a form is a map of texts alone, of which null is one.
func (f *form) anyTexts() bool {
	return f.keys == nil && !slices.ContainsFunc(f.others, func(n names) bool { return n.text == nil || !n.text.Any() })
}

// text returns the schemas of a text, of which it has one. Words that look like numbers
// or the truth are no texts to an editor.
func (w *schemaWriter) text(f measure.Form) []object {
	if f.Any() {
		if !w.defined["text"] {
			w.defined["text"] = true
			w.definitions = append(w.definitions, member{"text", object{{"type", []string{"string", "number", "boolean", "null"}}}})
		}
		return []object{w.ref("text")}
	}
	var parts []object
	pattern := replaced
	if len(f.Words) > 0 {
		var words []any
		for _, word := range f.Words {
			value := plainValue(word)
			words = append(words, value)
			if value != any(word) {
				pattern += `|^` + word + `$`
			}
		}
		parts = append(parts, object{{"enum", words}})
	}
	other := object{{"type", "string"}, {"pattern", pattern}}
	if f.Pattern != "" {
		other = object{{"type", types(f)}, {"pattern", pattern + `|^\s*(?:` + f.Pattern + `)\s*$`}}
		if len(f.Like) > 0 { // of yaml-language-server and others
			other = append(other, member{"patternErrorMessage", "this does not look like " + strings.Join(f.Like, " or ")})
		}
		switch {
		case f.Most > 0:
			other = append(other, member{"minimum", f.Least}, member{"maximum", f.Most})
		case f.Takes("0") && !f.Takes("5"): // nothing needs no unit
			other = append(other, member{"minimum", 0}, member{"maximum", 0})
		}
	}
	return append(parts, other)
}

// types returns what a text of a form may look like to an editor.
func types(f measure.Form) any {
	f.Words = nil
	switch {
	case f.Takes("5.5"):
		return []string{"string", "number"}
	case f.Takes("0"):
		return []string{"string", "integer"}
	}
	return "string"
}

// plainValue returns what a word is in YAML.
func plainValue(word string) any {
	var v any
	if err := json.Unmarshal([]byte(word), &v); err == nil {
		return v
	}
	return word
}
