package scenarios

import (
	"fmt"
	"strings"

	"spafleet/device/measure"
)

// actions are what a step can do. URL says that it takes one, sets that it takes
// parameters.
var actions = []struct {
	name      string
	url, sets bool
}{
	{name: "power_on"}, {name: "power_off"}, {name: "reboot"}, {name: "factory_reset"}, {name: "off_hook"}, {name: "on_hook"},
	{name: "resync", url: true}, {name: "upgrade", url: true}, {name: "set", sets: true}, {name: "report"}, {name: "rotate_keys"},
}

func (r *reader) step(n *node, path string) Step {
	s := Step{node: n}
	keys := []key{
		{"name", r.plain(&s.Name)},
		{"at", r.instant(&s.At)},
		{"when", func(n *node, path string) { e := r.expectation(n, path, true); s.When = &e }},
		{"by", r.instant(&s.By)},
		{"for", r.duration(&s.For)},
		{"rate", r.scalarAs(func(text string) (err error) { s.Pace.From, s.Pace.To, err = parseRamp(text); return })},
		{"over", r.duration(&s.Pace.Over)},
		r.whole(&s, "fault", func(n *node, path string) { r.fault(&s, n, path) }),
		r.whole(&s, "clear", r.text(&s.Clear)),
	}
	for _, a := range actions {
		keys = append(keys, r.whole(&s, a.name, func(value *node, path string) { r.action(&s, a.url, a.sets, value, path) }))
	}
	r.walk(n, path, keys...)
	r.undoAndPace(&s, path)
	if s.At.Given && s.When != nil {
		r.mistake(n.key("at"), path, "a step happens at an instant or when an expectation holds, not both")
	}
	if s.By.Given && n.get("when") == nil {
		r.mistake(n.key("by"), path, "by is the deadline of a when, and this step has none")
	}
	return s
}

// whole reads what a step does. It does one thing.
func (r *reader) whole(s *Step, name string, read func(*node, string)) key {
	return key{name, func(value *node, path string) {
		if s.Action != "" {
			r.mistake(s.node.key(name), path, "a step has one action; this one has %s too", s.Action)
			return
		}
		s.Action = name
		read(value, path)
	}}
}

// undoAndPace checks that for, rate and over fit what a step does.
func (r *reader) undoAndPace(s *Step, path string) {
	has := func(key string) bool { return s.node.get(key) != nil }
	if has("for") && s.Action != "fault" && undo[s.Action] == "" {
		r.mistake(s.node.key("for"), path, "for undoes power_off, power_on, off_hook, on_hook and fault, and nothing else")
	}
	paced := s.Action != "" && s.Action != "fault" && s.Action != "clear"
	for _, key := range []string{"rate", "over"} {
		if has(key) && !paced {
			r.mistake(s.node.key(key), path, "%s is the pace of devices that do something", key)
		}
	}
	switch ramp := s.Pace.From != s.Pace.To; {
	case ramp && !has("over"):
		r.mistake(s.node.key("rate"), path, "a ramp needs over")
	case has("rate") && has("over") && !ramp && s.Pace.From > 0:
		r.mistake(s.node.key("over"), path, "rate says how fast and over how long: write one of them, or a ramp such as 10/s..100/s")
	}
}

// action reads ACTION: SELECTOR, or a map with of.
func (r *reader) action(s *Step, url, sets bool, n *node, path string) {
	of := func(n *node, path string) {
		r.plain(&s.Of)(n, path)
		if n.kind == scalar && strings.TrimSpace(n.text) == "" {
			r.mistake(n, path, "which devices? %s, such as all", selectorForm)
		}
	}
	if n.kind == scalar {
		of(n, path)
		return
	}
	if n.kind == mapping && n.get("of") == nil {
		r.mistake(n, path, "which devices? %s needs of", s.Action)
	}
	keys := []key{{"of", of}}
	if url {
		keys = append(keys, key{"url", r.text(&s.URL)})
	}
	if sets {
		keys = append(keys, key{"values", func(n *node, path string) { s.Set = r.presets(n, path) }})
	}
	r.walk(n, path, keys...)
}

func (r *reader) instant(to *Instant) func(*node, string) {
	return func(n *node, path string) {
		r.scalarAs(func(text string) (err error) {
			*to, err = parseInstant(text)
			to.at, to.Given = n, true // a wrong one is not a missing one
			return err
		})(n, path)
	}
}

// from reads where always and never begin, or the word start, which others may
// have too.
func (r *reader) from(e *Expectation) func(*node, string) {
	return func(n *node, path string) {
		if n.kind == scalar && strings.TrimSpace(n.text) == startWord {
			e.FromStart, e.From = true, Instant{Given: true, at: n}
			return
		}
		r.instant(&e.From)(n, path)
	}
}

// startWord is the beginning of the run, of which no step has the name.
const startWord = "start"

func parseInstant(text string) (Instant, error) {
	if text == "end" {
		return Instant{End: true, Given: true}, nil
	}
	step, plus, later := strings.Cut(text, "+")
	if step = strings.TrimSpace(step); later && step != "" {
		d, err := measure.Duration(strings.TrimSpace(plus))
		return Instant{Step: step, Plus: d, Given: true}, err
	}
	if text == "" || later {
		return Instant{}, fmt.Errorf("%q is not an instant: a duration such as 45s, a step's name, or a step + a duration", text)
	}
	d, err := measure.Duration(text)
	if err != nil && strings.Trim(text[:1], "0123456789.-") == "" {
		return Instant{}, err
	}
	if err != nil {
		return Instant{Step: text, Given: true}, nil
	}
	return Instant{Plus: d, Given: true}, nil
}

// expectation reads an expectation, or what a step waits for.
func (r *reader) expectation(n *node, path string, when bool) Expectation {
	e := Expectation{at: n, node: n}
	where := ""
	keys := []key{{"of", r.plain(&e.Of)}, {"where", func(n *node, path string) {
		r.plain(&where)(n, path)
		e.at = n
	}}}
	for _, q := range []string{"all", "none"} {
		keys = append(keys, r.form(&e, q))
	}
	for _, q := range []string{"at_least", "at_most", "exactly"} {
		keys = append(keys, r.amount(&e, q))
	}
	if !when {
		keys = append(keys, r.form(&e, "always"), r.form(&e, "never"), key{"name", r.plain(&e.Name)},
			key{"by", r.instant(&e.By)}, key{"at", r.instant(&e.At)}, key{"from", r.from(&e)})
	}
	known := r.walk(n, path, keys...)
	if e.Quant.Counts() {
		e.Expr = where
	}
	if known {
		r.expectationKeys(&e, path)
	}
	if e.Name == "" {
		e.Name = strings.Join(strings.Fields(e.Quant.Form+" "+e.Quant.Limit.Text+" "+e.Expr), " ")
	}
	if len(r.secrets) > 0 {
		e.Name = redactor(r.secrets).Replace(e.Name)
	}
	return e
}

// form reads an expectation that is one expression.
func (r *reader) form(e *Expectation, name string) key {
	return key{name, func(n *node, path string) {
		if !r.only(e, name, path) {
			return
		}
		r.plain(&e.Expr)(n, path)
		e.at = n
	}}
}

// amount reads an expectation's count or share, whose expression stands in where.
func (r *reader) amount(e *Expectation, name string) key {
	return key{name, func(n *node, path string) {
		if !r.only(e, name, path) {
			return
		}
		r.scalarAs(func(text string) (err error) {
			e.Quant.Limit, err = ParseQuantity(text)
			return err
		})(n, path)
	}}
}

func (r *reader) only(e *Expectation, name, path string) bool {
	if e.Quant.Form != "" {
		r.mistake(e.node.key(name), path, "an expectation has one form; this one has %s too", e.Quant.Form)
		return false
	}
	e.Quant.Form = name
	return true
}

// expectationKeys checks which keys an expectation has together.
func (r *reader) expectationKeys(e *Expectation, path string) {
	n := e.node
	counts := e.Quant.Counts()
	each := e.Quant.EachEvent()
	switch has := func(key string) bool { return n.get(key) != nil }; {
	case e.Quant.Form == "":
		r.mistake(n, path, "an expectation needs one of all, none, at_least, at_most, exactly, always, never")
	case counts && !has("where"):
		r.mistake(n.key(e.Quant.Form), path, "%s needs where", e.Quant.Form)
	case !counts && has("where"):
		r.mistake(n.key("where"), path, "where goes with at_least, at_most and exactly; %s has its expression already", e.Quant.Form)
	case has("by") && has("at"):
		r.mistake(n.key("at"), path, "an expectation has by or at, not both")
	case has("from") && !each && !e.FromStart:
		r.mistake(n.key("from"), path, "from goes with always and never; others may say from: start")
	}
}
