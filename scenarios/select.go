package scenarios

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/expr-lang/expr/vm"

	"spafleet/device/model"
	"spafleet/scenarios/expression"
	"spafleet/scenarios/report"
)

// A Selector is [QUANTITY of] GROUPS [where EXPR].
type Selector struct {
	Most   report.Quantity // Text "": all
	Groups []string        // nil: all
	Where  *vm.Program     // nil: all of them
	varies string          // what where asks for that a run may change, "" for nothing
}

const selectorForm = "a selector is [QUANTITY of] GROUPS [where EXPR]"

func (c *checker) selector(text string) (Selector, error) {
	var s Selector
	body, where, hasWhere := strings.Cut(text, " where ")
	if hasWhere {
		program, err := c.compile(where, expression.DeviceVars{})
		var wrong *expression.Mistake
		if errors.As(err, &wrong) {
			return s, wrong.Inside(text, len(text)-len(where))
		}
		if err != nil {
			return s, err
		}
		s.Where = program
		s.varies = expression.Varies(where)
	}
	if q, rest, ok := strings.Cut(body, " of "); ok {
		quantity, err := ParseQuantity(q)
		if err != nil {
			return s, err
		}
		s.Most, body = quantity, rest
	}
	names, err := c.GroupNames(strings.TrimSpace(body))
	s.Groups = names
	return s, err
}

// groupNames reads all, or a list of groups.
func (s *Scenario) groupNames(text string) ([]string, error) {
	if text == "all" || text == "" {
		return nil, nil
	}
	known := s.groupsKnown()
	var names []string
	for name := range strings.SplitSeq(text, ",") {
		name = strings.TrimSpace(name)
		if !slices.Contains(known, name) {
			if q, rest, ok := strings.Cut(name, " "); ok {
				if _, err := ParseQuantity(q); err == nil {
					return nil, fmt.Errorf("%s; write %q", selectorForm, q+" of "+strings.TrimSpace(rest))
				}
			}
			return nil, fmt.Errorf("no group is called %q%s", name, cmp.Or(model.DidYouMean(name, append(known, "all")), "; "+selectorForm))
		}
		names = append(names, name)
	}
	return names, nil
}

func (s *Scenario) groupsKnown() []string {
	var names []string
	for _, g := range s.Fleet {
		names = append(names, g.Name)
	}
	return names
}

// Everyone reports whether a selector leaves no device out.
func (s *Selector) Everyone() bool { return s.Most.Text == "" && s.Groups == nil && s.Where == nil }
