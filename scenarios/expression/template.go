package expression

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/vm"
)

// A Template is a text with {{ expressions }}, compiled.
type Template struct {
	texts    []string // one more than programs
	programs []*vm.Program
	varies   bool // one of them asks for more than who asks, and the secrets
}

// ParseTemplate splits and compiles a text. What its expressions name is added to Kinds
// and Names of the scope, which may be nil.
func ParseTemplate(text string, s Scope) (*Template, error) {
	s.Vars, s.Condition = RequestVars{}, false
	t, whole := &Template{}, text
	for {
		before, rest, ok := strings.Cut(text, "{{")
		t.texts = append(t.texts, before)
		if !ok {
			return t, nil
		}
		code, after, ok := strings.Cut(rest, "}}")
		if !ok {
			return nil, fmt.Errorf("{{ without }}")
		}
		program, err := Compile(strings.TrimSpace(code), s)
		if err != nil {
			return nil, fmt.Errorf("{{ %s }}: %w", strings.TrimSpace(code), inside(err, whole, len(whole)-len(rest)+blanks(code)))
		}
		t.programs = append(t.programs, program)
		t.varies = t.varies || slices.ContainsFunc(identifiers(code), func(name string) bool { return !slices.Contains(stableNames, name) })
		text = after
	}
}

// inside places the mistake of an expression in the text that it begins at a byte of.
func inside(err error, text string, at int) error {
	var m *Mistake
	if errors.As(err, &m) {
		return m.Inside(text, at)
	}
	return err
}

// blanks returns how many bytes of blanks a text begins with.
func blanks(text string) int { return len(text) - len(strings.TrimLeft(text, " \t\r\n")) }

// Constant reports whether a template has no expressions.
func (t *Template) Constant() bool { return len(t.programs) == 0 }

// stableNames are the names of what [Template.Stable] allows.
var stableNames = []string{
	"index", "group", "model", "family", "mac", "serial", "secret", "duration",
	"key", "dir", "next_key", "next_dir", "generation",
}

// Stable reports whether a template's text follows from which device asks, and from the
// secrets of the request: [DeviceVars.Identify] tells all that its expressions ask of the
// device.
func (t *Template) Stable() bool { return !t.varies }

// Expand evaluates the expressions for one device.
func (t *Template) Expand(vars RequestVars) (string, error) {
	var b strings.Builder
	b.WriteString(t.texts[0])
	for i, p := range t.programs {
		v, err := expr.Run(p, vars)
		if err != nil {
			return "", failure(err)
		}
		fmt.Fprint(&b, v)
		b.WriteString(t.texts[i+1])
	}
	return b.String(), nil
}

// unknownPlace says what a ${name} could have been.
func unknownPlace(name string, values map[string]string) error {
	if len(values) == 0 {
		return fmt.Errorf("unknown ${%s}; this scenario has no server", name)
	}
	var known []string
	for _, v := range slices.Sorted(maps.Keys(values)) {
		known = append(known, "${"+v+"}")
	}
	return fmt.Errorf("unknown ${%s}; there are %s", name, strings.Join(known, ", "))
}

// Fill replaces ${name} by the server's addresses, once and before the
// start; $${ is a literal ${.
func Fill(text string, values map[string]string) (string, error) {
	var b strings.Builder
	for {
		before, rest, ok := strings.Cut(text, "${")
		if !ok {
			b.WriteString(text)
			return b.String(), nil
		}
		if literal, is := strings.CutSuffix(before, "$"); is {
			b.WriteString(literal + "${")
			text = rest
			continue
		}
		name, after, ok := strings.Cut(rest, "}")
		value, known := values[name]
		if !ok || !known {
			return "", unknownPlace(name, values)
		}
		b.WriteString(before + value)
		text = after
	}
}
