package report_test

import (
	"strings"
	"testing"

	"spafleet/device"
	"spafleet/scenarios/report"
	"spafleet/scenarios/tally"
)

// counted is a day of ten resyncs: seven good ones of 10 to 70 ms, two time-outs and
// one missing file.
func counted() *tally.Totals {
	seen := tally.New([]tally.Make{{Model: "SPA942", Firmware: "6.1.5(a)", Devices: 1}}, func(device.Index) int { return 0 }, device.Shard{})
	for i := range int64(7) {
		f := &device.File{Scheme: "http", What: "profile", Rule: 'A', Status: 200, Bytes: 100}
		seen.Tell([]device.Event{{Kind: device.ResyncStarted}, {Kind: device.Fetched, File: f}, {Kind: device.ResyncOK, File: f, Took: (i + 1) * 10e6}})
	}
	for _, result := range []device.Result{device.Timeout, device.Timeout, device.NotFound} {
		f := &device.File{Scheme: "tftp", What: "profile", Rule: 'B', Result: result}
		seen.Tell([]device.Event{{Kind: device.ResyncStarted}, {Kind: device.FetchFailed, File: f}, {Kind: device.ResyncFailed, File: f, Result: result, Took: 5e9}})
	}
	seen.Tell([]device.Event{{Kind: device.Applied, File: &device.File{Unknown: []string{"Foo", "Bar"}}}, {Kind: device.Boot, Reason: device.ByPower}})
	return seen.Totals()
}

func TestThresholdsAreAboutTheWholeRun(t *testing.T) {
	for _, tt := range []struct {
		metric, limit string
		ok, surely    bool
		value         float64
		samples       int64
	}{
		{"resync_failed", "rate<=30%", true, false, .3, 10},
		{"resync_failed", "rate<30%", false, false, .3, 10}, // without the time-outs it is kept
		{"resync_failed", "rate==0", false, true, .3, 10},
		{"resync_failed{scheme:http}", "rate==0", true, false, 0, 7},
		{"resync_failed{model:SPA942, scheme:tftp}", "rate<0.5", false, false, 1, 3},
		{"resync_failed{model:SPA504G}", "rate==0", false, false, 0, 0},
		{"resyncs", "count>=10", true, false, 10, 10},
		{"resyncs{result:timeout}", "count!=2", false, false, 2, 10},
		{"resync_duration", "max<5s", false, false, 5, 10},
		{"resync_duration", "min>=10ms", true, false, .01, 10},
		{"resync_duration", "avg>1.5s", true, false, 1.528, 10},
		{"fetches{scheme:http,rule:A}", "count==7", true, false, 7, 10},
		{"fetch_failed{rule:B}", "rate<1", false, false, 1, 3},
		{"fetch_failed{rule:C}", "rate<1", false, false, 0, 0},
		{"upgrade_failed", "rate==0", false, false, 0, 0},
		{"upgrades", "count==0", true, false, 0, 10},
		{"reboots{reason:power}", "count>0", true, false, 1, 10},
		{"bytes_received{scheme:http}", "count==700", true, false, 700, 700},
		{"params_unknown", "count==0", false, true, 2, 7},
		{"params_rejected", "count==0", true, false, 0, 7},
		{"lateness", "p(99)<1s", false, false, 0, 0},
	} {
		limit, err := report.ParseThreshold(tt.metric, tt.limit)
		if err != nil {
			t.Errorf("%s: %s: %v", tt.metric, tt.limit, err)
			continue
		}
		got := limit.Check(counted(), 1)
		want := report.ThresholdReport{Metric: tt.metric, Threshold: tt.limit, OK: tt.ok, Surely: tt.surely, Value: got.Value, Samples: tt.samples}
		if diff := got.Value - tt.value; got != want || diff > .001 || diff < -.001 {
			t.Errorf("%+v, want %+v of %g", got, want, tt.value)
		}
	}
}

func TestAMedianIsNearTheMiddle(t *testing.T) {
	for limit, want := range map[string]bool{"med<50ms": false, "med<70ms": true, "p(50)<70ms": true, "p(70)<80ms": true, "p(76)<4s": false} {
		threshold, err := report.ParseThreshold("resync_duration", limit)
		if err != nil {
			t.Fatal(err)
		}
		if got := threshold.Check(counted(), 1); got.OK != want {
			t.Errorf("%s: %+v", limit, got)
		}
	}
}

func TestAThresholdThatMeasuredNothingFails(t *testing.T) {
	nothing := tally.New([]tally.Make{{Model: "SPA942", Devices: 1}}, func(device.Index) int { return 0 }, device.Shard{}).Totals()
	for _, word := range []string{"failures", "failures=50%", "unknown-params", "rejected-params", "partial-files", "lateness"} {
		limit, err := report.FailOn(word, "100ms")
		if err != nil {
			t.Fatal(err)
		}
		r := &report.Report{Generator: report.Generator{Valid: true}, Thresholds: []report.ThresholdReport{limit.Check(nothing, 1)}}
		r.Judge(false)
		var b strings.Builder
		r.WriteText(&b)
		if r.Verdict != report.Failed || !strings.Contains(b.String(), ": nothing was measured\n") {
			t.Errorf("%s: %s\n%s", word, r.Verdict, b.String())
		}
	}
}

func TestFailOnFailsARunAndPassesNone(t *testing.T) {
	for word, want := range map[string]string{"failures": report.Failed, "failures=30%": report.Finished, "failures=29%": report.Failed,
		"unknown-params": report.Failed, "rejected-params": report.Finished} {
		limit, err := report.FailOn(word, "100ms")
		if err != nil {
			t.Fatal(err)
		}
		r := &report.Report{Generator: report.Generator{Valid: true}, Thresholds: []report.ThresholdReport{limit.Check(counted(), 1)}}
		if r.Judge(false); r.Verdict != want {
			t.Errorf("%s: %s, want %s: %+v", word, r.Verdict, want, r.Thresholds)
		}
		r.Thresholds[0].OnlyFails = false
		if r.Judge(false); want == report.Finished && r.Verdict != report.Passed {
			t.Errorf("%s, expected: %s", word, r.Verdict)
		}
	}
	for _, word := range []string{"", "failure", "failures=", "failures=101%", "lateness=1s"} {
		if _, err := report.FailOn(word, "100ms"); err == nil {
			t.Errorf("--fail-on %q", word)
		}
	}
}

func TestAMergeChecksThresholdsForTheWholeFleet(t *testing.T) {
	results := shardResults(t)
	for i := range results {
		results[i].Report.Thresholds = []report.ThresholdReport{{Metric: "resyncs", Threshold: "count==6", Shared: true, OnlyFails: true}}
	}
	r, err := report.Merge(results)
	if err != nil {
		t.Fatal(err)
	}
	if got := r.Thresholds[0]; !got.OK || got.Shared || !got.OnlyFails || got.Value != 6 {
		t.Errorf("%+v", got)
	}
	results[1].Report.Thresholds = nil
	if _, err := report.Merge(results); err == nil || !strings.Contains(err.Error(), "thresholds") {
		t.Error(err)
	}
}

// Rates are read as numbers, however large.
func TestRatesPerSecondAreReadAsNumbers(t *testing.T) {
	for value, want := range map[float64]string{0.02315: "0.02315/s", 559433.2: "559433/s", 0: "0/s"} {
		r := report.ThresholdReport{Metric: "bytes_received", Threshold: "rate<1M", Value: value, Samples: 3}
		if got := r.Measured(); got != want {
			t.Errorf("%v is read as %s, want %s", value, got, want)
		}
	}
}
