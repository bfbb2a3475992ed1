package rule_test

import (
	"testing"

	"spafleet/device/rule"
)

// Each of these rules is good in one dialect and a mistake in the other.
func TestStricterDialectsRefuse(t *testing.T) {
	tests := []struct {
		text   string
		strict rule.Dialect
		holds  bool // in the lenient one
	}{
		{`("a" lt "b")? /x`, rule.Dialect{RefuseOrder: true}, false},
		{`($MA ge 1)? /x`, rule.Dialect{RefuseOrder: true}, false},
		{`((true) and (1 eq 1))? /x`, rule.Dialect{NoNesting: true}, true},
	}
	for _, tt := range tests {
		d, err := rule.Eval(tt.text, newUnit(), rule.Dialect{})
		if err != nil || d.HasURL != tt.holds {
			t.Errorf("%s: %+v, %v; want it to hold: %v", tt.text, d, err, tt.holds)
		}
		if _, err := rule.Eval(tt.text, newUnit(), tt.strict); err == nil {
			t.Errorf("%s: accepted by %+v", tt.text, tt.strict)
		}
	}
}

func TestStricterDialectsLeaveOrdinaryRulesAlone(t *testing.T) {
	strict := rule.Dialect{RefuseOrder: true, NoNesting: true}
	for _, text := range []string{`("a" ne "b")? /x`, `(5.2 lt 5.2.1 and 1 ge 0)? /x`, `(5.1.5(a) ne 5.1.5(b))? /x`} {
		if d, err := rule.Eval(text, newUnit(), strict); err != nil || !d.HasURL {
			t.Errorf("%s: %+v, %v", text, d, err)
		}
	}
}

// A version with a dot in front of its suffix is text, or one of two versions.
func TestDottedSuffixByDialect(t *testing.T) {
	tests := []struct {
		condition string
		holds     [3]bool // as text, suffix, ignored
	}{
		{"7.6.2 lt 7.6.2.a", [3]bool{false, true, false}},
		{"7.6.2 eq 7.6.2.a", [3]bool{false, false, true}},
		{"7.6.2a eq 7.6.2.a", [3]bool{false, true, false}},
		{"7.6.2b gt 7.6.2.a", [3]bool{false, true, true}},
		{"7.6 lt 7.6.a", [3]bool{false, true, false}},
		{"7.6.2.a eq 7.6.2.a", [3]bool{true, true, true}},
		{"7.6.2a lt 7.6.3", [3]bool{true, true, true}},
		{"10.0.0.1.a eq 10.0.0.1", [3]bool{false, false, false}}, // an address is text
	}
	for _, tt := range tests {
		for dotted, holds := range tt.holds {
			d, err := rule.Eval("("+tt.condition+")? /x", newUnit(), rule.Dialect{Dotted: rule.Dotted(dotted)})
			if err != nil || d.HasURL != holds {
				t.Errorf("%s, dialect %d: %t (%v), want %t", tt.condition, dotted, d.HasURL, err, holds)
			}
		}
	}
}

func TestSmallMacroNamesByDialect(t *testing.T) {
	lax := rule.Dialect{AnyMacroCase: true}
	for text, want := range map[string]string{"$mau": "$MAU", "$(mau:4)": "$(MAU:4)", "$Mau": "$MAU", "$$": "$$", "$nothing": "$nothing"} {
		if got, same := rule.Expand(text, newUnit(), lax), rule.Expand(want, newUnit(), rule.Dialect{}); got != same {
			t.Errorf("%s: %q, want %q", text, got, same)
		}
	}
	if got := rule.Expand("$mau", newUnit(), rule.Dialect{}); got != "$mau" {
		t.Errorf("$mau: %q without the dialect", got)
	}
}

func TestEvalAfterLooksOnlyAtLaterAlternatives(t *testing.T) {
	const text = `/a | (1 eq 2)? /b | /c`
	for after, want := range []string{"/a", "/c", "/c", ""} {
		d, err := rule.EvalAfter(text, newUnit(), rule.Dialect{}, after)
		if err != nil || d.URL.Path != want || d.Skipped() != (want == "") {
			t.Errorf("after %d: %+v, %v; want %q", after, d, err, want)
		}
	}
}
