package rule_test

import (
	"slices"
	"strings"
	"testing"

	"spafleet/device/rule"
)

func TestExplainSaysOfEachAlternativeWhetherItHolds(t *testing.T) {
	env := newUnit()
	env["A"], env["B"] = "sesame", `"x" ne ""`
	hidden := func(name, _ string) bool { return name == "A" }
	for _, tt := range []struct {
		text  string
		after int
		want  []string
	}{
		{"http://s/a", 0, []string{"alternative 1 has no condition"}},
		{`($SWVER lt 5)? /a | ("$A" ne "")? [--key $A] /b | /c`, 0,
			[]string{`alternative 1 does not hold: $SWVER lt 5, $SWVER="5.2.13"`, `alternative 2 holds: "$A" ne "", $A=***`}},
		{`("$A" ne "")? /b | /c`, 1, []string{"alternative 1 was tried before", "alternative 2 has no condition"}},
		{`("$(A:0:3)" eq "x")? /b`, 0, []string{`alternative 1 does not hold: "$(A:0:3)" eq "x", $(A:0:3)=***`}},
		{`($B)? /b`, 0, []string{`alternative 1 holds: $B, $B="\"x\" ne \"\""`}},
		{`(x`, 0, nil},
		{"", 0, nil},
	} {
		if got := rule.Explain(tt.text, env, rule.Dialect{}, tt.after, hidden); !slices.Equal(got, tt.want) {
			t.Errorf("%s after %d:\n got %q\nwant %q", tt.text, tt.after, got, tt.want)
		}
	}
}

// A condition that begins within the value of a macro is not shown if that is hidden.
func TestExplainHidesAConditionOutOfAMacro(t *testing.T) {
	env := newUnit()
	env["A"] = `("sesame" eq`
	got := rule.Explain(`$A "x")? /b`, env, rule.Dialect{}, 0, func(string, string) bool { return true })
	if !slices.Equal(got, []string{"alternative 1 does not hold: a condition with a secret"}) {
		t.Errorf("%q", got)
	}
}

func TestATextWithoutKeysKeepsItsRest(t *testing.T) {
	for text, want := range map[string]string{
		`[--key abc --uid u --pwd "d e"] http://h/`: "[--key *** --uid u --pwd ***] http://h/",
		`[--KEY   "a b`:               "[--KEY   ***",
		"http://h/x-key":              "http://h/x-key",
		`→ "[--key \"a b\" --pwd c]"`: `→ "[--key *** --pwd ***]"`,
	} {
		if got := rule.WithoutKeys(text); got != want {
			t.Errorf("%s: got %s, want %s", text, got, want)
		}
	}
	got := rule.KeyMacros(`($C)? [--uid $D --key "$A$(B:0:3)" --pwd $SA] /x | [--key "lit"] $E`)
	if strings.Join(got, " ") != "A B SA" {
		t.Errorf("macros in keys: %q", got)
	}
}
