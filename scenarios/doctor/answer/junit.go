package answer

import (
	"cmp"
	"fmt"
	"io"
	"strings"
	"time"

	"spafleet/scenarios/doctor/finding"
	"spafleet/scenarios/report/junit"
)

// WriteJUnit writes a report as JUnit XML: a suite for each device, a case in it for each
// check. A case fails where the finding breaks the device, and is skipped where the check
// was not made. One suite more says whether the report is whole.
func WriteJUnit(w io.Writer, r *finding.Report) error {
	s := newSheet(r)
	all := junit.Document{Name: "doctor " + r.Server, Time: junit.Seconds(time.Duration(r.Took).Seconds())}
	for place, d := range s.crew {
		all.Add(junit.Suite{Name: d.Name(), Cases: cases(s, place)}, r.Began)
	}
	whole := junit.Case{Class: "doctor", Name: "the server was asked to the end"}
	if text := s.unfinished(); text != "" {
		whole.Error = &junit.Outcome{Message: text, Type: "incomplete"}
	}
	all.Add(junit.Suite{Name: "doctor", Cases: []junit.Case{whole}, Properties: &junit.Properties{List: []junit.Property{{Name: "verdict", Value: Verdict(r)}, {Name: "server", Value: r.Server}}}}, r.Began)
	return all.Write(w)
}

// cases returns the cases of a device, in the order of the table of checks.
func cases(s *sheet, place int) []junit.Case {
	d := s.crew[place]
	var list []junit.Case
	for _, c := range finding.Checks {
		one := junit.Case{Class: "doctor." + d.Name(), Name: c.ID + ": " + c.Title}
		at := spot{place, c.ID}
		switch s.fared[place][c.ID] {
		case unasked:
			one.Skipped = &junit.Outcome{Message: cmp.Or(s.why[at], "not asked")}
		case breaks:
			one.Failure = &junit.Outcome{Message: s.found[at][0].Detail, Type: c.ID, Text: told(s.found[at]) + cures(c)}
		case warns, note:
			one.Out = told(s.found[at]) + cures(c)
		case fine:
		}
		list = append(list, one)
	}
	return list
}

func told(list []*finding.Finding) string {
	var b strings.Builder
	for _, f := range list {
		fmt.Fprintf(&b, "%s: %s\n", f.Severity, f.Detail)
		for _, one := range []struct{ label, text string }{{"seen", f.Evidence}, {"known", f.Basis}, {"hint", f.Hint}} {
			if one.text != "" {
				fmt.Fprintf(&b, "    %s: %s\n", one.label, one.text)
			}
		}
	}
	return b.String()
}

func cures(c finding.Check) string {
	var b strings.Builder
	for _, cure := range c.Cures {
		if cure.Server == "" {
			fmt.Fprintf(&b, "cure: %s\n", cure.Text)
			continue
		}
		fmt.Fprintf(&b, "cure (%s): %s\n", cure.Server, cure.Text)
	}
	return b.String()
}
