package report

import "reflect"

// Hide replaces each text in a value and in what it points to, keys of maps included.
// It is given a pointer.
func Hide(v any, hide func(string) string) { hideIn(reflect.ValueOf(v), hide) }

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
