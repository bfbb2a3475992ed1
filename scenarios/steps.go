package scenarios

import (
	"fmt"
	"strings"

	"spafleet/device/measure"
)

// actions are what a step can do to devices, with the keys beside of.
var actions = []struct {
	name, about string
	more        func(*reader, *Step) []key
	needs       string // the one of these that it cannot do without
}{
	{"power_on", "switches devices on", nil, ""},
	{"power_off", "switches devices off: transfers break off", nil, ""},
	{"reboot", "restarts devices", nil, ""},
	{"factory_reset", "resets devices to the factory's values and their presets", nil, ""},
	{"report", "devices send what `Report_Rule` says", nil, ""},
	{"resync", "by the device's own rules, or with `url` as the device's web page would", withURL, ""},
	{"upgrade", "by the device's own rules, or with `url` as the device's web page would", withURL, ""},
	{"set", "changes parameters as a person does on a page: `set: {of: all, values: {GPP_A: x}}`", withValues, ""},
	{"off_hook", "a call, which holds resyncs back", nil, ""},
	{"on_hook", "the end of the call", nil, ""},
	{"web", "a browser at the device: `web: {of: all, path: '/admin/resync?http://10.0.0.5/a.xml'}`, with `user` and `password` for a challenge. `post` is a form: to a page, as `path: /admin/advanced, post: 'Profile_Rule=http://10.0.0.5/b.xml&GPP_A=x'`, with parameters for names; to another path as it is. The report says how many devices answered with an error", asBrowser, "path"},
	{"ivr", "keys at a telephone, and the receiver on the hook after the last one: `ivr: {of: all, keys: \"****RESET#1\"}` (in quotes)", onKeypad, "keys"},
	{"notify", "a SIP NOTIFY of the built-in registrar to a line of the device, as `notify: {of: all, event: check-sync}`. A device without power hears none", withNotify, ""},
	{"options", "the built-in registrar asks a line of the device by OPTIONS whether it is there, as PBXs do, and writes to its log what was answered: `event.kind == \"server_log\" && event.text startsWith \"sip OPTIONS\"`, with `event.status` 408 for nothing that it takes for an answer", withOptions, ""},
	{"rotate_keys", "new `next_key` and `next_dir` for the devices", nil, ""},
}

func withURL(r *reader, s *Step) []key {
	return []key{{"url", "what to fetch, with macros and `{{ }}`", r.text(&s.URL)}}
}

func withValues(r *reader, s *Step) []key {
	return []key{{"values", "parameters and their values", value{parametersForm, func(n *node, path string) { s.Set = r.presets(n, path) }}}}
}

func asBrowser(r *reader, s *Step) []key {
	v := &s.Visit
	return []key{
		{"path", "what to ask for, with its query", r.text(&v.Path)}, {"post", "the body of a form (none: a GET)", r.text(&v.Post)},
		{"user", "who answers a challenge", r.text(&v.User)}, {"password", "and the password", r.text(&v.Password)},
	}
}

func onKeypad(r *reader, s *Step) []key {
	return []key{{"keys", "what is pressed: digits, `*`, `#`, and letters for the keys that bear them", r.text(&s.Keys)}}
}

func withNotify(r *reader, s *Step) []key {
	v := &s.Notify
	return []key{
		{"event", "what `Event` names: `resync`, `check-sync`, `reboot`, `restart`, `report` and others, with parameters such as `resync;profile=http://10.0.0.5/a.xml` (`resync`)", r.text(&v.Event)},
		{"auth", "what answers a device's challenge: `good`, the account of the line; `bad`, another password; `none`, nothing (`good`)", r.word([]string{"good", "bad", "none"}, func(word string) { v.Auth = word })},
		lineKey(r, s),
	}
}

func withOptions(r *reader, s *Step) []key {
	return []key{
		{"user", "who is asked for, with `{{ }}` (the user of the line)", r.text(&s.Notify.User)},
		lineKey(r, s),
	}
}

func lineKey(r *reader, s *Step) key {
	return key{"line", "the line, from 1 (1)", r.number(&s.Notify.Line, 1, 12)}
}

func (r *reader) step(n *node, path string) Step {
	s := Step{node: n}
	r.walk(n, path, stepKeys(r, &s)...)
	r.undoAndPace(&s, path)
	r.moments(&s, path)
	return s
}

// stepKeys are those of a step.
func stepKeys(r *reader, s *Step) []key {
	ramp := r.scalarAs(rampForm, func(text string) (err error) { s.Pace.From, s.Pace.To, err = parseRamp(text); return })
	keys := []key{
		{"name", "names the moment, for other steps, expectations and thresholds", r.plain(&s.Name)},
		{"at", "when it happens: `45s`, `ready`, `ready + 2m`, `end` (0)", r.instant(&s.At)},
		{"when", "it happens once this expectation holds for the fleet", value{awaitedForm, func(n *node, path string) { e := r.expectation(n, path, true); s.When = &e }}},
		{"by", "deadline of `when`; the run fails if it has not held by then (the end)", r.instant(&s.By)},
		{"every", "repeats a step with `at` to the end of the run: `1d`", r.duration(&s.Every)},
		{"times", "how often a step with `every` happens in all (to the end)", r.count(&s.Times)},
		{"for", "undoes the step after this time, for the same devices: of `power_off`, `power_on`, `off_hook`, `on_hook`, `fault` and `server`", r.duration(&s.For)},
		{"rate", "spreads the devices evenly: `250/s`; or a ramp for the time of `over`: `10/s..100/s`", ramp},
		{"over", "how long all the devices take, or the ramp", r.duration(&s.Pace.Over)},
	}
	for _, a := range actions {
		keys = append(keys, r.whole(s, a.name, a.about, value{actionForm(a.name), func(n *node, path string) { r.action(s, a.more, n, path) }}))
	}
	keys = append(keys,
		r.whole(s, "arrivals", "devices resync at instants of a list, which the name of a file below the scenario's folder stands for: lines such as `12.345,17`, seconds since the step and the number of the device from 0 on, in order, below the line `at,device`", value{anyText, func(n *node, path string) { readArrivals(r, s, n, path) }}),
		r.whole(s, "server", "merges a map into the built-in server, as `--with` does: `server: {files: {/a.xml: {body: null, status: 503}}}`. `files`, `https`, `auth` and `latency` may change",
			value{serverChangeForm, func(n *node, path string) { s.change = serverChange(r.source, n, path) }}),
		r.whole(s, "fault", "disturbs exchanges from then on", value{faultForm, func(n *node, path string) { r.fault(s, n, path) }}),
		r.whole(s, "clear", "ends the fault of the step with this name", r.text(&s.Clear)),
	)
	return append(keys, r.whole(s, "run", "runs a command of yours, not of a device's: `run: [systemctl, reload, nginx]`, the program and its arguments as a list, without a shell. See [commands](#commands)", r.command(&s.Run)))
}

// command reads a program and its arguments.
func (r *reader) command(to *[]string) value {
	word := r.plain(new(string))
	return value{inList(word.form), func(n *node, path string) {
		r.each(n, path, func(item *node, path string) {
			text := ""
			r.plain(&text).read(item, path)
			*to = append(*to, text)
		})
		if n.kind == list && (len(*to) == 0 || (*to)[0] == "") {
			r.mistake(n, path, "which program? A command is a list such as [systemctl, reload, nginx]")
		}
	}}
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
func (r *reader) whole(s *Step, name, about string, does value) key {
	return key{name, about, value{does.form, func(n *node, path string) {
		if s.Action != "" {
			r.mistake(s.node.key(name), path, "a step has one action; this one has %s too", s.Action)
			return
		}
		s.Action = name
		does.read(n, path)
	}}}
}

// undoAndPace checks that for, rate and over fit what a step does.
func (r *reader) undoAndPace(s *Step, path string) {
	has := func(key string) bool { return s.node.get(key) != nil }
	if has("for") && s.Action != "fault" && s.Action != "server" && undo[s.Action] == "" {
		r.mistake(s.node.key("for"), path, "for undoes power_off, power_on, off_hook, on_hook, fault and server, and nothing else")
	}
	paced := s.Action != "" && !s.OfNoDevice() && s.Action != "fault" && s.Action != "arrivals"
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
	of := value{anyText, func(n *node, path string) {
		r.plain(&s.Of).read(n, path)
		if n.kind == scalar && strings.TrimSpace(n.text) == "" {
			r.mistake(n, path, "which devices? %s, such as all", selectorForm)
		}
	}}
	needed := ""
	for _, a := range actions {
		if a.name == s.Action {
			needed = a.needs
		}
	}
	if needed != "" && n.kind != refused && (n.kind != mapping || n.get(needed) == nil) {
		r.mistake(n, path, "%s needs of and %s", s.Action, needed)
	}
	if n.kind == scalar {
		of.read(n, path)
		return
	}
	if n.kind == mapping && n.get("of") == nil {
		r.mistake(n, path, "which devices? %s needs of", s.Action)
	}
	keys := []key{{"of", aboutOf, of}}
	if more != nil {
		keys = append(keys, more(r, s)...)
	}
	r.walk(n, path, keys...)
}

func (r *reader) instant(to *Instant) value {
	return value{form{text: &instantForm}, func(n *node, path string) {
		r.scalarAs(instantForm, func(text string) (err error) {
			*to, err = parseInstant(text)
			to.at, to.Given = n, true // a wrong one is not a missing one
			return err
		}).read(n, path)
	}}
}

// from reads where always and never begin, or the word start, which others may
// have too.
func (r *reader) from(e *Expectation) value {
	return value{form{text: &instantForm}, func(n *node, path string) {
		if n.kind == scalar && strings.TrimSpace(n.text) == startWord {
			e.FromStart, e.From = true, Instant{Given: true, at: n}
			return
		}
		r.instant(&e.From).read(n, path)
	}}
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
	known := r.walk(n, path, claimKeys(r, &e, &where, when)...)
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

// claimKeys are those of an expectation, or of what a step waits for.
func claimKeys(r *reader, e *Expectation, where *string, when bool) []key {
	keys := []key{
		r.claim(e, "all", "true for every device"),
		r.claim(e, "none", "true for no device"),
		r.amount(e, "at_least", "`where` is true for at least so many devices, a number or a share in percent"),
		r.amount(e, "at_most", "`where` is true for at most so many devices, a number or a share in percent"),
		r.amount(e, "exactly", "`where` is true for so many devices, a number or a share in percent"),
		{"where", "the expression of `at_least`, `at_most` and `exactly`", value{anyText, func(n *node, path string) {
			r.plain(where).read(n, path)
			e.at = n
		}}},
		{"of", "groups, with commas between them (`all`)", r.plain(&e.Of)},
	}
	if when {
		return keys
	}
	return append(keys,
		r.claim(e, "always", "true at every event of every device; here `event` is known"),
		r.claim(e, "never", "true at no event of any device; here `event` is known"),
		key{"by", "deadline: a device passes if the expression was true at least once before it", r.instant(&e.By)},
		key{"at", "check the whole fleet at this moment (the end)", r.instant(&e.At)},
		key{"from", "where `always` and `never` begin; `start` for the others: it may hold at 0 s already", r.from(e)},
		key{"name", "for reports (the expectation itself)", r.plain(&e.Name)},
		key{"abort_on_fail", "`true`: a failure ends the run at once", r.boolean(&e.Abort)},
	)
}

// claim reads an expectation that is one expression.
func (r *reader) claim(e *Expectation, name, about string) key {
	return key{name, about, value{anyText, func(n *node, path string) {
		if !r.only(e, name, path) {
			return
		}
		r.plain(&e.Expr).read(n, path)
		e.at = n
	}}}
}

// amount reads an expectation's count or share, whose expression stands in where.
func (r *reader) amount(e *Expectation, name, about string) key {
	limit := r.quantity(&e.Quant.Limit)
	return key{name, about, value{limit.form, func(n *node, path string) {
		if r.only(e, name, path) {
			limit.read(n, path)
		}
	}}}
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
