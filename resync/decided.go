package resync

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"spafleet/device"
	"spafleet/device/model"
	"spafleet/device/rule"
)

// An explainer tells why an attempt does what it does, where something asks for that.
type explainer struct{ *attempt }

// decided tells what a rule has decided and why, without secrets. A rule of a resync
// that is empty, as most of B to D are, is not told of.
func (a explainer) decided(letter byte, what, text string, after int, d rule.Decision, err error) {
	if text == "" && letter != 'A' {
		return
	}
	e := device.Event{Kind: device.Decided, Count: d.Alternative, File: &device.File{Rule: letter, What: what}}
	switch {
	case err != nil:
		e.Err = mistake(text, err)
	case text == "":
		e.Text = "the rule is empty"
	case letter == 'u':
		e.Text = "a command gave the URL"
	default:
		e.Text = strings.Join(a.reasons(text, d, after), "\n")
	}
	a.tell(e)
}

// reasons are the alternatives of a rule up to the one taken, and what that says
// beside its URL.
func (a explainer) reasons(text string, d rule.Decision, after int) []string {
	lines := rule.Explain(text, a.vars(), a.in.Unit.Row.Dialect(), after, a.hider())
	if len(d.Assignments) > 0 {
		var names []string
		for _, as := range d.Assignments {
			names = append(names, as.Name)
		}
		lines = append(lines, "it sets "+strings.Join(names, ", "))
	}
	switch {
	case d.Skipped():
		return append(lines, "no alternative holds, so it asks for nothing: a success")
	case !d.HasURL:
		return append(lines, "it has no URL, so it asks for nothing: a success")
	}
	return lines
}

// quoted are the parts of a rule that a mistake's text repeats.
var quoted = regexp.MustCompile(`"(?:[^"\\]|\\.)*"`)

// mistake says what is wrong with a rule. Where a rule has options, it does not repeat
// parts of it: one may be a key.
func mistake(text string, err error) string {
	syntax, ok := err.(*rule.SyntaxError) //nolint:errorlint // the package promises this type
	if !ok {
		return err.Error()
	}
	said := fmt.Sprintf("column %d: %s (%s)", syntax.Column, syntax.Msg, syntax.Hint)
	if strings.ContainsAny(text+syntax.Text, "[") {
		return quoted.ReplaceAllString(said, `"…"`)
	}
	return said
}

// hider returns which macros' values nobody may see: those that a rule uses as a key
// or password, those that hold options, and those that have the value of a secret
// parameter.
func (a explainer) hider() func(name, value string) bool {
	var names []string
	for _, param := range []string{"Profile_Rule", "Profile_Rule_B", "Profile_Rule_C", "Profile_Rule_D", "Upgrade_Rule", "Report_Rule", "Custom_CA_RULE"} {
		names = append(names, rule.KeyMacros(a.lookup(param))...)
	}
	return func(name, value string) bool {
		return value != "" && (slices.Contains(names, name) || strings.Contains(value, "--") || a.secret(value))
	}
}

// secret reports whether a value is that of a parameter which holds a secret.
func (a explainer) secret(value string) bool {
	for i := range a.in.Unit.Row.Factory.Params {
		p := &a.in.Unit.Row.Factory.Params[i]
		if p.Secret() && p.Default != value && a.params.Get(p.ID) == value {
			return true
		}
	}
	return false
}

// asksFor returns what changes ask of the device, where that is told.
func (a explainer) asksFor(changed []model.ID) model.RebootClass {
	if !a.in.Reasons {
		return model.NoReboot
	}
	return a.in.Unit.Row.Reboots(changed)
}
