package rule_test

import (
	"strings"
	"testing"

	"spafleet/device/rule"
)

// huge is an environment whose every macro has 60 KB.
type huge struct{ asked *int }

func (h huge) Macro(string) (string, bool) {
	*h.asked++
	return strings.Repeat("x", 60<<10), true
}
func (huge) Secret(string) (string, bool) { return "", false }

// A rule that outgrows the firmware is malformed, in every form, and its macros
// are not expanded further: 32 KB of $A would have a gigabyte.
func TestRulesHaveASize(t *testing.T) {
	text := "http://h/" + strings.Repeat("$A", 16<<10)
	d := rule.Dialect{Size: 2047}
	for name, read := range map[string]func(text string, env rule.Env) error{
		"Eval":         func(text string, env rule.Env) error { _, err := rule.Eval(text, env, d); return err },
		"Alternatives": func(text string, env rule.Env) error { _, err := rule.Alternatives(text, env, d); return err },
		"Command":      func(text string, env rule.Env) error { _, err := rule.Command(text, env, d); return err },
		"Holds":        func(text string, env rule.Env) error { _, err := rule.Holds(text, env, d); return err },
	} {
		for _, long := range []string{text, "http://h/$A", "http://h/" + strings.Repeat("a", 2040)} {
			asked := 0
			if err := read(long, huge{&asked}); err == nil || !strings.Contains(err.Error(), "more than 2047 bytes") || asked > 1 {
				t.Errorf("%s of %d bytes: %v, %d macros asked", name, len(long), err, asked)
			}
		}
	}
	asked := 0
	if got := rule.Expand(text, huge{&asked}, d); len(got) != 2047 || asked != 1 {
		t.Errorf("expanded to %d bytes with %d macros", len(got), asked)
	}
	if _, err := rule.Eval("http://h/"+strings.Repeat("a", 2038), huge{&asked}, d); err != nil {
		t.Errorf("2047 bytes: %v", err)
	}
}
