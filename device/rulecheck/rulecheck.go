// Package rulecheck finds what is odd in a profile rule, for a model and firmware:
// nothing in it is a mistake, but a device would hardly do what its author means.
package rulecheck

import (
	"fmt"
	"strings"

	"spafleet/device"
	"spafleet/device/model"
	"spafleet/device/rule"
)

// A Finding is one odd thing.
type Finding struct {
	Alternative int            `json:"alternative"` // from 1; 0: of the whole rule
	Text        string         `json:"text"`        // what is odd, and what it leads to
	Hint        string         `json:"hint,omitempty"`
	Evidence    model.Evidence `json:"evidence"` // how it is known that the firmware does so
}

// String returns the finding as a line.
func (f Finding) String() string {
	line := fmt.Sprintf("%s (%s)", f.Text, f.Evidence)
	if f.Alternative > 0 {
		line = fmt.Sprintf("alternative %d: %s", f.Alternative, line)
	}
	if f.Hint != "" {
		line += "; " + f.Hint
	}
	return line
}

// Rule returns what is odd in a rule for a device. A rule that cannot be read has no
// findings: its error is enough.
func Rule(env device.Env, text string) []Finding {
	row := env.Unit.Row
	notes, err := rule.Notes(text, env, row.Dialect())
	if err != nil {
		return nil
	}
	var list []Finding
	for _, n := range notes {
		if f, ok := finding(row, n); ok {
			list = append(list, f)
		}
	}
	return append(list, ignored(env, text)...)
}

const versionHint = "write a version without quotes, as 7.6.2, 7.6.2a or 7.6.2(a)"

// dottedTexts say what the values of the switch dotted_suffix come to.
var dottedTexts = map[string]string{
	"text":   "taken for text, which has only eq and ne, it is never true",
	"suffix": "taken for one without that dot",
	"ignore": "taken for one without what stands behind that dot",
}

// finding says what a note means to a firmware; false for one that means nothing to it.
func finding(row *model.Row, n rule.Note) (Finding, bool) {
	f := Finding{Alternative: n.Alternative}
	next := n.Alternative + 1
	switch n.Kind {
	case rule.TextHasNoOrder:
		f.Text, f.Hint, f.Evidence = n.Text+" is never true: text has only eq and ne", versionHint, model.Documented
	case rule.UnlikeTypes:
		f.Text, f.Hint = n.Text+" is never true: text is compared with a number or version", versionHint
	case rule.DottedVersion:
		sw := row.Switch("dotted_suffix")
		f.Text, f.Evidence = n.Text+" has a version with a dot too many: "+dottedTexts[sw.Value], sw.Evidence
		f.Hint = "write 7.6.2a; what a device takes 7.6.2.a for is not known, switch dotted_suffix says it"
	case rule.NeverTrue:
		f.Text, f.Evidence = n.Text+" is never true", model.Documented
	case rule.EmptyAlternative:
		f.Text = fmt.Sprintf("it is empty, so the rule ends there, and alternative %d is never reached", next)
		f.Hint, f.Evidence = "divide alternatives by one |", model.Documented
	case rule.AlwaysTaken:
		if row.Behaviour.NextAlternative {
			return f, false
		}
		f.Text = fmt.Sprintf("it has no condition, so alternative %d is never reached", next)
		f.Hint, f.Evidence = "give all but the last a condition", row.Switch("failed_alternative").Evidence
	case rule.UnknownMacro:
		f.Text = fmt.Sprintf("%s is no macro of %s %s and stays as it is written", n.Text, row.Model.Name, row.Firmware.Version)
		f.Hint, f.Evidence = NearMacro(n.Text), model.Documented
	case rule.SecretOutsideKey:
		f.Text, f.Evidence = n.Text+" stays as it is written: it is replaced after --key alone", model.Documented
	case rule.EmptyKey:
		f.Text, f.Hint = "the key is empty at present", "set the parameter that it comes from"
	case rule.UnknownOption:
		f.Text = n.Text + " means nothing to the device"
	}
	return f, true
}

// ignored finds options that the firmware does not use.
func ignored(env device.Env, text string) (list []Finding) {
	row := env.Unit.Row
	all, err := rule.Alternatives(text, env, row.Dialect())
	if err != nil || row.Behaviour.HTTP.Auth {
		return nil
	}
	for _, d := range all {
		if d.Options.UID == "" && d.Options.PWD == "" {
			continue
		}
		list = append(list, Finding{Alternative: d.Alternative, Evidence: row.Switch("http_auth").Evidence,
			Text: fmt.Sprintf("%s %s does not use --uid and --pwd", row.Model.Name, row.Firmware.Version), Hint: "switch http_auth=basic_digest makes it do so"})
	}
	return list
}

// macros are the names that some firmware knows.
var macros = []string{
	"MA", "MAU", "MAC", "PN", "PSN", "SN", "SWVER", "HWVER", "IP", "EXTIP", "CCERT", "SCHEME", "SERV", "SERVIP", "PORT", "PATH", "ERR",
	"PRVST", "PRVTMR", "UPGST", "UPGTMR", "UPGERR", "REGTMR1", "REGTMR2", "UID1", "UID2", "ISCUST",
}

// NearMacro says what may have been meant by a macro that no firmware knows.
func NearMacro(written string) string {
	if near := model.DidYouMean(strings.Trim(written, "$()"), macros); near != "" {
		return strings.TrimPrefix(near, "; ")
	}
	return "macros are written in capitals; end a name by a character that is no letter and no digit, or write $(NAME)"
}
