// Package junit writes a report as JUnit XML, which CI systems show as tests.
package junit

import (
	"cmp"
	"encoding/xml"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"spafleet/scenarios/report"
)

// A Document is one JUnit XML file. Its counts are made by Add.
type Document struct {
	XMLName  xml.Name `xml:"testsuites"`
	Name     string   `xml:"name,attr"`
	Tests    int      `xml:"tests,attr"`
	Failures int      `xml:"failures,attr"`
	Errors   int      `xml:"errors,attr"`
	Skipped  int      `xml:"skipped,attr"`
	Time     string   `xml:"time,attr"`
	Suites   []Suite
}

// A Suite is a group of cases.
type Suite struct {
	XMLName    xml.Name `xml:"testsuite"`
	Name       string   `xml:"name,attr"`
	Tests      int      `xml:"tests,attr"`
	Failures   int      `xml:"failures,attr"`
	Errors     int      `xml:"errors,attr"`
	Skipped    int      `xml:"skipped,attr"`
	Time       string   `xml:"time,attr"`
	Timestamp  string   `xml:"timestamp,attr"`
	Properties *Properties
	Cases      []Case
}

// Properties are facts of a suite.
type Properties struct {
	XMLName xml.Name   `xml:"properties"`
	List    []Property `xml:"property"`
}

// A Property is a fact.
type Property struct {
	Name  string `xml:"name,attr"`
	Value string `xml:"value,attr"`
}

// A Case has passed unless it has one of the outcomes.
type Case struct {
	XMLName xml.Name `xml:"testcase"`
	Class   string   `xml:"classname,attr"`
	Name    string   `xml:"name,attr"`
	Time    string   `xml:"time,attr"` // see Seconds; empty: none
	Failure *Outcome `xml:"failure"`
	Error   *Outcome `xml:"error"`
	Skipped *Outcome `xml:"skipped"`
	Out     string   `xml:"system-out,omitempty"`
}

// An Outcome says how a case ended.
type Outcome struct {
	Message string `xml:"message,attr"`
	Type    string `xml:"type,attr,omitempty"`
	Text    string `xml:",chardata"`
}

// Seconds is a duration as JUnit XML has it.
func Seconds(s float64) string { return fmt.Sprintf("%.3f", s) }

// Add appends a suite that began at a time and counts its cases. One without cases is
// left out.
func (d *Document) Add(s Suite, began time.Time) {
	if len(s.Cases) == 0 {
		return
	}
	s.Timestamp, s.Time = began.UTC().Format("2006-01-02T15:04:05"), Seconds(0)
	for i := range s.Cases {
		s.count(&s.Cases[i])
	}
	d.Tests += s.Tests
	d.Failures += s.Failures
	d.Errors += s.Errors
	d.Skipped += s.Skipped
	d.Suites = append(d.Suites, s)
}

func (s *Suite) count(c *Case) {
	c.Time = cmp.Or(c.Time, Seconds(0))
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

// Write writes the file.
func (d *Document) Write(w io.Writer) error {
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	e := xml.NewEncoder(w)
	e.Indent("", "  ")
	if err := e.Encode(d); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n")
	return err
}

// Write writes a report as JUnit XML: a suite each for expectations (awaited steps
// are among them), thresholds, a bug of the field, models and this machine. Names of cases are texts of
// the scenario, the same in each run of it. Times are of this machine's clock.
//
// A case fails only in a run that failed, so CI and the exit code agree. In an
// invalid run the machine's case is an error and the others are skipped. What
// nobody expected anything of is skipped, not passed.
func Write(w io.Writer, r *report.Report) error {
	all := Document{Name: r.Name, Time: Seconds(r.WallSeconds)}
	for _, s := range []Suite{
		{Name: "expectations", Cases: expectations(r)},
		{Name: "thresholds", Cases: thresholds(r)},
		{Name: "bug", Cases: bug(r)},
		{Name: "models", Cases: models(r)},
		{Name: "machine", Cases: machine(r), Properties: facts(r)},
	} {
		for i := range s.Cases {
			c := &s.Cases[i]
			c.Class = r.Name + "." + s.Name
			if r.Verdict == report.Invalid && s.Name != "machine" {
				c.Failure, c.Skipped = nil, &Outcome{Message: "not to be trusted: this machine was too slow"}
			}
		}
		all.Add(s, r.Started)
	}
	return all.Write(w)
}

// merged is the reason for skipping what only the merge of all shards decides.
const merged = "decided by 'spafleet report merge' for the whole fleet"

// expectations returns a case for each expectation and awaited step.
func expectations(r *report.Report) []Case {
	var list []Case
	for i := range r.Timeline {
		s := &r.Timeline[i]
		if s.OK() && !s.Asked() {
			continue
		}
		c := Case{Name: "step " + s.Name}
		switch {
		case s.Error != "":
			c.Failure = &Outcome{Message: s.Error, Type: "step"}
		case !s.Fired:
			c.Failure = &Outcome{Message: "the step did not happen", Type: "step", Text: devices(s.Missing)}
		}
		list = append(list, c)
	}
	for i := range r.Expect {
		e := &r.Expect[i]
		c := Case{Name: e.Name}
		switch {
		case e.Shared:
			c.Skipped = &Outcome{Message: merged}
		case !e.OK:
			c.Failure = &Outcome{Message: e.Measured(), Type: "expectation", Text: devices(e.First)}
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

func thresholds(r *report.Report) []Case {
	var list []Case
	for i := range r.Thresholds {
		t := &r.Thresholds[i]
		c := Case{Name: t.Metric + ": " + t.Threshold}
		switch {
		case t.Shared:
			c.Skipped = &Outcome{Message: merged}
		case !t.OK:
			c.Failure = &Outcome{Message: t.Measured(), Type: "threshold"}
		}
		list = append(list, c)
	}
	return list
}

// bug returns a case for each side of a bug and each cure.
func bug(r *report.Report) []Case {
	if r.Bug == nil {
		return nil
	}
	var list []Case
	for _, b := range r.Bug.Checks() {
		c := Case{Name: b.Name}
		if !b.OK {
			c.Failure = &Outcome{Message: b.Text, Type: "bug", Text: devices(b.First) + strings.Join(b.Failed, "\n")}
		}
		list = append(list, c)
	}
	return list
}

// models returns a case for each group, model and firmware. That of devices which
// have failed fails with the run.
func models(r *report.Report) []Case {
	var list []Case
	for i := range r.Models {
		m := &r.Models[i]
		if m.Devices == 0 {
			continue
		}
		c := Case{Name: m.Make.String(), Out: causes(r, m.Make.String())}
		if m.Group != "" {
			c.Name = m.Group + ": " + c.Name
		}
		bad := fmt.Sprintf("of %d devices %d failed their last resync, %d never got an answer", m.Devices, m.Failed, m.Unanswered)
		switch well := m.Failed+m.Unanswered == 0; {
		case r.Verdict == report.Finished:
			c.Skipped = &Outcome{Message: "nothing was expected; " + bad}
		case r.Verdict == report.Failed && !well:
			c.Failure = &Outcome{Message: bad, Type: "devices", Text: named(r, m.Model)}
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
func machine(r *report.Report) []Case {
	fast := Case{Name: "this machine was fast enough"}
	if !r.Generator.Valid {
		fast.Error = &Outcome{Message: "requests started late: p99 " + report.Seconds(r.Generator.Lateness.P99), Type: "invalid", Text: strings.Join(r.Generator.Reasons, "\n")}
	}
	end := Case{Name: "the run came to its end", Time: Seconds(r.WallSeconds), Out: strings.Join(r.Notes, "\n")}
	if r.Verdict == report.Interrupted {
		end.Error = &Outcome{Message: "interrupted after " + report.Seconds(r.DurationSeconds), Type: "interrupted"}
	}
	return []Case{fast, end}
}

func facts(r *report.Report) *Properties {
	return &Properties{List: []Property{
		{"verdict", r.Verdict}, {"exit", fmt.Sprint(r.Exit)}, {"seed", fmt.Sprint(r.Seed)}, {"clock", r.Clock},
		{"devices", fmt.Sprint(r.Devices)}, {"fleet_start", r.FleetStart.UTC().Format(time.RFC3339)}, {"scenario_sha256", r.Source.SHA256},
	}}
}
