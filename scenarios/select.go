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
	"spafleet/device/model"
)

// A selector is [QUANTITY of] GROUPS [where EXPR].
type selector struct {
	most   quantity // text "": all
	groups []string // nil: all
	where  *vm.Program
	varies string // what where asks for that a run may change, "" for nothing
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
		s.varies = varies(where)
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
			return nil, fmt.Errorf("no group is called %q%s", name, cmpOr(model.DidYouMean(name, append(known, "all")), "; "+selectorForm))
		}
		names = append(names, name)
	}
	return names, nil
}

// choose returns the devices of this process that a selector means now, by index.
// A sample is the same for the same seed and step, however many shards there are.
func (j *judge) choose(s selector, step int) []device.Index {
	if s.most.text != "" {
		return j.own(j.chooseAll(s, step))
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.meant(s, j.fleet.Len(), j.device, j.world)
}

// chooseAll returns the devices of all shards that a selector means now. Of
// those of other shards it is known only who they are.
func (j *judge) chooseAll(s selector, step int) []device.Index {
	j.mu.Lock()
	defer j.mu.Unlock()
	n, at, world := j.fleet.Len(), j.device, j.world
	if !j.fleet.Shard().Whole() {
		n, at, world = j.fleet.Total(), func(i int) device.Index { return device.Index(i) }, j.stranger
	}
	list := j.meant(s, n, at, world)
	if s.most.text == "" {
		return list
	}
	return j.sample(s, step, list)
}

// own leaves the devices of this process.
func (j *judge) own(list []device.Index) []device.Index {
	if j.fleet.Shard().Whole() {
		return list
	}
	return slices.DeleteFunc(list, func(dev device.Index) bool { return !j.fleet.Shard().Has(dev) })
}

// meant returns those of n devices that a selector without its quantity means.
func (j *judge) meant(s selector, n int, at func(int) device.Index, world func(device.Index) *world) []device.Index {
	var list []device.Index
	for i := range n {
		dev := at(i)
		if s.groups != nil && !slices.Contains(s.groups, j.fleet.Group(dev).Name) {
			continue
		}
		if s.where != nil {
			if v, err := expr.Run(s.where, *world(dev)); err != nil || v != any(true) {
				continue
			}
		}
		list = append(list, dev)
	}
	return list
}

// sample returns as many of the devices as a selector wants.
func (j *judge) sample(s selector, step int, list []device.Index) []device.Index {
	n := int(max(math.Round(s.most.of(len(list))), 1)) // nearest whole number, at least one
	slices.SortFunc(list, func(a, b device.Index) int { return cmp.Compare(j.rank(a, step), j.rank(b, step)) })
	list = list[:min(n, len(list))]
	slices.Sort(list)
	return list
}

// stranger returns what is known of any device of the whole fleet: who it is.
func (j *judge) stranger(dev device.Index) *world {
	w := &world{Index: int(dev)}
	u := j.fleet.Unit(dev)
	w.identify(&u, j.fleet.Group(dev).Name, j.seed)
	return w
}

func (j *judge) rank(dev device.Index, step int) float64 {
	return device.Draw(j.seed, dev, forSample, uint32(step))
}

// forSample is the purpose of the draws that choose samples.
const forSample = 200
