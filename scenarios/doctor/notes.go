package doctor

import (
	"cmp"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"spafleet/device/model"
	"spafleet/scenarios/doctor/finding"
)

// A trouble is what is wrong for a device, with the check that finds it.
type trouble struct {
	check    string
	severity finding.Severity
	detail   string
	evidence string
	basis    string
	hint     string
}

// tags are how texts for people say how a fact is known.
var tags = regexp.MustCompile(` \((documented|field|image|inferred|set by a switch)(;[^()]*)?\)`)

// Notes are what a device found out so far.
type notes struct {
	of      *model.Row
	found   []finding.Finding
	unmade  map[string]string // checks that are not made, and why
	unasked string            // why the rest is not asked; "" where it is
}

// has reports whether there is something to say of a check already.
func (n *notes) has(check string) bool { return n.made(check) || n.unmade[check] != "" }

func (n *notes) made(check string) bool {
	return slices.ContainsFunc(n.found, func(f finding.Finding) bool { return f.Check == check })
}

func (n *notes) ok(check, detail, evidence string) {
	n.add(finding.Finding{Check: check, OK: true, Detail: detail, Evidence: evidence})
}

// mostText bounds each text of a finding, in bytes.
const mostText = 1000

// add adds a finding. A server can say anything, and some of it stands in the texts.
func (n *notes) add(f finding.Finding) {
	f.Model, f.Firmware = n.of.Model.Name, n.of.Firmware.Version
	for _, text := range []*string{&f.Detail, &f.Evidence, &f.Hint} {
		*text = strings.Map(func(r rune) rune {
			if r == unicode.ReplacementChar || !unicode.IsPrint(r) {
				return '?'
			}
			return r
		}, (*text)[:min(len(*text), mostText)])
	}
	n.found = append(n.found, f)
}

// note notes a trouble. What it says does not name the device, so that devices with the
// same trouble say the same, and how it is known stands apart.
func (n *notes) note(t *trouble) {
	for _, text := range []*string{&t.detail, &t.hint} {
		*text = strings.ReplaceAll(*text, n.of.Model.Name+" "+n.of.Firmware.Version, "this firmware")
		for _, tag := range tags.FindAllString(*text, -1) {
			*text = strings.Replace(*text, tag, "", 1)
			t.basis = cmp.Or(t.basis, strings.Trim(tag, " ()"))
		}
	}
	if t.hint == "this firmware refuses it" { // as the detail says
		t.hint = ""
	}
	n.add(finding.Finding{Check: t.check, Severity: t.severity, Detail: t.detail, Evidence: t.evidence, Basis: t.basis, Hint: t.hint})
}

// replace notes a trouble in place of what was said of its check.
func (n *notes) replace(t *trouble) {
	n.found = slices.DeleteFunc(n.found, func(f finding.Finding) bool { return f.Check == t.check })
	n.note(t)
}

func (n *notes) skip(check, why string) {
	if n.unmade == nil {
		n.unmade = map[string]string{}
	}
	n.unmade[check] = why
}

// why says why a check was not made.
func (n *notes) why(check string) string { return cmp.Or(n.unmade[check], n.unasked) }
