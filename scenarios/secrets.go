package scenarios

import (
	"cmp"
	"encoding/json"
	"net/url"
	"reflect"
	"slices"
	"strings"
)

// hidden stands where a secret was.
const hidden = "***"

// redactor replaces secrets in texts, as they are and as URLs and JSON have them.
func redactor(secrets []string) *strings.Replacer {
	var pairs []string
	longest := func(a, b string) int { return cmp.Compare(len(b), len(a)) }
	for _, s := range slices.SortedFunc(slices.Values(secrets), longest) { // one may begin another
		quoted, _ := json.Marshal(s) // of a text: cannot fail
		for _, form := range []string{s, url.QueryEscape(s), url.PathEscape(s), strings.Trim(string(quoted), `"`)} {
			pairs = append(pairs, form, hidden)
		}
	}
	return strings.NewReplacer(pairs...)
}

// Redact replaces the scenario's secrets in a text that others may see. It is safe for
// concurrent use.
func (s *Scenario) Redact(text string) string {
	if !s.HasSecrets() {
		return text
	}
	return redactor(s.file.secrets).Replace(text)
}

// Hide replaces the scenario's secrets in each text of a value and of what it points
// to, keys of maps included. It is given a pointer.
func (s *Scenario) Hide(v any) {
	if s.HasSecrets() {
		hideIn(reflect.ValueOf(v), redactor(s.file.secrets).Replace)
	}
}

// HasSecrets reports whether there is anything to redact.
func (s *Scenario) HasSecrets() bool { return s.file != nil && len(s.file.secrets) > 0 }

func hideIn(v reflect.Value, hide func(string) string) {
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		if !v.IsNil() {
			hideIn(v.Elem(), hide)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				hideIn(v.Field(i), hide)
			}
		}
	case reflect.Slice, reflect.Array:
		for i := range v.Len() {
			hideIn(v.Index(i), hide)
		}
	case reflect.Map:
		hideInMap(v, hide)
	case reflect.String:
		if v.CanSet() {
			v.SetString(hide(v.String()))
		}
	}
}

// hideInMap makes copies of what a map has, which cannot be changed in it.
func hideInMap(v reflect.Value, hide func(string) string) {
	for _, k := range v.MapKeys() {
		key, value := reflect.New(k.Type()).Elem(), reflect.New(v.Type().Elem()).Elem()
		key.Set(k)
		value.Set(v.MapIndex(k))
		hideIn(key, hide)
		hideIn(value, hide)
		v.SetMapIndex(k, reflect.Value{})
		v.SetMapIndex(key, value)
	}
}
