package report

import (
	"fmt"
	"strings"

	"spafleet/host/lines"
)

// A BugReport says whether a scenario shows a bug of the field: on all affected
// devices, on no unaffected one, and on none with a cure.
type BugReport struct {
	OK         bool      `json:"ok"`
	Source     []string  `json:"source"`   // where the bug is reported
	Evidence   string    `json:"evidence"` // documented, field, image or inferred
	Trait      []string  `json:"trait"`    // what causes it: firmware switches, model or set; empty where the scenario does not say
	Symptom    string    `json:"symptom"`
	Shows      string    `json:"shows"`    // the expression by which a device shows it
	Affected   BugSide   `json:"affected"` // every device has to show it
	Unaffected BugSide   `json:"unaffected"`
	Cures      []BugSide `json:"cures"` // each of a run of its own, in which no device may show it
}

// A BugSide is the devices of one side of a bug, or those of a run with a cure.
type BugSide struct {
	How     string    `json:"how,omitempty"` // of a cure
	OK      bool      `json:"ok"`
	Devices int       `json:"devices"`
	Showed  int       `json:"showed"`           // devices that showed the bug
	First   []Failing `json:"first"`            // the first devices that speak against the bug, or the cure
	Failed  []string  `json:"failed,omitempty"` // of a cure: what was expected and did not hold in its run
}

// Judge sets whether the bug was shown.
func (b *BugReport) Judge() {
	b.Affected.OK = b.Affected.Devices > 0 && b.Affected.Showed == b.Affected.Devices
	b.Unaffected.OK = b.Unaffected.Showed == 0
	b.OK = b.Affected.OK && b.Unaffected.OK
	for i := range b.Cures {
		b.OK = b.OK && b.Cures[i].OK
	}
}

// Unmet returns the names of what was expected and did not hold, a bug left out.
func (r *Report) Unmet() []string {
	var names []string
	for i := range r.Timeline {
		if s := &r.Timeline[i]; !s.Fired {
			names = append(names, "step "+s.Name)
		}
	}
	for i := range r.Expect {
		if e := &r.Expect[i]; !e.OK && !e.Shared {
			names = append(names, e.Name)
		}
	}
	for i := range r.Thresholds {
		if t := &r.Thresholds[i]; !t.OK && !t.Shared {
			names = append(names, t.Metric+": "+t.Threshold)
		}
	}
	return names
}

// A bugCheck is one of the questions that decide whether a bug was shown.
type bugCheck struct {
	Name   string // the same in each run of the scenario
	Text   string // what came of it
	OK     bool
	First  []Failing // the first devices that speak against it
	Failed []string  // of a cure: what was expected and did not hold in its run
}

// Checks returns the questions that decide whether the bug was shown: of both sides,
// then of each cure.
func (b *BugReport) Checks() []bugCheck {
	a, u := &b.Affected, &b.Unaffected
	list := []bugCheck{{Name: "affected devices show the bug", OK: a.OK, First: a.First, Text: fmt.Sprintf("it shows on %d of %d affected devices", a.Showed, a.Devices)}}
	if u.Devices > 0 {
		list = append(list, bugCheck{Name: "other devices do not show the bug", OK: u.OK, First: u.First, Text: fmt.Sprintf("it shows on %d of %d others", u.Showed, u.Devices)})
	}
	for i := range b.Cures {
		c := &b.Cures[i]
		list = append(list, bugCheck{Name: "cure: " + c.How, OK: c.OK, First: c.First, Failed: c.Failed,
			Text: fmt.Sprintf("cured, it shows on %d of %d devices: %s", c.Showed, c.Devices, c.How)})
	}
	return list
}

func writeBug(b *strings.Builder, r *Report) {
	if r.Bug == nil {
		return
	}
	b.WriteString("\n" + lines.Hang("bug: ", "     ", r.Bug.Symptom+" ("+r.Bug.Evidence+")"))
	for _, c := range r.Bug.Checks() {
		b.WriteString(lines.Hang("  "+markOf(c.OK, false)+" ", "    ", c.Text))
		writeFailing(b, c.First)
		for _, name := range c.Failed {
			fmt.Fprintf(b, "      not met with this cure: %s\n", name)
		}
	}
}
