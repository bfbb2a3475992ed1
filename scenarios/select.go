package scenarios

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/vm"

	"spafleet/device"
)

// A selector is [QUANTITY of] GROUPS [where EXPR].
type selector struct {
	most   quantity // text "": all
	groups []string // nil: all
	where  *vm.Program
}

const selectorForm = "a selector is [QUANTITY of] GROUPS [where EXPR]"

func (p *plan) selector(text string) (selector, error) {
	var s selector
	body, where, hasWhere := strings.Cut(text, " where ")
	if hasWhere {
		program, err := p.compile(where, world{})
		if err != nil {
			return s, err
		}
		s.where = program
	}
	if q, rest, ok := strings.Cut(body, " of "); ok {
		quantity, err := parseQuantity(q)
		if err != nil {
			return s, err
		}
		s.most, body = quantity, rest
	}
	names, err := p.groupNames(strings.TrimSpace(body))
	s.groups = names
	return s, err
}

// groupNames reads all, or a list of groups.
func (p *plan) groupNames(text string) ([]string, error) {
	if text == "all" || text == "" {
		return nil, nil
	}
	known := p.groupsKnown()
	var names []string
	for name := range strings.SplitSeq(text, ",") {
		name = strings.TrimSpace(name)
		if !slices.Contains(known, name) {
			if q, rest, ok := strings.Cut(name, " "); ok {
				if _, err := parseQuantity(q); err == nil {
					return nil, fmt.Errorf("%s; write %q", selectorForm, q+" of "+strings.TrimSpace(rest))
				}
			}
			return nil, fmt.Errorf("no group is called %q%s", name, cmpOr(device.DidYouMean(name, append(known, "all")), "; "+selectorForm))
		}
		names = append(names, name)
	}
	return names, nil
}

// choose returns the devices that a selector means now, by index. A sample is
// the same for the same seed and step.
func (j *judge) choose(s selector, step int) []device.Index {
	j.mu.Lock()
	defer j.mu.Unlock()
	var list []device.Index
	for i := range j.facts {
		dev := device.Index(i)
		if s.groups != nil && !slices.Contains(s.groups, j.fleet.Group(dev).Name) {
			continue
		}
		if s.where != nil {
			if v, err := expr.Run(s.where, *j.world(dev)); err != nil || v != any(true) {
				continue
			}
		}
		list = append(list, dev)
	}
	if s.most.text == "" {
		return list
	}
	n := int(max(math.Round(s.most.of(len(list))), 1)) // nearest whole number, at least one
	slices.SortFunc(list, func(a, b device.Index) int { return cmp.Compare(j.rank(a, step), j.rank(b, step)) })
	list = list[:min(n, len(list))]
	slices.Sort(list)
	return list
}

func (j *judge) rank(dev device.Index, step int) float64 {
	return device.Draw(j.seed, dev, forSample, uint32(step))
}

// forSample is the purpose of the draws that choose samples.
const forSample = 200
