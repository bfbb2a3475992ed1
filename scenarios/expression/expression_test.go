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

// Names whose values change are found where the language has a function of that name
// too.
func TestVaries(t *testing.T) {
	for code, want := range map[string]string{
		`index < 10 && secret("a") != mac`: "",
		`last("secured").at > 0`:           "last",
		`events("boot") == 1`:              "events",
		`duration("1s") > elapsed`:         "elapsed",
	} {
		if got := expression.Varies(code); got != want {
			t.Errorf("%s: %q, want %q", code, got, want)
		}
	}
}

func TestStable(t *testing.T) {
	for text, want := range map[string]bool{
		"no expression":                          true,
		"{{ 1000 + index }} of {{ next_key }}":   true,
		`{{ secret("sip") }}/{{ dir }}`:          true,
		"{{ mac }} {{ firmware }}":               false,
		`{{ param("GPP_A") }}`:                   false,
		`{{ last("secured").at }}`:               false,
		"{{ address }}":                          false,
		`{{ since("5.2") ? "new" : "old" }}`:     false,
		`{{ any([1, 2], # == index) ? mac : 1}}`: true,
	} {
		tpl, err := expression.ParseTemplate(text, expression.Scope{})
		if err != nil {
			t.Error(err)
			continue
		}
		if tpl.Stable() != want {
			t.Errorf("%s: %v, want %v", text, tpl.Stable(), want)
		}
	}
}
