package scenarios

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/expr-lang/expr/vm"

	"spafleet/device/measure"
	"spafleet/device/model"
	"spafleet/fleet"
	"spafleet/ivr"
	"spafleet/scenarios/expression"
	"spafleet/scenarios/tally"
)

func (c *checker) timeline() {
	steps := c.Scenario.Timeline
	for i := range steps {
		s := &steps[i]
		if s.Name == "" {
			continue
		}
		if s.Name == startWord {
			c.mistake(s.node.at("name"), fmt.Sprintf("timeline[%d].name", i), "start is the beginning of the run; give the step another name")
		}
		if _, twice := c.steps[s.Name]; twice {
			c.mistake(s.node.at("name"), fmt.Sprintf("timeline[%d].name", i), "step %q is already named in step %d", s.Name, c.steps[s.Name])
			continue
		}
		c.steps[s.Name] = i
	}
	c.selectors = make([]Selector, len(steps))
	for i := range steps {
		c.step(i)
	}
}

func (c *checker) step(i int) {
	s := &c.Scenario.Timeline[i]
	path := fmt.Sprintf("timeline[%d]", i)
	c.instant(s.At, path+".at")
	c.instant(s.By, path+".by")
	if s.When != nil {
		c.expectation(s.When, path+".when")
	}
	if s.Action == "" {
		return
	}
	path += "." + s.Action
	if s.Action == "run" {
		c.command(s, path)
		return
	}
	if s.Action == "clear" {
		c.clearing(i, path)
		return
	}
	c.pace(s, path)
	var err error
	if c.selectors[i], err = c.selector(s.Of); err != nil {
		c.mistake(s.node.at(s.Action, "of"), path, "%s", err)
	}
	if s.Fault != nil {
		c.fault(i, path)
	}
	c.notify(s, path)
	checkArrivals(c, i)
	c.text(s.URL, s.node.at(s.Action, "url"), path+".url", true)
	for key, text := range map[string]string{"path": s.Visit.Path, "post": s.Visit.Post, "user": s.Visit.User, "password": s.Visit.Password, "keys": s.Keys} {
		c.text(text, s.node.at(s.Action, key), path+"."+key, true)
	}
	if s.Visit.Path != "" && !strings.HasPrefix(s.Visit.Path, "/") {
		c.mistake(s.node.at(s.Action, "path"), path+".path", "a path begins with /")
	}
	if keys := s.Keys; !strings.Contains(keys, "{{") && !ivr.AreKeys(keys) {
		c.mistake(s.node.at(s.Action, "keys"), path+".keys", "%q is not what a keypad has: digits, letters, * and #", keys)
	}
	for _, set := range s.Set {
		if wrong := c.paramMistake(set.Name); wrong != "" {
			c.mistake(set.at.at(), path, "%s", wrong)
		}
		c.text(set.Value, set.value.at(), path+"."+set.Name, true)
	}
}

// command refuses a command where the time is not that of other programs.
func (c *checker) command(s *Step, path string) {
	if c.Scenario.Clock.Mode == fleet.Virtual {
		c.mistake(s.node.at("run"), path, "in virtual time nothing outside spafleet takes part. Take another clock (clock: real), or change the built-in server by a step with server")
	}
}

// notify checks that a NOTIFY, or OPTIONS, has a sender.
func (c *checker) notify(s *Step, path string) {
	if s.Action != "notify" && s.Action != "options" {
		return
	}
	if c.Scenario.Server == nil || c.Scenario.Server.SIP == nil {
		c.mistake(s.node.at(s.Action), path, "%s comes from the built-in registrar: write server: {sip: true}. Of a target, its own registrar sends it", strings.ToUpper(s.Action))
	}
	c.text(s.Notify.Event, s.node.at(s.Action, "event"), path+".event", true)
	c.text(s.Notify.User, s.node.at(s.Action, "user"), path+".user", true)
}

// pace refuses to order more attempts than the scenario lets start: the limit would
// decide when they do.
func (c *checker) pace(s *Step, path string) {
	limit, fastest := c.Scenario.Rate, max(s.Pace.From, s.Pace.To)
	if starts := s.Action == "resync" || s.Action == "upgrade" || s.Action == "report"; starts && limit > 0 && fastest > limit {
		c.mistake(s.node.at("rate"), strings.TrimSuffix(path, "."+s.Action)+".rate", "%g/s is more than limits.rate lets start: %g/s", fastest, limit)
	}
}

// instant checks that a moment's step exists.
func (c *checker) instant(i Instant, path string) {
	if i.Step == "" {
		return
	}
	if _, ok := c.steps[i.Step]; !ok {
		var names []string
		for n := range c.steps {
			names = append(names, n)
		}
		c.mistake(i.at.at(), path, "no step is named %q%s", i.Step, model.DidYouMean(i.Step, names))
	}
}

func (c *checker) expectation(e *Expectation, path string) {
	var vars any = expression.DeviceVars{}
	if e.Quant.EachEvent() {
		vars = expression.EventVars{}
	}
	if e.Quant.Form == "" || e.Expr == "" && e.node != nil && (e.at == e.node || e.at.kind != scalar) {
		return // the reader has said so
	}
	program, err := c.compile(e.Expr, vars)
	if strings.TrimSpace(e.Expr) == "" {
		err = errors.New("an expression is missing")
	}
	if err != nil {
		key := e.Quant.Form
		if e.Quant.Counts() {
			key = "where"
		}
		c.mistake(e.at.at(), path+"."+key, "%s", err)
	}
	c.programs[e] = program
	c.expectationOf(e, path)
	c.instant(e.By, path+".by")
	c.instant(e.At, path+".at")
	c.instant(e.From, path+".from")
}

// concerns reports whether an expectation is about a group.
func (c *checker) concerns(e *Expectation, group string) bool {
	names, _ := c.GroupNames(e.Of)
	return names == nil || slices.Contains(names, group)
}

// expectationOf checks which devices an expectation is about.
func (c *checker) expectationOf(e *Expectation, path string) {
	_, err := c.GroupNames(e.Of)
	if q, _, sample := strings.Cut(e.Of, " of "); sample {
		if _, wrong := ParseQuantity(q); wrong == nil {
			err = errors.New("a quantity picks a sample; here name a group, or use at_least")
		}
	}
	if err != nil {
		c.mistake(e.node.at("of"), path+".of", "%s", err)
	}
}

// compile compiles a condition of a device.
func (c *checker) compile(code string, vars any) (*vm.Program, error) {
	return expression.Compile(code, c.scope(vars))
}

// scope is what a condition of the scenario may name.
func (c *checker) scope(vars any) expression.Scope {
	return expression.Scope{Vars: vars, Condition: true, Kinds: c.Kinds, Names: c.Names, Groups: c.Scenario.groupsKnown(), Models: c.models(), Param: c.paramMistake}
}

// ends checks the scenario's times: that each moment can come, and that the run
// has an end.
func (c *checker) ends() {
	s := c.Scenario
	for i := range s.Timeline {
		step, path := &s.Timeline[i], fmt.Sprintf("timeline[%d]", i)
		if c.circular(i) {
			c.mistake(step.node.at(), path, "this step waits for itself")
			continue
		}
		if step.At.End && s.Duration == 0 {
			c.mistake(step.At.at.at(), path+".at", "when this happens is not known: give the scenario a duration")
		}
		if at, known := c.Known(step.At); known && s.Duration > 0 && at > s.Duration {
			c.mistake(step.At.at.at(), path+".at", "this step would happen at %s, after the end (duration: %s)", measure.Format(at), measure.Format(s.Duration))
		}
		if s.Duration == 0 {
			c.bounded(step, path)
		}
	}
	c.lateExpectations()
	if s.Duration == 0 && len(s.Expect) == 0 && len(s.Timeline) == 0 && s.HasExpectations() {
		c.mistake(s.file.root().at("thresholds"), "thresholds", "when this scenario ends is not known: give it a duration")
	}
	if s.Duration == 0 && len(s.Expect) > 0 && len(s.Timeline) == 0 && !s.waits() {
		c.mistake(s.file.root().at("expect"), "expect", `when this scenario ends is not known: give it a duration, or an expectation a "by"`)
	}
}

// lateExpectations refuses moments of expectations that do not come: they would be judged
// at the end, or not at all.
func (c *checker) lateExpectations() {
	end := c.Scenario.Duration
	for i := range c.Scenario.Expect {
		e := &c.Scenario.Expect[i]
		for key, moment := range map[string]Instant{"at": e.At, "from": e.From} {
			if at, known := c.Known(moment); moment.Given && known && end > 0 && at > end {
				c.mistake(moment.at.at(), fmt.Sprintf("expect[%d].%s", i, key), "%s is after the end (duration: %s)", measure.Format(at), measure.Format(end))
			}
		}
	}
}

// bounded checks a step of a scenario that has no duration.
func (c *checker) bounded(step *Step, path string) {
	if step.Every > 0 && step.Times == 0 && !c.Scenario.waits() {
		c.mistake(step.node.keyAt("every"), path+".every", "this step repeats to the end, and when that is is not known: give it times, or the scenario a duration")
	}
	if step.When != nil && (!step.By.Given || step.By.End) {
		c.mistake(step.node.keyAt("when"), path+".when", `when this happens is not known: give the step a "by", or the scenario a duration`)
	}
}

// waits reports whether an expectation keeps the scenario going by itself.
func (s *Scenario) waits() bool {
	for i := range s.Expect {
		if e := &s.Expect[i]; e.By.Given || e.At.Given && !e.At.End {
			return true
		}
	}
	return false
}

// checkThresholds checks the tags whose values are the scenario's own: groups, steps, and
// what the fleet has.
func checkThresholds(c *checker) {
	var steps []string
	for name := range c.steps {
		steps = append(steps, name)
	}
	known := map[string][]string{"group": c.Scenario.groupsKnown(), "during": append(steps, tally.StartTag), "model": c.models()}
	for _, g := range c.Groups {
		for tag, value := range map[string]string{"firmware": g.Row.Firmware.Version, "family": g.Row.Model.Family.Name} {
			if !slices.Contains(known[tag], value) {
				known[tag] = append(known[tag], value)
			}
		}
	}
	for i := range c.Scenario.Thresholds {
		t := &c.Scenario.Thresholds[i]
		for _, tag := range slices.Sorted(maps.Keys(known)) {
			if value := t.Tag(tag); value != "" && len(known[tag]) > 0 && !slices.Contains(known[tag], value) {
				at := c.Scenario.file.root().at("thresholds").keyAt(t.Metric)
				c.mistake(inside(at, value), "thresholds", "%s is never %q%s", tag, value, cmp.Or(model.DidYouMean(value, known[tag]), "; it is "+strings.Join(known[tag], ", ")))
			}
		}
	}
}
