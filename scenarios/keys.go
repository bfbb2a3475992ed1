package scenarios

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"spafleet/device/measure"
	"spafleet/device/model"
	"spafleet/scenarios/report"
)

// is reports whether a node is of a kind, and notes where it is not.
func (s *source) is(n *node, k kind, path, what string) bool {
	if n.kind != k && n.kind != refused {
		s.mistake(n, path, "this is %s, not %s", n.kind, what)
	}
	return n.kind == k
}

// A key is one that a map may have.
type key struct {
	name  string
	about string // what it means, in Markdown: for the documentation and editors
	value
}

// A value is what a key may have, and how it is read.
type value struct {
	form
	read func(n *node, path string)
}

// walk reads a map by its keys. What is not among them is a mistake that names
// the nearest. It reports whether all were.
func (s *source) walk(n *node, path string, keys ...key) bool {
	known := s.is(n, mapping, path, "a map")
	for i, k := range n.keys {
		if k.kind == refused {
			known = false
			continue
		}
		at := slices.IndexFunc(keys, func(c key) bool { return c.name == k.text })
		if at < 0 {
			s.mistake(k, path, "unknown key %q%s", k.text, model.DidYouMean(k.text, keyNames(keys)))
			known = false
			continue
		}
		keys[at].read(n.values[i], join(path, k.text))
	}
	return known
}

// named reads a map whose keys are names.
func (s *source) named(n *node, path string, read func(k, value *node, path string)) {
	for i, k := range n.keys {
		if k.kind != refused {
			read(k, n.values[i], join(path, k.text))
		}
	}
}

func keyNames(keys []key) []string {
	var names []string
	for _, k := range keys {
		names = append(names, k.name)
	}
	return names
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

// inMap reads a map by keys.
func (s *source) inMap(title string, keys func() []key, needs ...string) value {
	return value{form{title: title, keys: keys, needs: needs}, func(n *node, path string) { s.walk(n, path, keys()...) }}
}

// orMap reads a map, and what is none as a word.
func (s *source) orMap(word, inMap value) value {
	both := inMap.form
	both.text = word.text
	return value{both, func(n *node, path string) {
		if n.kind == mapping {
			inMap.read(n, path)
			return
		}
		word.read(n, path)
	}}
}

// each reads the items of a list.
func (s *source) each(n *node, path string, read func(item *node, path string)) {
	if !s.is(n, list, path, "a list") {
		return
	}
	for i, item := range n.values {
		read(item, fmt.Sprintf("%s[%d]", path, i))
	}
}

// text reads a scalar.
func (s *source) text(to *string) value {
	return value{anyText, func(n *node, path string) {
		if s.is(n, scalar, path, "a text") {
			*to = n.text
		}
	}}
}

// plain reads a text in which nothing of the server is filled in later.
func (s *source) plain(to *string) value {
	return value{anyText, func(n *node, path string) {
		if !s.is(n, scalar, path, "a text") {
			return
		}
		if at := strings.Index(n.text, "${server."); at >= 0 && !strings.HasSuffix(n.text[:at], "$") {
			s.mistake(n, path, "where the server is, is known only when it has started: ${server.…} stands in presets, files and URLs")
			n.kind = refused
			return
		}
		*to = strings.ReplaceAll(n.text, "$${", "${")
	}}
}

// scalarAs reads a scalar of a form with a function that may refuse it.
func (s *source) scalarAs(f measure.Form, read func(text string) error) value {
	return value{form{text: &f}, func(n *node, path string) {
		if !s.is(n, scalar, path, "a text") {
			return
		}
		if err := read(strings.TrimSpace(n.text)); err != nil {
			s.mistake(n, path, "%s", err)
		}
	}}
}

func (s *source) boolean(to *bool) value {
	return s.scalarAs(measure.BoolForm, func(text string) error { return readBool(text, to) })
}

func readBool(text string, to *bool) error {
	switch text {
	case "true", "false":
		*to = text == "true"
		return nil
	}
	return fmt.Errorf("%q is neither true nor false", text)
}

func (s *source) count(to *int) value {
	return s.scalarAs(measure.CountForm, func(text string) (err error) {
		*to, err = measure.Count(text)
		return err
	})
}

// quantity reads a count or a share.
func (s *source) quantity(to *report.Quantity) value {
	return s.scalarAs(measure.CountForm.Or(measure.ShareForm), func(text string) (err error) {
		*to, err = ParseQuantity(text)
		return err
	})
}

// duration reads how long something lasts: more than 0.
func (s *source) duration(to *time.Duration) value {
	return s.scalarAs(measure.PositiveForm, func(text string) (err error) {
		*to, err = measure.Positive(text)
		return err
	})
}

// number reads a whole number within bounds.
func (s *source) number(to *int, least, most int) value {
	return s.scalarAs(measure.Form{Pattern: "[0-9]+", Least: least, Most: most}, func(text string) error {
		n, err := strconv.Atoi(text)
		if err != nil || n < least || n > most {
			return fmt.Errorf("%q is not a number from %d to %d", text, least, most)
		}
		*to = n
		return nil
	})
}

// word reads one of some words.
func (s *source) word(words []string, take func(text string)) value {
	return s.scalarAs(measure.Form{Words: words}, func(text string) error {
		take(text)
		return oneOf(slices.Contains(words, text), text, strings.Join(words, ", "))
	})
}

// texts reads a list of texts of a form, or one text.
func (s *source) texts(f measure.Form, take func(text string) error) value {
	one := s.scalarAs(f, take)
	return value{form{text: &f, list: &one.form}, func(n *node, path string) {
		if n.kind == scalar {
			one.read(n, path)
			return
		}
		s.each(n, path, one.read)
	}}
}
