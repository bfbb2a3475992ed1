package report_test

import (
	"strings"
	"testing"

	"spafleet/scenarios/report"
)

// Two questions decide: did it work, and was it measured well? What lateness
// cannot cause decides first.
func TestWhatLatenessCannotCauseDecidesFirst(t *testing.T) {
	met := report.ExpectationReport{Name: "met", OK: true}
	late := report.ExpectationReport{Name: "late"}
	refused := report.ExpectationReport{Name: "refused", Surely: true}
	missed := report.StepReport{Name: "missed", Awaited: true}
	for _, tt := range []struct {
		name                string
		expect              []report.ExpectationReport
		steps               []report.StepReport
		well, badly, worked string // the verdicts of a machine that kept up and of one that did not; the latter's other answer
	}{
		{"nothing asked", nil, nil, report.Finished, report.Invalid, "not_asked"},
		{"a step at a moment", nil, []report.StepReport{{Name: "reboot", Fired: true}}, report.Finished, report.Invalid, "not_asked"},
		{"a step that was awaited", nil, []report.StepReport{{Name: "ready", Awaited: true, Fired: true}}, report.Passed, report.Invalid, "yes"},
		{"met", []report.ExpectationReport{met}, nil, report.Passed, report.Invalid, "yes"},
		{"late", []report.ExpectationReport{met, late}, nil, report.Failed, report.Invalid, "unclear"},
		{"refused", []report.ExpectationReport{late, refused}, nil, report.Failed, report.Failed, "no"},
		{"decided by the merge", []report.ExpectationReport{{Name: "share", Shared: true, Surely: true}}, nil, report.Passed, report.Invalid, "yes"},
		{"a step missed", nil, []report.StepReport{missed}, report.Failed, report.Invalid, "unclear"},
		{"a step missed surely", nil, []report.StepReport{{Name: "missed", Awaited: true, Surely: true}}, report.Failed, report.Failed, "no"},
	} {
		for _, valid := range []bool{true, false} {
			r := &report.Report{Expect: tt.expect, Timeline: tt.steps, Generator: report.Generator{Valid: valid}}
			r.Judge(false)
			want := tt.badly
			if valid {
				want = tt.well
			}
			if r.Verdict != want || !valid && r.Worked != tt.worked {
				t.Errorf("%s, kept up %t: %s, worked %s, want %s", tt.name, valid, r.Verdict, r.Worked, want)
			}
			var b strings.Builder
			r.WriteText(&b)
			if both := strings.Contains(b.String(), "  did it work? ") && strings.Contains(b.String(), "  was it measured well? no\n"); both == valid {
				t.Errorf("%s, kept up %t:\n%s", tt.name, valid, b.String())
			}
			if r.Judge(true); r.Verdict != report.Interrupted || r.Exit != 130 {
				t.Errorf("%s: interrupted is %s, %d", tt.name, r.Verdict, r.Exit)
			}
		}
	}
}

func TestWhatFailsSurely(t *testing.T) {
	count := func(form string, n float64, percent bool) report.Quant {
		return report.Quant{Form: form, Limit: report.Quantity{N: n, Percent: percent}}
	}
	for _, tt := range []struct {
		quant      report.Quant
		some, held int // of 10 devices
		fails      bool
	}{
		{report.Quant{Form: "all"}, 0, 9, false},
		{report.Quant{Form: "all"}, 1, 9, true},
		{report.Quant{Form: "never"}, 1, 8, true},
		{report.Quant{Form: "none"}, 0, 3, false},
		{report.Quant{Form: "none"}, 2, 3, true},
		{count("at_least", 90, true), 1, 7, false},
		{count("at_least", 90, true), 2, 7, true},
		{count("at_most", 2, false), 2, 4, false},
		{count("at_most", 2, false), 3, 4, true},
		{count("exactly", 5, false), 5, 6, false},
		{count("exactly", 5, false), 6, 6, true},
		{count("exactly", 5, false), 5, 4, false},
		{count("exactly", 5, false), 6, 4, true},
	} {
		if got := tt.quant.FailsSurely(tt.some, tt.held, 10); got != tt.fails {
			t.Errorf("%+v of %d, %d surely: %t", tt.quant, tt.held, tt.some, got)
		}
	}
}

func TestAMergeKnowsWhatFailsSurely(t *testing.T) {
	results := shardResults(t)
	for _, p := range results {
		p.Report.Generator.Valid = false
		for i := range p.Report.Mergeable.Expectations {
			p.Report.Mergeable.Expectations[i].SurelyFailing = 1
		}
	}
	r, err := report.Merge(results)
	if err != nil {
		t.Fatal(err)
	}
	// all: three devices refused; at least half holds; at most two: none of those that it holds for; never: three
	for i, want := range []bool{true, false, false, true} {
		if e := r.Expect[i]; e.Surely != want {
			t.Errorf("%s: %+v", e.Name, e)
		}
	}
	if r.Verdict != report.Failed || r.Worked != "no" {
		t.Errorf("%s, worked %s", r.Verdict, r.Worked)
	}
}
