package compare_test

import (
	"strings"
	"testing"

	"spafleet/scenarios/report"
	"spafleet/scenarios/report/compare"
	"spafleet/scenarios/tally"
)

func TestResultsAreCompared(t *testing.T) {
	before := &report.Report{Name: "night", Verdict: report.Passed, Clock: "real", Generator: report.Generator{Valid: true},
		Expect: []report.ExpectationReport{{Name: "all synced", OK: true}, {Name: "gone", OK: true}}}
	after := &report.Report{Name: "night", Verdict: report.Failed, Clock: "real", Generator: report.Generator{},
		Expect: []report.ExpectationReport{{Name: "all synced"}}}
	before.Devices, after.Devices = 10, 20
	after.Findings.Errors = []tally.Failure{{What: "profile", Scheme: "http", Phase: "status", Result: "status", Status: 503, Count: 4}}
	before.Findings.UnknownParams = []report.Named{{Name: "Foo", Count: 2}}
	after.Findings.PartialFiles = []report.Named{{Name: "up to line 7", Count: 3}}
	before.Metrics = map[string][]report.Metric{"resync_duration": {{Spread: tally.Spread{Count: 1, P95: .2}}}}
	after.Metrics = map[string][]report.Metric{"resync_duration": {{Spread: tally.Spread{Count: 1, P95: .6}}}}
	var b strings.Builder
	compare.Of(before, after).WriteText(&b)
	for _, want := range []string{"verdict passed failed", "devices 10 20", "resync p95 200ms 600ms × 3", "yes → no all synced", "yes → absent gone", "0 → 4 profile by http: HTTP 503",
		"2 → 0 Foo", "0 → 3 up to line 7", "different numbers of devices: 10 and 20", "after: the machine running spafleet was too slow"} {
		if got := strings.Join(strings.Fields(b.String()), " "); !strings.Contains(got, want) {
			t.Errorf("%q is not in\n%s", want, got)
		}
	}
	if same := compare.Of(before, before); !same.Same {
		t.Errorf("a result differs from itself: %+v", same)
	}
}
