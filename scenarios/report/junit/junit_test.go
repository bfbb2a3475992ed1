package junit_test

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"spafleet/bench/extproc"
	"spafleet/scenarios/report"
	"spafleet/scenarios/report/junit"
	"spafleet/scenarios/tally"
)

// newReport has one of each that holds and one that does not.
func newReport(verdict string) *report.Report {
	r := &report.Report{
		Name: "outage", Verdict: verdict, Started: time.Unix(1e9, 0).UTC(), WallSeconds: 1.5, DurationSeconds: 90,
		Timeline: []report.StepReport{{Name: "power", Fired: true}, {Name: "ready", Awaited: true, Fired: true}},
		Expect: []report.ExpectationReport{
			{Name: "all synced", OK: true, Devices: 7, Held: 7},
			{Name: "all quick", OK: verdict != report.Failed, Devices: 7, Held: 3, First: []report.Failing{{MAC: "000e08000001", Model: "SPA942", Why: "bad \x01 & <byte>"}}},
		},
		Thresholds: []report.ThresholdReport{{Metric: "resync_failed", Threshold: "rate<1%", Value: .001, Samples: 10, OK: true}},
		Generator:  report.Generator{Valid: verdict != report.Invalid, Reasons: []string{"generator-limited by cpu"}},
	}
	r.Models = []report.MakeSummary{
		{Make: tally.Make{Model: "SPA942", Firmware: "6.1.5(a)", Devices: 5}, Answers: tally.Answers{OK: 3, Failed: 2}},
		{Make: tally.Make{Group: "office", Model: "PAP2T", Firmware: "5.1.6(LS)", Devices: 2}, Answers: tally.Answers{OK: 2}},
	}
	r.Findings.Errors = []tally.Failure{{What: "profile", Rule: "A", Scheme: "http", Phase: "status", Result: "status", Status: 503, Count: 4, Models: map[string]int{"SPA942 6.1.5(a)": 4}}}
	return r
}

// aBug shows on one of two affected devices, on no other, and with its cure still on
// one.
func aBug() *report.BugReport {
	b := &report.BugReport{Symptom: "it hangs", Affected: report.BugSide{Devices: 2, Showed: 1}, Unaffected: report.BugSide{Devices: 1}, Cures: []report.BugSide{{How: "pull the plug", Devices: 3, Showed: 1}}}
	b.Judge()
	return b
}

func written(t *testing.T, r *report.Report) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := junit.Write(&b, r); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

type read struct {
	Cases []struct {
		Class   string  `xml:"classname,attr"`
		Name    string  `xml:"name,attr"`
		Failure *string `xml:"failure"`
		Error   *string `xml:"error"`
		Skipped *string `xml:"skipped"`
	} `xml:"testsuite>testcase"`
}

// What a case says agrees with the verdict: no case fails in a run that did not, and
// nothing is green that was not asked.
func TestCasesAgreeWithTheVerdict(t *testing.T) {
	for _, tt := range []struct {
		verdict string
		change  func(*report.Report)
		want    string // for each case: . passed, F failed, E error, s skipped
	}{
		{report.Passed, func(r *report.Report) { r.Expect = r.Expect[:1] }, "...... ."},
		{report.Failed, nil, "..F.F..."},
		{report.Failed, func(r *report.Report) { r.Timeline[0].Fired = false }, "F..F.F..."},
		{report.Finished, func(r *report.Report) { r.Expect, r.Timeline, r.Thresholds = nil, nil, nil }, "ss.."},
		{report.Invalid, nil, "ssssssE."},
		{report.Interrupted, nil, ".......E"},
		{report.Failed, func(r *report.Report) { r.Expect[1].OK, r.Bug = true, aBug() }, "....F.FF..."},
		{report.Passed, func(r *report.Report) { r.Expect[1].Shared, r.Thresholds[0].Shared = true, true }, "..ss...."},
	} {
		r := newReport(tt.verdict)
		if tt.change != nil {
			tt.change(r)
		}
		var all read
		if err := xml.Unmarshal(written(t, r), &all); err != nil {
			t.Fatal(err)
		}
		got := ""
		for _, c := range all.Cases {
			switch {
			case c.Failure != nil:
				got += "F"
			case c.Error != nil:
				got += "E"
			case c.Skipped != nil:
				got += "s"
			default:
				got += "."
			}
		}
		if want := strings.ReplaceAll(tt.want, " ", ""); got != want {
			t.Errorf("%s: cases are %s, want %s", tt.verdict, got, want)
		}
	}
}

// An independent reader finds the same cases and counts.
func TestAnotherProgramReadsIt(t *testing.T) {
	const python = "/usr/bin/python3" // Debian's, which has Debian's modules; there may be another before it
	if _, err := os.Stat(python); err != nil {
		extproc.Must(t, extproc.Missing{Program: python, DebianPackage: "python3-junitparser"})
	}
	const program = `
import sys
from junitparser import JUnitXml
x = JUnitXml.fromstring(sys.stdin.buffer.read())
print(x.tests, x.failures, x.errors, x.skipped)
for suite in x:
    for case in suite:
        print(suite.name, "|", case.classname, "|", case.name, "|", [type(r).__name__ + ": " + r.message for r in case.result])
`
	c := exec.CommandContext(t.Context(), python, "-c", program)
	c.Stdin = bytes.NewReader(written(t, newReport(report.Failed)))
	said, err := c.CombinedOutput()
	if strings.Contains(string(said), "No module named") {
		extproc.Must(t, extproc.Missing{Program: "junitparser", DebianPackage: "python3-junitparser"})
	}
	if err != nil {
		t.Fatalf("%v\n%s", err, said)
	}
	const want = `8 2 0 0
expectations | outage.expectations | step ready | []
expectations | outage.expectations | all synced | []
expectations | outage.expectations | all quick | ['Failure: 3 of 7 devices']
thresholds | outage.thresholds | resync_failed: rate<1% | []
models | outage.models | SPA942 6.1.5(a) | ['Failure: of 5 devices 2 failed their last resync, 0 never got an answer']
models | outage.models | office: PAP2T 5.1.6(LS) | []
machine | outage.machine | this machine was fast enough | []
machine | outage.machine | the run came to its end | []
`
	if string(said) != want {
		t.Errorf("it reads\n%s\nwant\n%s", said, want)
	}
}

// The file of the largest fleet has at most a megabyte.
func TestTheFileIsBounded(t *testing.T) {
	r := newReport(report.Failed)
	for i := range 1000 {
		m := r.Models[0]
		m.Group = fmt.Sprint("group", i)
		r.Models = append(r.Models, m)
	}
	for range 1000 {
		r.Findings.Errors = append(r.Findings.Errors, r.Findings.Errors[0])
	}
	if n := len(written(t, r)); n > 1<<20 {
		t.Errorf("the file has %d bytes", n)
	}
}
