package run_test

import (
	"fmt"
	"strings"
	"testing"

	"spafleet/scenarios/report"
	"spafleet/scenarios/run"
	"spafleet/scenarios/scenariotest"
)

// tagged is a scenario of which every figure is known, and limits that are met by that
// figure alone.
const tagged = `
fleet:
  a: {model: SPA942, firmware: 6.1.5(a), count: 4, lease: none, switches: {boot_time: 0s, reboot_time: 0s}, set: {Resync_Random_Delay: 0, Resync_Periodic: 0, Profile_Rule: "http://${server.http}/a.xml", Report_Rule: "tftp://${server.tftp}/report"}}
  b: {model: SPA2102, firmware: 5.2.12, count: 2, switches: {boot_time: 0s, reboot_time: 0s, tftp_wait: 1500ms, tftp_tries: 1}, set: {Resync_Random_Delay: 0, Resync_Periodic: 0, Resync_Error_Retry_Delay: 0, Profile_Rule: /b.xml}}
server:
  files:
    /a.xml: {body: <flat-profile><GPP_A>x</GPP_A><No_Such>x</No_Such></flat-profile>, size: 1000B}
    /b.xml: {body: <flat-profile><GPP_A>x</GPP_A></flat-profile>, size: 2000B}
timeline:
  - {name: dark, at: 10m, power_off: all, for: 1m}
  - {name: return, at: dark + 1m}
  - {name: worse, at: 20m, fault: {match: tftp /b.xml, nth: 1, lose: ack 2 once}}
  - {at: 21m, resync: all}
  - {name: gone, at: 30m, fault: {match: tftp /b.xml, lose: all}}
  - {at: 31m, resync: b}
  - {at: 32m, report: a}
duration: 1h
thresholds:
  resyncs{during:start}: [count==6, rate>0.008, rate<0.012]
  resyncs{during:return}: count==6
  resyncs{during:dark}: count<1
  resyncs{during:worse,cause:step}: [count==6, rate>0.008, rate<0.012]
  resyncs{group:a}: count==12
  resyncs{group:b,result:timeout}: count==2
  resync_failed{group:b,during:gone}: rate==100%
  resync_failed{group:a}: rate==0
  resync_duration{during:return,scheme:tftp}: [max<1s, min>0s]
  resync_duration{group:b,during:worse}: min>900ms
  ready_duration{during:return}: max<1s
  ready_duration{during:start,group:b}: max<1s
  fetches{status:200,scheme:http}: count==12
  fetches{cause:power_on}: count==12
  fetch_failed{status:0,group:b}: rate==100%
  fetch_duration{rule:A,what:profile,group:b,during:worse}: min>900ms
  phase_duration{phase:connect,group:a}: max<1s
  bytes_received{group:b}: count==12k
  bytes_sent{scheme:tftp}: count>1000
  reports{result:ok}: count==4
  report_failed: rate==0
  reboots{group:b,during:dark}: count==0
  reboots{reason:power,during:return}: count==6
  tftp_retransmits{during:worse}: count==2
  params_unknown{during:start}: count==4
  params_unknown{group:b}: count==0
  devices: value==6
  devices{group:a,state:SP-CUST}: value==4
  outstanding: value==0
`

// Each tag counts what it says, whole and in shards.
func TestThresholdsCountByTheirTags(t *testing.T) {
	t.Parallel()
	text := tagged
	whole := scenariotest.Start(t, scenariotest.Parse(t, text), run.Options{})
	merged, _ := actShards(t, text, 3)
	for what, r := range map[string]*report.Report{"whole": whole, "in shards": merged} {
		if r.Verdict != report.Passed || len(r.Thresholds) != 34 {
			t.Errorf("%s: %s", what, r.Verdict)
		}
		for i, limit := range r.Thresholds {
			if want := whole.Thresholds[i]; !limit.OK || limit.Value != want.Value {
				t.Errorf("%s: %s: %s: %v of %d, whole %v", what, limit.Metric, limit.Threshold, limit.Value, limit.Samples, want.Value)
			}
		}
	}
}

// Over sockets the same counts come out. The reports at 32m have 11 s to end: other work may hold this machine up.
func TestThresholdsCountByTheirTagsOverSockets(t *testing.T) {
	t.Parallel()
	text := tagged
	// Here waits are of the wall, and a fast run has few of them.
	for _, waits := range []string{"  resync_duration{during:return,scheme:tftp}: [max<1s, min>0s]\n", "  ready_duration{during:return}: max<1s\n", "  ready_duration{during:start,group:b}: max<1s\n",
		"  fetch_duration{rule:A,what:profile,group:b,during:worse}: min>900ms\n", "  phase_duration{phase:connect,group:a}: max<1s\n", "  resync_duration{group:b,during:worse}: min>900ms\n"} {
		text = strings.Replace(text, waits, "", 1)
	}
	text = strings.Replace(text, "duration: 1h\n", "duration: 50m\nclock: 100x\nlimits: {lateness: 1h}\n", 1)
	r := scenariotest.Start(t, scenariotest.Parse(t, text), run.Options{})
	for _, limit := range r.Thresholds {
		if !limit.OK {
			t.Errorf("%s: %s: %v of %d", limit.Metric, limit.Threshold, limit.Value, limit.Samples)
		}
	}
}

// A gauge knows what was least and most.
func TestGaugesKnowTheLeastAndTheMost(t *testing.T) {
	t.Parallel()
	const text = `
fleet: {phones: {model: SPA942, firmware: 6.1.5(a), count: 5, lease: none, switches: {boot_time: 0s}, set: {Resync_Random_Delay: 0, Profile_Rule: "http://${server.http}/a.xml"}}}
server: {latency: 1s, files: {/a.xml: <flat-profile><GPP_A>x</GPP_A></flat-profile>}}
timeline:
  - {at: 1h, factory_reset: 2 of all}
duration: 90m
thresholds:
  devices{state:SP-CUST}: [max==5, min==0, value==5]
  devices{state:MFG-RESET}: [max==5, min==0, value==0]
  outstanding: [max==5, value==0]
`
	r := scenariotest.Start(t, scenariotest.Parse(t, text), run.Options{})
	for _, limit := range r.Thresholds {
		if !limit.OK {
			t.Errorf("%s: %s: %v", limit.Metric, limit.Threshold, limit.Value)
		}
	}
	o := run.Options{}
	o.Shard.Count = 2
	if _, err := run.Run(t.Context(), scenariotest.Parse(t, text), o); err == nil || !strings.Contains(err.Error(), "the least and the most of the whole fleet") {
		t.Errorf("in shards: %v", err)
	}
}

// What has abort_on_fail ends the run when it fails, not before its delay, and the
// report says why.
func TestAFailureMayEndTheRun(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, limits, says string
		least, most        float64
	}{
		{"a threshold", "thresholds: {resync_failed: {threshold: rate<50%, abort_on_fail: true}}", "ended at 1s, because this failed and has abort_on_fail: resync_failed: rate<50%", 1, 2},
		{"a threshold with a delay", "thresholds: {resync_failed: {threshold: rate<50%, abort_on_fail: true, delay_eval: 20m}}", "abort_on_fail: resync_failed", 1200, 1201},
		{"one that measured nothing", "thresholds: {upgrade_duration: [{threshold: max<1s, abort_on_fail: true}]}", "", 3600, 3600},
		{"an expectation", "expect: [{never: event.kind == \"fetch_failed\", abort_on_fail: true, name: no failure}]", "because this failed and has abort_on_fail: no failure", 0, 1},
		{"neither", "thresholds: {resync_failed: rate<50%}", "", 3600, 3600},
	} {
		r := scenariotest.Start(t, scenariotest.Parse(t, `
fleet: {phones: {model: SPA942, count: 5, set: {Resync_Random_Delay: 0}}}
server: {files: {}}
duration: 1h
`+tt.limits+"\n"), run.Options{})
		notes := fmt.Sprint(r.Notes)
		if r.Verdict != report.Failed || r.DurationSeconds < tt.least || r.DurationSeconds > tt.most || !strings.Contains(notes, tt.says) || tt.says == "" && strings.Contains(notes, "abort") {
			t.Errorf("%s: %s after %gs, notes %s", tt.name, r.Verdict, r.DurationSeconds, notes)
		}
	}
}
