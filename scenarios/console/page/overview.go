package page

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"spafleet/fsm"
	"spafleet/scenarios/report"
	"spafleet/scenarios/report/webpage"
)

// An Overview is how a fleet stands. Times are fleet time.
type Overview struct {
	Frame
	Began, Now time.Time
	Longest    time.Duration // how long the run takes at most; 0: that is not known
	Clock      string        // how time passes; "": as on the wall
	Verdict    string        // that of the report; "": the run goes on
	Ended      string        // what the verdict means

	Devices      int
	Provisioned  int // devices that have resynced well
	Unanswered   int // devices that no server has answered
	States       map[string]int
	Resyncs      Result
	Rate         float64 // resyncs that ended in the last seconds, per second of fleet time
	Expectations []Expectation
	Failures     []Failure // those with most first
	MoreFailures int       // causes that are not in Failures
	Phases       []Phase   // how long transfers took
	History      report.History
	Timeline     []report.StepReport // steps that have happened stand in the charts
	Machine      Machine
	Faults       []Fault // that the console keeps up
}

// A Fault is what is done to exchanges because somebody at the console asked for it.
type Fault struct {
	What     string // status=503
	Devices  int    // whose exchanges it is for
	Affected int    // exchanges in which it has changed something
}

// A Result is how often something went well, and how often not.
type Result struct{ OK, Failed int64 }

// An Expectation is how far one is.
type Expectation struct {
	Name     string
	Held     int // devices that it holds for
	Devices  int // 0: it is not about devices
	Measured string
	Decided  bool
	OK       bool
}

// A Failure is why something failed, and how often.
type Failure struct {
	Count  int
	What   string // in words
	Err    string // in the device's words
	Hint   string
	Models string
	URL    string // an example of what was asked for
	Index  int    // a device that it happened to
	MAC    string // of that; "": none is known
}

// A Phase is how long a part of transfers took.
type Phase struct {
	Name          string
	Count         int64
	Med, P95, P99 time.Duration
}

// A Machine is how busy the machine is that works the fleet.
type Machine struct {
	Cores        float64
	CPU, CPUPeak float64 // shares of the cores, in the latest sample and in the worst
	Late         time.Duration
	Running      int // attempts
	Places       int // for attempts
	Descriptors  int
	Files        int      // the most descriptors
	Limits       []string // what keeps attempts waiting; empty: nothing does
}

// chartWidth is that of a chart, of which two stand side by side on a desk.
const chartWidth = 560

// WriteOverview writes the page of the whole fleet.
func WriteOverview(w io.Writer, o *Overview) error {
	return write(w, "overview", "Overview", o.Frame, o.view())
}

// WriteLive writes the live part of that page.
func WriteLive(w io.Writer, o *Overview) error { return part(w, "live-overview", o.view()) }

// overview is what the template shows.
type overview struct {
	*Overview
	Charts   webpage.Charts
	Class    string // of the verdict
	Word     string
	Summary  string // one line
	ByState  []inState
	Foremost []Expectation // that there is room for, those first that are missed
	Others   int           // that there is none for
	Causes   []Failure
	// MoreCauses are those that there is no room for.
	MoreCauses int
}

// The most rows of tables.
const (
	mostExpectations = 60
	mostCauses       = 20
)

type inState struct {
	Name    string
	Class   string
	Devices int
	Share   float64
}

func (o *Overview) view() *overview {
	v := &overview{Overview: o, Charts: webpage.Draw(&o.History, o.Began, o.Timeline, chartWidth)}
	for i, name := range fsm.StateNames() {
		n := o.States[name]
		v.ByState = append(v.ByState, inState{name, fmt.Sprintf("s%d", i), n, float64(n) / float64(max(o.Devices, 1))})
	}
	v.Foremost = slices.SortedStableFunc(slices.Values(o.Expectations), func(a, b Expectation) int { return a.urgency() - b.urgency() })
	v.Foremost = v.Foremost[:min(len(v.Foremost), mostExpectations)]
	v.Others = len(o.Expectations) - len(v.Foremost)
	v.Causes = o.Failures[:min(len(o.Failures), mostCauses)]
	v.MoreCauses = o.MoreFailures + len(o.Failures) - len(v.Causes)
	v.judge()
	return v
}

// judge says in a word and in a line how it goes.
func (v *overview) judge() {
	held, missed := 0, 0
	for _, e := range v.Expectations {
		switch e.urgency() {
		case holds:
			held++
		case missing:
			missed++
		}
	}
	switch {
	case v.Verdict != "":
		v.Class, v.Word = v.Verdict, v.Verdict
	case missed > 0:
		v.Class, v.Word = "failed", "failing"
	case len(v.Machine.Limits) > 0:
		v.Class, v.Word = "invalid", "this machine is too slow"
	default:
		v.Class, v.Word = "going", "running"
	}
	var parts []string
	if n := len(v.Expectations); n > 0 {
		parts = append(parts, fmt.Sprintf("%s of %s met so far", webpage.Count(held), counted(n, "expectation")))
	}
	if missed > 0 {
		parts = append(parts, webpage.Count(missed)+" missed")
	}
	if v.Verdict != "" && len(parts) > 0 {
		parts[0] = strings.TrimSuffix(parts[0], " so far")
	}
	parts = append(parts, fmt.Sprintf("%s of %s provisioned", webpage.Count(v.Provisioned), counted(v.Devices, "phone")))
	if v.Resyncs.Failed > 0 {
		parts = append(parts, counted(int(v.Resyncs.Failed), "resync")+" failed")
	}
	if n := len(v.Faults); n > 0 {
		parts = append(parts, counted(n, "fault")+" of the console at work")
	}
	v.Summary = strings.Join(parts, ", ")
}

// Words are the name of a phase as a table shows it.
func (p Phase) Words() string { return strings.ReplaceAll(p.Name, "_", " ") }

// Mark is what stands before an expectation, and what it means.
func (e Expectation) Mark() string { return e.words()[0] }

// Stands says how an expectation stands.
func (e Expectation) Stands() string { return e.words()[1] }

// Class is that of its colour.
func (e Expectation) Class() string { return e.words()[2] }

func (e Expectation) words() [3]string {
	switch e.urgency() {
	case missing:
		return [3]string{"✗", "missed", "no"}
	case open:
		return [3]string{"…", "not yet", "soft"}
	}
	if e.Decided {
		return [3]string{"✓", "met", "yes"}
	}
	return [3]string{"✓", "holds so far", "yes"}
}

// How urgent an expectation is, the most urgent first.
const (
	missing = iota
	open    // it does not hold yet
	holds   // so far, or for good
)

func (e Expectation) urgency() int {
	switch {
	case e.OK, !e.Decided && e.Devices > 0 && e.Held >= e.Devices:
		return holds
	case e.Decided:
		return missing
	}
	return open
}

// Per returns how many devices it holds for, in hundredths.
func (e Expectation) Per() int { return 100 * e.Held / max(e.Devices, 1) }
