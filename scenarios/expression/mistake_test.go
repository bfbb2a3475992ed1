package expression_test

import (
	"errors"
	"regexp"
	"strings"
	"testing"

	"spafleet/scenarios/expression"
)

// wrongs are expressions that are no conditions of a device, the part that is marked (""
// for all of it), and what is said.
var wrongs = []struct{ code, part, said string }{
	{`resyncs > 0`, `resyncs`, `resyncs has the counts ok and failed; did you mean resyncs.ok?`},
	{`1 <= fetches`, `fetches`, `fetches has the counts ok and failed; did you mean fetches.ok?`},
	{`(resyncs.ok + upgrades) > 0`, `upgrades`, `did you mean upgrades.ok?`},
	{`synced && resyncs`, `resyncs`, `did you mean resyncs.ok?`},
	{`!resyncs`, `resyncs`, `did you mean resyncs.ok?`},
	{`resyncs`, `resyncs`, `did you mean resyncs.ok?`},
	{`resyncs.okay > 0`, `okay`, `resyncs has no "okay"; did you mean "ok"?`},
	{`fetches["good"] > 0`, `"good"`, `fetches has no "good"; it has ok, failed`},
	{`last("fetch") == "x"`, `last("fetch")`, `last("fetch") is an event; did you mean last("fetch").err?`},
	{`last("fetch") > 400`, `last("fetch")`, `did you mean last("fetch").status?`},
	{`last("fetch").stats == 404`, `stats`, `last("fetch") has no "stats"; did you mean "state"?`},
	{`elapsed > 5`, `5`, `elapsed is a duration, and a number has no unit; write duration("5s")`},
	{`elapsed > "5m"`, `"5m"`, `elapsed is a duration; write duration("5m")`},
	{`elapsed > duration("5x")`, `"5x"`, `"5x" is not a duration such as 45s or 1h30m`},
	{`elapsed > duration(5)`, `5`, `5 is a number, and duration wants one text, such as duration("45s")`},
	{`param == "x"`, `param`, `param is a function and wants one text, such as param("User_ID_1_")`},
	{`param() == "x"`, `param()`, `param wants one text, such as param("User_ID_1_")`},
	{`param(5) == "x"`, `5`, `5 is a number, and param wants one text`},
	{`param("User_ID_1_", "b") == ""`, `param("User_ID_1_", "b")`, `param wants one text`},
	{`param("User_IDs") == ""`, `"User_IDs"`, `no model has a parameter "User_IDs"`},
	{`parm("User_ID_1_") == ""`, `parm`, `unknown function "parm"; did you mean "param"?`},
	{`param("User_ID_1_") > 5`, `param("User_ID_1_")`, `is a text; write int(param("User_ID_1_")) to have its number`},
	{`param("User_ID_1_") == 1001`, `1001`, `param("User_ID_1_") is a text; write "1001"`},
	{`events("fetch") == "1"`, `"1"`, `events("fetch") is a number; write one without quotes`},
	{`events("fetched") == 1`, `"fetched"`, `there is no event "fetched"; did you mean "fetch"?`},
	{`since(7) && synced`, `7`, `7 is a number, and since wants one version, such as since("7.5.2b")`},
	{`firmware < "7.6.2"`, `firmware < "7.6.2"`, `versions are not in the order of their letters; write since("7.5.2b") or before("7.6.2")`},
	{`state >= "SP-CUST"`, `state >= "SP-CUST"`, `states are not in the order of their letters`},
	{`stat == "SP-CUST"`, `stat`, `unknown name "stat"; did you mean "state"?`},
	{`state == SPCUST`, `SPCUST`, `unknown name "SPCUST"; a text stands in quotes`},
	{`state in ["SP-CUST", "SEC-PRV2"]`, `"SEC-PRV2"`, `state is never "SEC-PRV2"; did you mean "SEC-PRV-2"?`},
	{`model == "SPA2012"`, `"SPA2012"`, `model is never "SPA2012"; did you mean`},
	{`state = "SP-CUST"`, `=`, `= is no comparison; write ==`},
	{`synced & powered`, `&`, `& is no operator; write &&`},
	{`state == "SP-CUST`, ``, `the quotation mark that ends the text is missing`},
	{`synced &&`, ``, `the expression ends too early`},
	{`synced)`, `)`, `) does not belong here`},
	{`synced powered`, `powered`, `powered does not belong here`},
	{`synced && index`, `index`, `index is a number, and && wants true or false`},
	{`synced == "yes"`, `synced == "yes"`, `synced is true or false, and "yes" is a text`},
	{`not index`, `not index`, `not does not go with a number`},
	{`index ? synced : powered`, `index`, `what stands before ? is true or false`},
	{`model()`, `model`, `model is a text, not a function; leave the ( ) out`},
	{`model.name == "x"`, `model.name`, `model is a text, and has no parts`},
	{`model contains 5`, `5`, `5 is a number, and contains wants a text`},
	{`model matches "SPA["`, `"SPA["`, `this is no regular expression`},
	{`index in 5`, `5`, `5 is a number, and in wants a list`},
	{`all(model, # == "x")`, `model`, `model is a text, and all wants something else`},
	{`any([1, 2], {# + 1})`, `{# + 1}`, `what is asked of each element is true or false`},
	{`# == 1`, `#`, `# is an element of a list, and known only in all()`},
	{`len(model, 5) > 1`, `len(model, 5)`, `len wants 1 value, and has 2`},
	{`split(model) == []`, `split(model)`, `split has too few values`},
	{`secret("pin")`, ``, `this is a text, and neither true nor false; compare it with something`},
	{`now() > 1`, `now`, `there is no now: elapsed is the time since the start`},
	{`index > 1e999`, `1e999`, `this number is too large`},
	{`event.kind == "boot"`, `event`, `unknown name "event"; event is known in always and never only`},
}

// ofGo are words that no message has by itself.
var ofGo = regexp.MustCompile(`expression\.|time\.|func\(|interface|struct|reflect|\bint(64)?\b[^(]|\bbool\b|\bstring\b|float64|\*|map\[|<nil>|strconv|type [a-z]`)

func compile(code string, vars any) error {
	_, err := expression.Compile(code, expression.Scope{Vars: vars, Condition: true, Kinds: map[string]bool{}})
	return err
}

func TestAMistakeMarksItsPartAndNamesNoTypeOfGo(t *testing.T) {
	for _, w := range wrongs {
		err := compile(w.code, expression.DeviceVars{})
		var m *expression.Mistake
		if !errors.As(err, &m) {
			t.Errorf("%s: %v, not a mistake", w.code, err)
			continue
		}
		if m.Part() != w.part || !strings.Contains(m.Error(), w.said) {
			t.Errorf("%s\n got: [%s] %s\nwant: [%s] %s", w.code, m.Part(), m, w.part, w.said)
		}
		if found := ofGo.FindString(m.Error()); found != "" && !strings.Contains(w.code, found) {
			t.Errorf("%s: the message has %q: %s", w.code, found, m)
		}
		inside := m.Inside("abc "+w.code+" def", len("abc "))
		if want := w.part; want != "" && inside.Part() != want || want == "" && inside.Part() != w.code {
			t.Errorf("%s: in a longer text it marks %q", w.code, inside.Part())
		}
	}
}

// What fails while it runs is said in plain words too.
func TestATemplateThatFailsSaysWhy(t *testing.T) {
	for code, want := range map[string]string{
		`int(mac)`: `"000e08zz" is not a number`,
		`[1][7]`:   `it cannot be evaluated for this device`,
	} {
		tpl, err := expression.ParseTemplate("x {{ "+code+" }}", expression.Scope{})
		if err != nil {
			t.Fatal(err)
		}
		vars := expression.RequestVars{}
		vars.MAC = "000e08zz"
		if _, err := tpl.Expand(vars); err == nil || err.Error() != want {
			t.Errorf("%s: %v, want %s", code, err, want)
		}
	}
}

func FuzzMistake(f *testing.F) {
	for _, w := range wrongs {
		f.Add(w.code)
	}
	f.Fuzz(func(t *testing.T, code string) {
		for _, vars := range []any{expression.DeviceVars{}, expression.EventVars{}, expression.SeenVars{}} {
			err := compile(code, vars)
			if err == nil {
				continue
			}
			var m *expression.Mistake
			if !errors.As(err, &m) {
				t.Fatalf("%q: %v, not a mistake", code, err)
			}
			_ = m.Part()
			if found := ofGo.FindString(m.Error()); found != "" && !ofGo.MatchString(code) && !strings.Contains(m.Error(), "regular expression") {
				t.Errorf("%q: the message has %q: %s", code, found, m)
			}
		}
	})
}
