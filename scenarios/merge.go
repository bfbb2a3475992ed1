package scenarios

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"spafleet/device/model"
)

// merge returns what a value is once a change is merged into it (RFC 7396): maps
// merge, nothing removes a key, and whatever else replaces the value. To may be nil.
// Neither is changed; the result shares nodes with both.
func merge(to, change *node) *node {
	if change.kind != mapping {
		return change
	}
	out := &node{line: change.line, col: change.col, given: change.given, kind: mapping}
	if to != nil && to.kind == mapping {
		out = to
	}
	for i, k := range change.keys {
		v := change.values[i]
		if !v.null {
			v = merge(out.get(k.text), v)
		}
		out = out.with(k, v)
	}
	return out
}

// A Change is a field that is set from outside the file. It is merged into the file
// as RFC 7396 says: maps merge, null removes, the rest replaces.
type Change struct {
	// Path is the keys on the way to the field, with dots between them. An element
	// of a list is known by its number, from 0, or by its name. A key that has a dot
	// and is not in the file yet stands in double quotes.
	Path string
	// Value is text as written, unless it begins as a map, a list or a quoted text
	// of YAML does, or is null.
	Value string
	Given string // how the user gave it, for mistakes: such as a flag
}

// ParseChange reads PATH=VALUE. Flag is what mistakes call it.
func ParseChange(text, flag string) (Change, error) {
	quoted := false
	for i, c := range text {
		switch {
		case c == '"':
			quoted = !quoted
		case c == '=' && !quoted && i > 0:
			return Change{Path: text[:i], Value: text[i+1:], Given: strings.TrimSpace(flag + " " + text[:i])}, nil
		}
	}
	return Change{}, fmt.Errorf("%q is not PATH=VALUE, such as fleet.town.count=500", text)
}

// change merges a change into the tree of the file.
func (s *source) change(root *node, c Change) *node {
	at := &node{given: c.Given}
	value := s.value(c)
	if value == nil {
		return root
	}
	path := c.Path
	if name, is := strings.CutPrefix(path, "params."); is && value.kind == scalar && !value.null {
		switch declared := root.at("params").get(name); {
		case declared == nil:
			s.mistake(at, "", "no parameter is called %q%s", name, model.DidYouMean(name, root.at("params").keyTexts()))
			return root
		case declared.kind == mapping: // it stays what it is, such as a secret
			path += ".default"
		}
	}
	out, err := set(root, path, value)
	if err != nil {
		s.mistake(at, "", "%s", err)
		return root
	}
	return out
}

// value reads the value of a change, nil where it is a mistake.
func (s *source) value(c Change) *node {
	text := strings.TrimSpace(c.Value)
	if text == "null" || text == "~" {
		return &node{given: c.Given, null: true}
	}
	if text == "" || !strings.Contains(`{["'`, text[:1]) {
		return &node{given: c.Given, text: c.Value}
	}
	inner := &source{name: s.name, given: c.Given}
	inner.take([]byte(text))
	if len(inner.mistakes) == 0 {
		if n := inner.parse(); n != nil && len(inner.mistakes) == 0 {
			return n
		}
	}
	m := inner.mistakes[0]
	s.mistake(&node{given: c.Given}, "", "%s; a text that begins with %s stands in quotes", m.Msg, text[:1])
	return nil
}

// set returns a tree with a value merged into the place at a path.
func set(n *node, path string, value *node) (*node, error) {
	if path == "" {
		return merge(n, value), nil
	}
	if n != nil && n.kind == list {
		return setElement(n, path, value)
	}
	key, rest, err := firstKey(n, path)
	if err != nil {
		return nil, err
	}
	var inner *node
	if n != nil && n.kind == mapping {
		inner = n.get(key)
	}
	if rest == "" && value.null && inner == nil {
		return nil, fmt.Errorf("there is no %q to remove%s", key, model.DidYouMean(key, n.keyTexts()))
	}
	inner, err = set(inner, rest, value)
	if err != nil {
		return nil, err
	}
	return n.with(&node{given: value.given, text: key}, inner), nil
}

// with returns a map with another value of a key, or without the key where that is
// nothing.
func (n *node) with(key, value *node) *node {
	out := &node{given: value.given, kind: mapping}
	if n != nil && n.kind == mapping {
		*out = *n
		out.keys, out.values = slices.Clone(n.keys), slices.Clone(n.values)
	}
	at := slices.IndexFunc(out.keys, func(have *node) bool { return have.text == key.text })
	switch {
	case at < 0 && value.null:
	case at < 0:
		out.keys, out.values = append(out.keys, key), append(out.values, value)
	case value.null:
		out.keys, out.values = slices.Delete(out.keys, at, at+1), slices.Delete(out.values, at, at+1)
	default:
		out.values[at] = value
	}
	return out
}

// setElement changes an element of a list, by its place or its name.
func setElement(n *node, path string, value *node) (*node, error) {
	word, rest, _ := strings.Cut(path, ".")
	at, err := strconv.Atoi(word)
	var names []string
	for i, v := range n.values {
		if name := v.get("name"); name != nil {
			names = append(names, name.text)
			if err != nil && name.text == word {
				at, err = i, nil
			}
		}
	}
	if err != nil || at < 0 || at >= len(n.values) {
		return nil, fmt.Errorf("%q is no element of this list of %d: a number from 0, or the name of one%s", word, len(n.values), model.DidYouMean(word, names))
	}
	out := *n
	out.values = slices.Clone(n.values)
	inner, err := set(n.values[at], rest, value)
	switch {
	case err != nil:
		return nil, err
	case inner.null:
		out.values = slices.Delete(out.values, at, at+1)
	default:
		out.values[at] = inner
	}
	return &out, nil
}

// firstKey takes the first key of a path: one in quotes, the longest that the map has,
// or what stands before the next dot.
func firstKey(n *node, path string) (key, rest string, err error) {
	if strings.HasPrefix(path, `"`) {
		key, rest, ok := strings.Cut(path[1:], `"`)
		if rest = strings.TrimPrefix(rest, "."); !ok || key == "" {
			return "", "", fmt.Errorf("a quote is missing in %s", path)
		}
		return key, rest, nil
	}
	for _, k := range n.keyTexts() {
		if len(k) > len(key) && (path == k || strings.HasPrefix(path, k+".")) {
			key = k
		}
	}
	if key != "" {
		return key, strings.TrimPrefix(path[len(key):], "."), nil
	}
	if key, rest, _ = strings.Cut(path, "."); key == "" {
		return "", "", fmt.Errorf("a key is missing in the path %q", path)
	}
	return key, rest, nil
}

// keyTexts returns the keys of a map; none of what is no map, or nil.
func (n *node) keyTexts() []string {
	var list []string
	if n != nil {
		for _, k := range n.keys {
			list = append(list, k.text)
		}
	}
	return list
}
