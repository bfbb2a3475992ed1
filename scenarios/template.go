package scenarios

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/vm"
)

// A template is a text with {{ expressions }}, compiled.
type template struct {
	texts    []string // one more than programs
	programs []*vm.Program
}

// parseTemplate splits and compiles a text.
func parseTemplate(text string, kinds map[string]bool) (*template, error) {
	t := &template{}
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
		program, err := compile(strings.TrimSpace(code), language{env: speaker{}, kinds: kinds})
		if err != nil {
			return nil, fmt.Errorf("{{ %s }}: %w", strings.TrimSpace(code), err)
		}
		t.programs = append(t.programs, program)
		text = after
	}
}

// expand evaluates the expressions for one device.
func (t *template) expand(s speaker) (string, error) {
	var b strings.Builder
	b.WriteString(t.texts[0])
	for i, p := range t.programs {
		v, err := expr.Run(p, s)
		if err != nil {
			return "", tidy(err)
		}
		fmt.Fprint(&b, v)
		b.WriteString(t.texts[i+1])
	}
	return b.String(), nil
}

// unknownPlace says what a ${name} could have been.
func unknownPlace(name string, values map[string]string) error {
	if len(values) == 0 {
		return fmt.Errorf("unknown ${%s}; this story has no server", name)
	}
	var known []string
	for _, v := range slices.Sorted(maps.Keys(values)) {
		known = append(known, "${"+v+"}")
	}
	return fmt.Errorf("unknown ${%s}; there are %s", name, strings.Join(known, ", "))
}

// placeholders replaces ${name} by the server's addresses, once and before the
// start; $${ is a literal ${.
func placeholders(text string, values map[string]string) (string, error) {
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
