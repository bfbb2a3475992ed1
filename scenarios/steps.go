package scenarios

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"spafleet/device/measure"
)

// actions are what a step can do to devices, with the keys beside of.
var actions = []struct {
	name string
	more func(*reader, *Step) []key
}{
	{"power_on", nil}, {"power_off", nil}, {"reboot", nil}, {"factory_reset", nil}, {"off_hook", nil}, {"on_hook", nil},
	{"resync", withURL}, {"upgrade", withURL}, {"set", withValues}, {"report", nil}, {"rotate_keys", nil}, {"web", asBrowser}, {"ivr", onKeypad},
}

func withURL(r *reader, s *Step) []key { return []key{{"url", r.text(&s.URL)}} }

func withValues(r *reader, s *Step) []key {
	return []key{{"values", func(n *node, path string) { s.Set = r.presets(n, path) }}}
}

func asBrowser(r *reader, s *Step) []key {
	v := &s.Visit
	return []key{{"path", r.text(&v.Path)}, {"post", r.text(&v.Post)}, {"user", r.text(&v.User)}, {"password", r.text(&v.Password)}}
}

func onKeypad(r *reader, s *Step) []key { return []key{{"keys", r.text(&s.Keys)}} }

// comingActions are what steps of later versions do, and what they need.
var comingActions = map[string]string{"notify": "SIP", "run": "commands of your own"}

func (r *reader) step(n *node, path string) Step {
	s := Step{node: n}
	keys := []key{
		{"name", r.plain(&s.Name)},
		{"at", r.instant(&s.At)},
		{"when", func(n *node, path string) { e := r.expectation(n, path, true); s.When = &e }},
		{"by", r.instant(&s.By)},
		{"every", r.duration(&s.Every)},
		{"times", r.count(&s.Times)},
		{"for", r.duration(&s.For)},
		{"rate", r.scalarAs(func(text string) (err error) { s.Pace.From, s.Pace.To, err = parseRamp(text); return })},
		{"over", r.duration(&s.Pace.Over)},
		r.whole(&s, "fault", func(n *node, path string) { r.fault(&s, n, path) }),
		r.whole(&s, "clear", r.text(&s.Clear)),
		r.whole(&s, "server", func(n *node, path string) { s.change = serverChange(r.source, n, path) }),
	}
	for _, a := range actions {
		keys = append(keys, r.whole(&s, a.name, func(value *node, path string) { r.action(&s, a.more, value, path) }))
	}
	for _, name := range slices.Sorted(maps.Keys(comingActions)) {
		keys = append(keys, r.whole(&s, name, r.coming(comingActions[name])))
	}
	r.walk(n, path, keys...)
	r.undoAndPace(&s, path)
	r.moments(&s, path)
	return s
}

// moments checks that when a step happens, and how often, fits together.
func (r *reader) moments(s *Step, path string) {
	has := func(key string) bool { return s.node.get(key) != nil }
	if s.At.Given && s.When != nil {
		r.mistake(s.node.key("at"), path, "a step happens at an instant or when an expectation holds, not both")
	}
	if s.By.Given && !has("when") {
		r.mistake(s.node.key("by"), path, "by is the deadline of a when, and this step has none")
	}
	if has("every") && has("when") {
		r.mistake(s.node.key("every"), path, "a step with when happens once; every goes with at")
	}
	if has("times") && (!has("every") || s.Times == 0) {
		r.mistake(s.node.key("times"), path, "times says how often a step with every happens, at least once")
	}
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
	if has("for") && s.Action != "fault" && s.Action != "server" && undo[s.Action] == "" {
		r.mistake(s.node.key("for"), path, "for undoes power_off, power_on, off_hook, on_hook, fault and server, and nothing else")
	}
	paced := s.Action != "" && s.Action != "fault" && s.Action != "clear" && s.Action != "server"
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
func (r *reader) action(s *Step, more func(*reader, *Step) []key, n *node, path string) {
	of := func(n *node, path string) {
		r.plain(&s.Of)(n, path)
		if n.kind == scalar && strings.TrimSpace(n.text) == "" {
			r.mistake(n, path, "which devices? %s, such as all", selectorForm)
		}
	}
	needed := map[string]string{"web": "path", "ivr": "keys"}[s.Action]
	if needed != "" && n.kind != refused && (n.kind != mapping || n.get(needed) == nil) {
		r.mistake(n, path, "%s needs of and %s", s.Action, needed)
	}
	if n.kind == scalar {
		of(n, path)
		return
	}
	if n.kind == mapping && n.get("of") == nil {
		r.mistake(n, path, "which devices? %s needs of", s.Action)
	}
	keys := []key{{"of", of}}
	if more != nil {
		keys = append(keys, more(r, s)...)
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
			key{"by", r.instant(&e.By)}, key{"at", r.instant(&e.At)}, key{"from", r.from(&e)}, key{"abort_on_fail", r.boolean(&e.Abort)})
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
