package scenarios

import (
	"bytes"
	"encoding/json"
)

// An object is one of JSON whose members have an order.
type object []member

type member struct {
	name  string
	value any
}

// MarshalJSON writes the members in their order.
func (o object) MarshalJSON() ([]byte, error) {
	b := []byte{'{'}
	for i, m := range o {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(append(append(b, compact(m.name)...), ':'), compact(m.value)...)
	}
	return append(b, '}'), nil
}

// compact returns a value as JSON without blanks.
func compact(v any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		panic(err) // texts, numbers, lists and objects of them
	}
	return bytes.TrimRight(b.Bytes(), "\n")
}

// mostWide is the longest line that is not broken where it can be.
const mostWide = 100

// layout appends a value as JSON that a person can read: what fits is one line.
func layout(b []byte, v any, indent string) []byte {
	text := compact(v)
	if len(indent)+len(text) <= mostWide {
		return append(b, text...)
	}
	within := indent + "  "
	line := func(i int) {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(append(b, '\n'), within...)
	}
	switch v := v.(type) {
	case object:
		b = append(b, '{')
		for i, m := range v {
			line(i)
			b = layout(append(append(b, compact(m.name)...), ": "...), m.value, within)
		}
		return append(append(append(b, '\n'), indent...), '}')
	case []object:
		b = append(b, '[')
		for i, o := range v {
			line(i)
			b = layout(b, o, within)
		}
		return append(append(append(b, '\n'), indent...), ']')
	case []any:
		b = append(b, '[')
		for i, o := range v {
			line(i)
			b = layout(b, o, within)
		}
		return append(append(append(b, '\n'), indent...), ']')
	}
	return append(b, text...)
}
