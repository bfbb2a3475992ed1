package scenarios

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/expr-lang/expr/vm"

	"spafleet/device/measure"
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
	known := s.walk(n, path, bugKeys(s, b)...)
	for _, needed := range bugNeeds {
		if known && (n.get(needed) == nil || n.get(needed).empty()) {
			s.mistake(n, path, "a bug needs %s", needed)
		}
	}
	return b
}

// bugNeeds are the keys that a bug cannot do without.
var bugNeeds = []string{"source", "evidence", "symptom", "shows"}

// Abouts of the two sides.
const aboutSides = "the groups of the two sides (the groups of these names)"

// bugKeys are those of a bug.
func bugKeys(s *source, b *Bug) []key {
	list := func(to *[]string) value {
		return s.texts(measure.Form{}, func(text string) error {
			*to = append(*to, text)
			return nil
		})
	}
	return []key{
		{"source", "where the bug is reported; a text or a list", list(&b.Source)},
		{"evidence", "how sure it is: `documented`, `field`, `image` (seen in a firmware image) or `inferred`", s.word(evidences, func(word string) { b.Evidence = word })},
		{"trait", "what causes it: firmware switches by name, `model` (what a model or firmware is, where no switch says it) or `set` (what the devices are set to)", s.texts(measure.Form{Words: traits()}, func(text string) error {
			b.Trait = append(b.Trait, text)
			return checkTrait(text)
		})},
		{affected, aboutSides, list(&b.Affected)},
		{unaffected, aboutSides, list(&b.Unaffected)},
		{"symptom", "what people see, in words", s.plain(&b.Symptom)},
		{"shows", "a device shows the bug when this is true at an event of kind `syslog`, `wire` or `server_log`. It may use what an operator has: who the device is, `elapsed`, and `event`, `events()` and `last()` of these kinds", s.plain(&b.Shows)},
		{"cures", "what helps, each with `how` and `change`; the scenario runs once more with each", value{inList(cureForm()), func(n *node, path string) {
			s.each(n, path, func(n *node, path string) { b.Cures = append(b.Cures, readCure(s, n, path)) })
		}}},
	}
}

// traits are what may cause a bug.
func traits() []string {
	known := []string{byModel, bySet}
	for _, s := range switches() {
		known = append(known, s.Name)
	}
	return known
}

// checkTrait requires the name of a switch, or a word for what no switch causes.
func checkTrait(text string) error {
	known := traits()
	if !slices.Contains(known, text) {
		return fmt.Errorf("%q is neither a switch of the firmware nor %s nor %s%s", text, byModel, bySet, model.DidYouMean(text, known))
	}
	return nil
}

// curable are the keys of a scenario that a cure may change.
var curable = []string{"fleet", "server", "clock", "timeline", "duration"}

func readCure(s *source, n *node, path string) Cure {
	c := Cure{}
	known := s.walk(n, path, cureKeys(s, &c)...)
	if known && (c.How == "" || c.change == nil && n.get("change") == nil) {
		s.mistake(n, path, "a cure says how in words and what changes")
	}
	return c
}

// cureKeys are those of a cure.
func cureKeys(s *source, c *Cure) []key {
	return []key{
		{"how", "what helps, in words", s.plain(&c.How)},
		{"change", "what changes: it is merged into `fleet`, `server`, `clock`, `timeline` or `duration` as `--with` does", value{changeForm(), func(n *node, path string) {
			if !s.is(n, mapping, path, "a map") {
				return
			}
			c.change = n
			for _, k := range n.keys {
				if k.kind != refused && !slices.Contains(curable, k.text) {
					s.mistake(k, path, "a cure changes %s; this is %s", strings.Join(curable, ", "), k.text)
				}
			}
		}}},
	}
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
	b.program, err = expression.Compile(b.Shows, c.scope(expression.SeenVars{}))
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
