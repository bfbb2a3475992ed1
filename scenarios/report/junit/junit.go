// Package junit writes a report as JUnit XML, which CI systems show as tests.
package junit

import (
	"encoding/xml"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"spafleet/scenarios/report"
)

type suites struct {
	XMLName  xml.Name `xml:"testsuites"`
	Name     string   `xml:"name,attr"`
	Tests    int      `xml:"tests,attr"`
	Failures int      `xml:"failures,attr"`
	Errors   int      `xml:"errors,attr"`
	Skipped  int      `xml:"skipped,attr"`
	Time     string   `xml:"time,attr"`
	Suites   []suite
}

type suite struct {
	XMLName    xml.Name `xml:"testsuite"`
	Name       string   `xml:"name,attr"`
	Tests      int      `xml:"tests,attr"`
	Failures   int      `xml:"failures,attr"`
	Errors     int      `xml:"errors,attr"`
	Skipped    int      `xml:"skipped,attr"`
	Time       string   `xml:"time,attr"`
	Timestamp  string   `xml:"timestamp,attr"`
	Properties *properties
	Cases      []testcase
}

type properties struct {
	XMLName xml.Name   `xml:"properties"`
	List    []property `xml:"property"`
}

type property struct {
	Name  string `xml:"name,attr"`
	Value string `xml:"value,attr"`
}

type testcase struct {
	XMLName xml.Name `xml:"testcase"`
	Class   string   `xml:"classname,attr"`
	Name    string   `xml:"name,attr"`
	Time    string   `xml:"time,attr"`
	Failure *outcome `xml:"failure"`
	Error   *outcome `xml:"error"`
	Skipped *outcome `xml:"skipped"`
	Out     string   `xml:"system-out,omitempty"`
}

type outcome struct {
	Message string `xml:"message,attr"`
	Type    string `xml:"type,attr,omitempty"`
	Text    string `xml:",chardata"`
}

// Write writes a report as JUnit XML: a suite each for expectations (awaited steps
// are among them), thresholds, a bug of the field, models and this machine. Names of cases are texts of
// the scenario, the same in each run of it. Times are of this machine's clock.
//
// A case fails only in a run that failed, so CI and the exit code agree. In an
// invalid run the machine's case is an error and the others are skipped. What
// nobody expected anything of is skipped, not passed.
func Write(w io.Writer, r *report.Report) error {
	all := suites{Name: r.Name, Time: seconds(r.WallSeconds)}
	for _, s := range []suite{
		{Name: "expectations", Cases: expectations(r)},
		{Name: "thresholds", Cases: thresholds(r)},
		{Name: "bug", Cases: bug(r)},
		{Name: "models", Cases: models(r)},
		{Name: "machine", Cases: machine(r), Properties: facts(r)},
	} {
		if len(s.Cases) == 0 {
			continue
		}
		s.Timestamp, s.Time = r.Started.UTC().Format("2006-01-02T15:04:05"), seconds(0)
		for i := range s.Cases {
			s.add(&s.Cases[i], r, s.Name)
		}
		all.add(&s)
	}
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	e := xml.NewEncoder(w)
	e.Indent("", "  ")
	if err := e.Encode(&all); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n")
	return err
}

// add completes a case and counts it.
func (s *suite) add(c *testcase, r *report.Report, class string) {
	c.Class = r.Name + "." + class
	if c.Time == "" {
		c.Time = seconds(0)
	}
	if r.Verdict == report.Invalid && class != "machine" {
		c.Failure, c.Skipped = nil, &outcome{Message: "not to be trusted: this machine was too slow"}
	}
	s.Tests++
	switch {
	case c.Failure != nil:
		s.Failures++
	case c.Error != nil:
		s.Errors++
	case c.Skipped != nil:
		s.Skipped++
	}
}

func (a *suites) add(s *suite) {
	a.Tests += s.Tests
	a.Failures += s.Failures
	a.Errors += s.Errors
	a.Skipped += s.Skipped
	a.Suites = append(a.Suites, *s)
}

func seconds(s float64) string { return fmt.Sprintf("%.3f", s) }

// merged is the reason for skipping what only the merge of all shards decides.
const merged = "decided by 'spafleet report merge' for the whole fleet"

// expectations returns a case for each expectation and awaited step.
func expectations(r *report.Report) []testcase {
	var list []testcase
	for i := range r.Timeline {
		s := &r.Timeline[i]
		if s.Fired && !s.Awaited {
			continue
		}
		c := testcase{Name: "step " + s.Name}
		if !s.Fired {
			c.Failure = &outcome{Message: "the step did not happen", Type: "step", Text: devices(s.Missing)}
		}
		list = append(list, c)
	}
	for i := range r.Expect {
		e := &r.Expect[i]
		c := testcase{Name: e.Name}
		switch {
		case e.Shared:
			c.Skipped = &outcome{Message: merged}
		case !e.OK:
			c.Failure = &outcome{Message: e.Measured(), Type: "expectation", Text: devices(e.First)}
		}
		list = append(list, c)
	}
	return list
}

// devices names the first devices that something failed for, one in a line.
func devices(list []report.Failing) string {
	var b strings.Builder
	for _, f := range list {
		fmt.Fprintf(&b, "%s (%s): %s\n", f.MAC, f.Model, f.Why)
	}
	return b.String()
}

func thresholds(r *report.Report) []testcase {
	var list []testcase
	for i := range r.Thresholds {
		t := &r.Thresholds[i]
		c := testcase{Name: t.Metric + ": " + t.Threshold}
		switch {
		case t.Shared:
			c.Skipped = &outcome{Message: merged}
		case !t.OK:
			c.Failure = &outcome{Message: t.Measured(), Type: "threshold"}
		}
		list = append(list, c)
	}
	return list
}

// bug returns a case for each side of a bug and each cure.
func bug(r *report.Report) []testcase {
	if r.Bug == nil {
		return nil
	}
	var list []testcase
	for _, b := range r.Bug.Checks() {
		c := testcase{Name: b.Name}
		if !b.OK {
			c.Failure = &outcome{Message: b.Text, Type: "bug", Text: devices(b.First) + strings.Join(b.Failed, "\n")}
		}
		list = append(list, c)
	}
	return list
}

// models returns a case for each group, model and firmware. That of devices which
// have failed fails with the run.
func models(r *report.Report) []testcase {
	var list []testcase
	for i := range r.Models {
		m := &r.Models[i]
		if m.Devices == 0 {
			continue
		}
		c := testcase{Name: m.Make.String(), Out: causes(r, m.Make.String())}
		if m.Group != "" {
			c.Name = m.Group + ": " + c.Name
		}
		bad := fmt.Sprintf("of %d devices %d failed their last resync, %d never got an answer", m.Devices, m.Failed, m.Unanswered)
		switch well := m.Failed+m.Unanswered == 0; {
		case r.Verdict == report.Finished:
			c.Skipped = &outcome{Message: "nothing was expected; " + bad}
		case r.Verdict == report.Failed && !well:
			c.Failure = &outcome{Message: bad, Type: "devices", Text: named(r, m.Model)}
		case !well:
			c.Out = bad + "\n" + c.Out
		}
		list = append(list, c)
	}
	return list
}

// mostCauses bounds the causes that a case names.
const mostCauses = 5

// causes says how devices of a model and firmware failed, each cause in a line.
func causes(r *report.Report, kind string) string {
	var b strings.Builder
	told := 0
	for i := range r.Findings.Errors {
		f := &r.Findings.Errors[i]
		n := f.Models[kind]
		if n == 0 {
			continue
		}
		if told++; told > mostCauses {
			b.WriteString("and other causes; the JSON result has all\n")
			break
		}
		fmt.Fprintf(&b, "%d × %s\n", n, report.Describe(f))
		if f.Example.URL != "" && len(f.Models) == 1 { // the example is of this model
			fmt.Fprintf(&b, "    e.g. %s, %s\n", f.Example.MAC, f.Example.URL)
		}
		if f.Hint != "" {
			fmt.Fprintf(&b, "    hint: %s\n", f.Hint)
		}
	}
	return b.String()
}

// named returns the devices of a model that expectations name.
func named(r *report.Report, model string) string {
	var list []report.Failing
	add := func(more []report.Failing) {
		for _, f := range more {
			if f.Model == model && !slices.Contains(list, f) && len(list) < report.MostFailing {
				list = append(list, f)
			}
		}
	}
	for i := range r.Timeline {
		add(r.Timeline[i].Missing)
	}
	for i := range r.Expect {
		add(r.Expect[i].First)
	}
	return devices(list)
}

// machine is whether this machine was fast enough and the run came to its end.
func machine(r *report.Report) []testcase {
	fast := testcase{Name: "this machine was fast enough"}
	if !r.Generator.Valid {
		fast.Error = &outcome{Message: "requests started late: p99 " + report.Seconds(r.Generator.Lateness.P99), Type: "invalid", Text: strings.Join(r.Generator.Reasons, "\n")}
	}
	end := testcase{Name: "the run came to its end", Time: seconds(r.WallSeconds), Out: strings.Join(r.Notes, "\n")}
	if r.Verdict == report.Interrupted {
		end.Error = &outcome{Message: "interrupted after " + report.Seconds(r.DurationSeconds), Type: "interrupted"}
	}
	return []testcase{fast, end}
}

func facts(r *report.Report) *properties {
	return &properties{List: []property{
		{"verdict", r.Verdict}, {"exit", fmt.Sprint(r.Exit)}, {"seed", fmt.Sprint(r.Seed)}, {"clock", r.Clock},
		{"devices", fmt.Sprint(r.Devices)}, {"fleet_start", r.FleetStart.UTC().Format(time.RFC3339)}, {"scenario_sha256", r.Source.SHA256},
	}}
}
