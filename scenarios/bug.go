package scenarios

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/expr-lang/expr/vm"

	"spafleet/device/model"
	"spafleet/scenarios/expression"
)

// A Bug is what some firmware does wrong in the field: who has it, how it shows, and
// what helps.
type Bug struct {
	Source     []string // where it is reported
	Evidence   string   // documented, field, image or inferred
	Trait      []string // the switches that cause it; "model" or "set" where no switch does
	Affected   []string // groups
	Unaffected []string
	Symptom    string
	Shows      string // true at an event that an operator sees: the device shows it
	Cures      []Cure

	node    *node
	program *vm.Program
}

// A Cure is what ends a bug.
type Cure struct {
	How      string
	Scenario *Scenario // the scenario with the cure's change; nil where no file holds it

	change *node
}

// What causes a bug where no switch of the firmware does: what a model is, or what the
// devices are set to.
const (
	byModel = "model"
	bySet   = "set"
)

// The groups of a bug's sides that names none.
const (
	affected   = "affected"
	unaffected = "unaffected"
)

// Program returns the compiled Shows of a bug that was planned.
func (b *Bug) Program() *vm.Program { return b.program }

var evidences = []string{"documented", "field", "image", "inferred"}

// readBug reads what a scenario says of a bug.
func readBug(s *source, n *node, path string) *Bug {
	b := &Bug{node: n}
	list := func(to *[]string) func(*node, string) {
		return func(n *node, path string) {
			s.texts(n, path, func(text string) error {
				*to = append(*to, text)
				return nil
			})
		}
	}
	known := s.walk(n, path,
		key{"source", list(&b.Source)},
		key{"evidence", s.scalarAs(func(text string) error {
			b.Evidence = text
			return oneOf(slices.Contains(evidences, text), text, strings.Join(evidences, ", "))
		})},
		key{"trait", func(n *node, path string) {
			s.texts(n, path, func(text string) error {
				b.Trait = append(b.Trait, text)
				return checkTrait(text)
			})
		}},
		key{affected, list(&b.Affected)},
		key{unaffected, list(&b.Unaffected)},
		key{"symptom", s.plain(&b.Symptom)},
		key{"shows", s.plain(&b.Shows)},
		key{"cures", func(n *node, path string) {
			s.each(n, path, func(n *node, path string) { b.Cures = append(b.Cures, readCure(s, n, path)) })
		}},
	)
	for _, needed := range []string{"source", "evidence", "symptom", "shows"} {
		if known && (n.get(needed) == nil || n.get(needed).empty()) {
			s.mistake(n, path, "a bug needs %s", needed)
		}
	}
	return b
}

// checkTrait requires the name of a switch, or a word for what no switch causes.
func checkTrait(text string) error {
	known := []string{byModel, bySet}
	row, err := model.NewRow("SPA2102", "", nil) // every row has all switches
	if err != nil {
		return err
	}
	for _, s := range row.Switches {
		known = append(known, s.Name)
	}
	if !slices.Contains(known, text) {
		return fmt.Errorf("%q is neither a switch of the firmware nor %s nor %s%s", text, byModel, bySet, model.DidYouMean(text, known))
	}
	return nil
}

// curable are the keys of a scenario that a cure may change.
var curable = []string{"fleet", "server", "clock", "timeline", "duration"}

func readCure(s *source, n *node, path string) Cure {
	c := Cure{}
	known := s.walk(n, path,
		key{"how", s.plain(&c.How)},
		key{"change", func(n *node, path string) {
			if !s.is(n, mapping, path, "a map") {
				return
			}
			c.change = n
			for _, k := range n.keys {
				if k.kind != refused && !slices.Contains(curable, k.text) {
					s.mistake(k, path, "a cure changes %s; this is %s", strings.Join(curable, ", "), k.text)
				}
			}
		}},
	)
	if known && (c.How == "" || c.change == nil && n.get("change") == nil) {
		s.mistake(n, path, "a cure says how in words and what changes")
	}
	return c
}

// checkBug checks a bug: that its sides exist, and that it is about what an operator sees.
func checkBug(c *checker) {
	b := c.Scenario.Bug
	if b == nil {
		return
	}
	b.Affected = sideOf(c, b.Affected, affected)
	b.Unaffected = sideOf(c, b.Unaffected, unaffected)
	if len(b.Affected) == 0 {
		c.mistake(b.node.at(), "bug", "no group is called affected, and bug.affected names none")
	}
	if len(b.Unaffected) == 0 && len(b.Cures) == 0 && !c.Scenario.cured {
		c.mistake(b.node.at(), "bug", "a bug needs another side: an unaffected group or a cure")
	}
	for _, name := range b.Affected {
		if slices.Contains(b.Unaffected, name) {
			c.mistake(b.node.at(unaffected), "bug.unaffected", "group %s is on both sides", name)
		}
	}
	if strings.TrimSpace(b.Shows) == "" {
		return // the reader has said so
	}
	var err error
	b.program, err = expression.Compile(b.Shows, expression.Scope{Vars: expression.SeenVars{}, Condition: true, Kinds: c.Kinds, Groups: c.Scenario.groupsKnown()})
	if err != nil {
		c.mistake(b.node.at("shows"), "bug.shows", "%s", err)
	}
}

// sideOf returns the groups of a side: those that are named, or the one with its name. A
// cure may have taken some out of the fleet.
func sideOf(c *checker, named []string, usual string) []string {
	known := c.Scenario.groupsKnown()
	if len(named) == 0 && slices.Contains(known, usual) {
		return []string{usual}
	}
	var list []string
	for _, name := range named {
		switch {
		case slices.Contains(known, name):
			list = append(list, name)
		case !c.Scenario.cured:
			c.mistake(c.Scenario.Bug.node.at(usual), "bug."+usual, "no group is called %q%s", name, model.DidYouMean(name, known))
		}
	}
	return list
}

// cure reads the scenario once more with each cure of its bug. What is wrong in one is
// noted with the source.
func cure(s *Scenario, src *source) {
	if s.Bug == nil {
		return
	}
	root := src.tree.with(&node{text: "bug"}, src.tree.get("bug").with(&node{text: "cures"}, &node{null: true}))
	for i := range s.Bug.Cures {
		c := &s.Bug.Cures[i]
		r := &reader{src.again()}
		cured, err := r.read(merge(root, c.change), true)
		var wrong Mistakes
		if !errors.As(err, &wrong) {
			c.Scenario = cured
			c.Scenario.Name = fmt.Sprintf("%s, cured: %s", s.Name, c.How)
			continue
		}
		for _, m := range wrong {
			m.Path = fmt.Sprintf("bug.cures[%d]: %s", i, m.Path)
			src.mistakes = append(src.mistakes, m)
		}
	}
}
