package run_test

import (
	"bytes"
	"strings"
	"testing"

	"spafleet/scenarios"
	"spafleet/scenarios/report"
	"spafleet/scenarios/report/webpage"
	"spafleet/scenarios/run"
)

const idle = `
fleet:
  phones: {model: SPA942, firmware: 6.1.5(a), count: 4, set: {Resync_Random_Delay: 0}}
server:
  files: {/spa942.cfg: <flat-profile><User_ID_1_>x</User_ID_1_></flat-profile>}
duration: 1h
timeline:
  - {name: hit, fault: {match: tftp, nth: 1, lose: block 1 once}}
  - {name: elsewhere, fault: {match: http, status: 503}}
  - {name: of nobody, fault: {of: phones where index > 99, lose: all}}
  - {name: strangers, at: 10m, reboot: phones where index > 99}
  - {name: last, at: 20m, every: 10m, times: 2, power_off: phones where powered}
  - {name: mark, at: 50m}
expect:
  - {all: resyncs.ok > 0}
`

// A step that came to nothing is said so, where the whole fleet is known.
func TestAStepThatCameToNothingSaysSo(t *testing.T) {
	load := func(o run.Options) *report.Report {
		s, err := scenarios.Load("idle.yaml", []byte(idle))
		if err != nil {
			t.Fatal(err)
		}
		r, err := run.Run(t.Context(), s, o)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	want := map[string]string{"elsewhere": "it changed no exchange that ended", "of nobody": "it met no device", "strangers": "it met no device"}
	r := load(run.Options{})
	for _, s := range r.Timeline {
		if got := r.Remark(s); got != want[s.Name] || !s.Fired {
			t.Errorf("%s (%s): %q, want %q", s.Name, s.Action, got, want[s.Name])
		}
	}
	var text, page bytes.Buffer
	r.WriteText(&text)
	if err := webpage.Write(&page, r); err != nil {
		t.Fatal(err)
	}
	for said, n := range map[string]int{"it met no device": 2, "it changed no exchange that ended": 1} {
		if strings.Count(text.String(), said) != n || strings.Count(page.String(), said) != n {
			t.Errorf("%q is not said %d times: %s", said, n, text.String())
		}
	}
	// One of two shards has none of the devices that the other has.
	r.Shard = &report.Shard{Count: 2}
	for _, s := range r.Timeline {
		if got := r.Remark(s); got != "" {
			t.Errorf("a shard says of %s: %s", s.Name, got)
		}
	}
}

// A goal that nothing reaches, without an end, does not keep a clock that jumps going.
func TestAGoalInVainIsGivenUp(t *testing.T) {
	for _, clock := range []string{"virtual", "mixed"} {
		s, err := scenarios.Load("vain.yaml", []byte("clock: "+clock+`
fleet: {phones: {model: SPA942, count: 2, set: {Resync_Random_Delay: 0, Resync_Error_Retry_Delay: 7200}}}
server: {files: {/nothing.cfg: x}}
timeline: [{name: later, at: 2h}]
`))
		if err != nil {
			t.Fatal(err)
		}
		goal, err := scenarios.Until("provisioned", 0)
		if err != nil {
			t.Fatal(err)
		}
		s.Expect, s.Brief = append(s.Expect, goal), true
		r, err := run.Run(t.Context(), s, run.Options{})
		if err != nil {
			t.Fatal(err)
		}
		const want = `given up after 1d2h: "all are provisioned" was not reached, and has no deadline of its own; a timeout or a duration gives it one`
		if r.Verdict != report.Failed || r.DurationSeconds != 26*3600 || !strings.Contains(strings.Join(r.Notes, "\n"), want) {
			t.Errorf("%s: %s after %g s, %q", clock, r.Verdict, r.DurationSeconds, r.Notes)
		}
	}
}
