package scenarios

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"spafleet/device/measure"
	"spafleet/device/model"
)

// is reports whether a node is of a kind, and notes where it is not.
func (s *source) is(n *node, k kind, path, what string) bool {
	if n.kind != k && n.kind != refused {
		s.mistake(n, path, "this is %s, not %s", n.kind, what)
	}
	return n.kind == k
}

// A key reads the value of one key.
type key struct {
	name string
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
func (s *source) text(to *string) func(*node, string) {
	return func(n *node, path string) {
		if s.is(n, scalar, path, "a text") {
			*to = n.text
		}
	}
}

// plain reads a text in which nothing of the server is filled in later.
func (s *source) plain(to *string) func(*node, string) {
	return func(n *node, path string) {
		if !s.is(n, scalar, path, "a text") {
			return
		}
		if at := strings.Index(n.text, "${server."); at >= 0 && !strings.HasSuffix(n.text[:at], "$") {
			s.mistake(n, path, "where the server is, is known only when it has started: ${server.…} stands in presets, files and URLs")
			n.kind = refused
			return
		}
		*to = strings.ReplaceAll(n.text, "$${", "${")
	}
}

// coming refuses a key that a later version has.
func (s *source) coming(with string) func(*node, string) {
	return func(n *node, path string) {
		s.mistake(n, path, "this is not in this spafleet yet: it comes with %s", with)
	}
}

// scalarAs reads a scalar with a function that may refuse it.
func (s *source) scalarAs(read func(text string) error) func(*node, string) {
	return func(n *node, path string) {
		if !s.is(n, scalar, path, "a text") {
			return
		}
		if err := read(strings.TrimSpace(n.text)); err != nil {
			s.mistake(n, path, "%s", err)
		}
	}
}

func (s *source) boolean(to *bool) func(*node, string) {
	return s.scalarAs(func(text string) error {
		switch text {
		case "true", "false":
			*to = text == "true"
			return nil
		}
		return fmt.Errorf("%q is neither true nor false", text)
	})
}

func (s *source) count(to *int) func(*node, string) {
	return s.scalarAs(func(text string) (err error) {
		*to, err = measure.Count(text)
		return err
	})
}

// duration reads how long something lasts: more than 0.
func (s *source) duration(to *time.Duration) func(*node, string) {
	return s.scalarAs(func(text string) (err error) {
		*to, err = measure.Positive(text)
		return err
	})
}

// number reads a whole number within bounds.
func (s *source) number(to *int, least, most int) func(*node, string) {
	return s.scalarAs(func(text string) error {
		n, err := strconv.Atoi(text)
		if err != nil || n < least || n > most {
			return fmt.Errorf("%q is not a number from %d to %d", text, least, most)
		}
		*to = n
		return nil
	})
}

// texts reads a list of words, or one word.
func (s *source) texts(n *node, path string, take func(text string) error) {
	if n.kind == scalar {
		s.scalarAs(take)(n, path)
		return
	}
	s.each(n, path, func(n *node, path string) { s.scalarAs(take)(n, path) })
}
