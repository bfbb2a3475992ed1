package expression_test

import (
	"strings"
	"testing"

	"spafleet/scenarios/expression"
)

func TestAsksTime(t *testing.T) {
	for code, want := range map[string]bool{
		`elapsed > duration("1h")`: true,
		`event.at > at("x")`:       true,
		"event.took > 3":           true,
		`event.kind == "boot"`:     false,
		`state == "elapsed"`:       false,
		"elapsed >":                false,
		`get("GPP_A") == "took"`:   false,
	} {
		if got := expression.AsksTime(code); got != want {
			t.Errorf("%s: %v, want %v", code, got, want)
		}
	}
}

// The parser nests as deep as the text is long. What the compiler refuses for its
// length is parsed by nothing.
func TestAnExpressionThatIsTooLongIsNotParsed(t *testing.T) {
	long := "elapsed > 1" + strings.Repeat(" ", 4000)
	if _, err := expression.Compile(long, expression.Scope{Vars: expression.DeviceVars{}}); err == nil {
		t.Error("it is compiled")
	}
	if expression.AsksTime(long) || expression.Varies(long) != "" {
		t.Error("it is parsed for its names")
	}
}
