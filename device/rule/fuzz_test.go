package rule_test

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"spafleet/device/rule"
)

// dialectOf turns bits into switches, so that a fuzzer can.
func dialectOf(bits uint8) (d rule.Dialect) {
	v := reflect.ValueOf(&d).Elem()
	for i := range v.NumField() {
		if f := v.Field(i); f.Kind() == reflect.Bool {
			f.SetBool(bits>>i&1 == 1)
		}
	}
	return d
}

func FuzzEval(f *testing.F) {
	for _, text := range []string{
		"", "/spa$PSN.cfg", "$A", "(<1.0)?/a|/b", `("$A" ne "x")? (b = "$SA";)! [--key "$SA" --post a] http://h:80/$MA # c`,
		"[--key $A]h/x", "((1 eq 1(a)) and true)?/x", "| |", `(a="`, "$PRVTMR ge 600",
	} {
		f.Add(text, "ABC", "secret", uint8(0))
	}
	f.Fuzz(func(t *testing.T, text, a, secret string, bits uint8) {
		env, d := newUnit(), dialectOf(bits)
		env["A"], env["secret SA"] = a, secret
		one, err := rule.Eval(text, env, d)
		checkError(t, err)
		all, errAll := rule.Alternatives(text, env, d)
		checkError(t, errAll)
		if errAll == nil && err != nil {
			t.Errorf("every alternative of %q can be read, but: %v", text, err)
		}
		if err == nil && errAll == nil && !one.Skipped() {
			if one.Why == "" || strings.ContainsAny(one.Why, "\n\r") {
				t.Errorf("why is %q", one.Why)
			}
			one.Why = ""
			if want := all[one.Alternative-1]; !reflect.DeepEqual(one, want) {
				t.Errorf("%q: Eval says %+v, Alternatives %+v", text, one, want)
			}
		}
		_, err = rule.Command(text, env, d)
		checkError(t, err)
		checkTrigger(t, text, env, d)
	})
}

// checkTrigger holds a trigger against a rule with the same condition.
func checkTrigger(t *testing.T, text string, env unit, d rule.Dialect) {
	t.Helper()
	holds, err := rule.Holds(text, env, d)
	checkError(t, err)
	blank, _ := rule.Alternatives(text, env, d)
	if err != nil || strings.Contains(text, "#") || blank == nil && !holds {
		return
	}
	got, err := rule.Eval("("+text+" )? /x", env, d)
	if err != nil || got.Skipped() == holds {
		t.Errorf("trigger %q holds: %v; as a condition: %+v, %v", text, holds, got, err)
	}
}

func checkError(t *testing.T, err error) {
	t.Helper()
	if err == nil {
		return
	}
	var syntax *rule.SyntaxError
	if !errors.As(err, &syntax) {
		t.Fatalf("error of type %T", err)
	}
	if syntax.Column < 0 || syntax.Column > len(syntax.Text) || syntax.Msg == "" || syntax.Hint == "" {
		t.Errorf("incomplete error %+v", syntax)
	}
	if strings.ContainsAny(err.Error(), "\n\r") {
		t.Errorf("error has several lines: %q", err)
	}
}

func FuzzExpand(f *testing.F) {
	for _, text := range []string{"", "$", "$$A", "$(A:1:2)$A$Ax", "$(A", "$($A)", "$SA$(SB)", "$PN $MAC -- $PATH"} {
		f.Add(text, "A$MA", uint8(0))
	}
	f.Fuzz(func(t *testing.T, text, a string, bits uint8) {
		env, d := newUnit(), dialectOf(bits)
		env["A"] = a
		if got := rule.Expand(strings.ReplaceAll(text, "$", "$$"), env, d); got != text {
			t.Errorf("doubled dollars of %q come back as %q", text, got)
		}
		single := strings.ReplaceAll(text, "$$", "")
		if got := rule.Expand(single, unit{}, d); !strings.Contains(single, "$$") && got != single {
			t.Errorf("%q becomes %q though every name is unknown", single, got)
		}
		if got, want := rule.Expand("<$A>"+text, env, d), "<"+a+">"+rule.Expand(text, env, d); got != want {
			t.Errorf("<$A> before %q: got %q, want %q", text, got, want)
		}
	})
}
