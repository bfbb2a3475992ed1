package run_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"spafleet/device"
	"spafleet/device/model"
	"spafleet/scenarios"
	"spafleet/scenarios/report"
	"spafleet/scenarios/run"
	"spafleet/scenarios/scenariotest"
	"spafleet/scenarios/tally"
)

// spread is a scenario with samples, expectations of every kind, successes and failures.
// In virtual time; behind a line with the clock it may be anything.
const spread = `
seed: 9
duration: 2400ms
limits: {lateness: 10s}
fleet:
  homes: {mix: {SPA2102 5.2.10: 60%, SPA942 6.1.5(a): 40%}, count: 20, lease: none, switches: {boot_time: 0s, reboot_time: 0s}, set: {Resync_Random_Delay: 0, Resync_Periodic: 0, Profile_Rule: "http://${server.http}/$PSN.cfg"}}
  lost: {model: PAP2T, count: 7, lease: none, set: {Resync_Random_Delay: 0, Resync_Error_Retry_Delay: 0, Profile_Rule: "http://${server.http}/nowhere"}}
server:
  files:
    /2102.cfg: <flat-profile><User_ID_1_>{{ 1000 + index }}</User_ID_1_><No_Such_Thing>1</No_Such_Thing></flat-profile>
    /942.cfg: <flat-profile><User_ID_1_>{{ 1000 + index }}</User_ID_1_></flat-profile>
timeline:
  - name: some
    at: 400ms
    resync: 30% of homes
  - name: others
    at: 600ms
    resync: 3 of all where model == "SPA942" || group == "lost"
  - at: 650ms
    over: 20ms
    report: 12 of all
  - name: nobody
    at: 700ms
    reboot: all where index > 999
  - name: everyone
    at: 1900ms
    set: {of: homes where synced, values: {GPP_P: "{{ index * 2 }}"}}
expect:
  - {all: synced, of: homes, by: 1s}
  - {all: synced, at: end, name: not the lost ones}
  - {none: synced, of: lost, at: end}
  - {at_least: 74%, where: synced, at: end}
  - {at_least: 75%, where: synced, at: end}
  - {at_most: 7, where: "resyncs.failed > 0", at: end}
  - {at_most: 6, where: "resyncs.failed > 0", at: end}
  - {exactly: 20, where: synced, at: end}
  - {exactly: 21, where: synced, at: end}
  - {exactly: 19, where: synced, at: end}
  - {at_least: 6, where: "resyncs.ok >= 3", of: homes, at: end, name: a sample}
  - {never: event.kind == "resync_failed" && group == "lost", name: broken}
  - {always: elapsed < duration("1h")}
`

// unhurried gives real attempts seconds from one moment of spread to the next: other
// work may hold this machine up.
var unhurried = strings.NewReplacer("2400ms", "8s", "at: 400ms", "at: 2s", "at: 600ms", "at: 4s", "at: 650ms", "at: 4050ms", "at: 1900ms", "at: 6s", "by: 1s", "by: 2s")

// actShards runs a scenario in shards, one after the other for quiet, and merges
// what they report, through JSON.
func actShards(t *testing.T, src string, count int) (*report.Report, map[device.Index][]string) {
	t.Helper()
	var mu sync.Mutex
	traces := map[device.Index][]string{}
	var wg sync.WaitGroup
	parts := make([]report.ShardResult, count)
	for i := range count {
		wg.Go(func() {
			l := &events{}
			r, err := run.Run(t.Context(), scenariotest.Parse(t, src), run.Options{Machine: scenarios.Machine{Shard: device.Shard{Index: i, Count: count}}, Run: "r1", Tell: l.Tell})
			if err != nil {
				t.Error(err)
				return
			}
			parts[i] = report.ShardResult{From: fmt.Sprintf("%d.json", i), Report: reread(t, r)}
			mu.Lock()
			defer mu.Unlock()
			maps.Copy(traces, l.traces(t))
		})
	}
	wg.Wait()
	if t.Failed() {
		t.FailNow()
	}
	slices.Reverse(parts)
	r, err := report.Merge(parts)
	if err != nil {
		t.Fatal(err)
	}
	return r, traces
}

// traces returns each device's events, with all that the event log says of them.
func (l *events) traces(t *testing.T) map[device.Index][]string {
	m := map[device.Index][]string{}
	all := l.All()
	for i := range all {
		var line strings.Builder
		w := tally.NewEventLog(&line, func(device.Index) model.MAC { return model.MAC{} })
		w.Tell(all[i : i+1])
		if err := w.Flush(); err != nil {
			t.Error(err)
		}
		m[all[i].Dev] = append(m[all[i].Dev], line.String())
	}
	return m
}

// names leaves the names of the events.
func names(traces map[device.Index][]string) map[device.Index][]string {
	m := map[device.Index][]string{}
	for dev, lines := range traces {
		for _, line := range lines {
			_, kind, _ := strings.Cut(line, `"kind":"`)
			kind, _, _ = strings.Cut(kind, `"`)
			m[dev] = append(m[dev], kind)
		}
	}
	return m
}

func reread(t *testing.T, r *report.Report) *report.Report {
	text, err := json.Marshal(r)
	if err != nil {
		t.Error(err)
	}
	again := &report.Report{}
	if err := json.Unmarshal(text, again); err != nil {
		t.Error(err)
	}
	return again
}

// settled is a report as JSON without what the wall clock and this machine say, and
// in real time without any duration.
func settled(t *testing.T, r *report.Report) string {
	c := *reread(t, r)
	c.Started, c.WallSeconds, c.Shards = time.Time{}, 0, nil
	c.Generator.Most, c.Generator.Machine = 0, report.MachineLoad{} // of the machine
	if c.Clock == "real" {
		timeless(&c)
	}
	text, err := json.MarshalIndent(c, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func timeless(c *report.Report) {
	for i := range c.Findings.Errors {
		c.Findings.Errors[i].Example = tally.Example{} // which device was the first, at which port
	}
	c.DurationSeconds, c.FleetStart, c.History = 0, time.Time{}, report.History{}
	for _, list := range c.Metrics {
		for i := range list {
			list[i].Spread = tally.Spread{Count: list[i].Count}
		}
	}
	c.Generator.Lateness = tally.Spread{Count: c.Generator.Lateness.Count}
	for i := range c.Timeline {
		c.Timeline[i].At = 0
	}
	for i := range c.Expect {
		c.Expect[i].DecidedAt = 0
		for j := range c.Expect[i].First {
			first := &c.Expect[i].First[j]
			if _, kind, timed := strings.Cut(first.Why, ": "); timed && strings.HasPrefix(first.Why, "at ") {
				first.Why = kind
			}
		}
	}
}

func TestTheMergedReportOfShardsIsThatOfOneProcess(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		clock  string
		counts []int
	}{{"virtual", []int{1, 4, 27}}, {"real", []int{1, 4}}} {
		scenario := "clock: " + tt.clock + spread
		if tt.clock == "real" {
			scenario = unhurried.Replace(scenario)
		}
		l := &events{}
		one, err := run.Run(t.Context(), scenariotest.Parse(t, scenario), run.Options{Tell: l.Tell})
		if err != nil {
			t.Fatal(err)
		}
		scenariotest.WantVerdict(t, one, report.Failed)
		var oks string
		for _, c := range one.Expect {
			oks += map[bool]string{true: "+", false: "-"}[c.OK]
		}
		if oks != "+-++-+-+--+-+" || one.Timeline[0].Devices != 6 || one.Timeline[1].Devices != 3 {
			t.Fatalf("the scenario is not what it was made for: %s, %+v", oks, one.Timeline)
		}
		for _, count := range tt.counts {
			t.Run(fmt.Sprintf("%d shards, %s", count, tt.clock), func(t *testing.T) {
				merged, traces := actShards(t, scenario, count)
				if got, want := settled(t, merged), settled(t, one); got != want {
					t.Errorf("merged\n%s\nof one process\n%s", got, want)
				}
				if len(merged.Shards) != count {
					t.Errorf("it says it was made of %+v", merged.Shards)
				}
				want := l.traces(t)
				if tt.clock == "real" {
					traces, want = names(traces), names(want)
				}
				if !maps.EqualFunc(traces, want, slices.Equal) {
					t.Errorf("devices live otherwise:\n got %v\nwant %v", traces, want)
				}
			})
		}
	}
}

// A share of the fleet is nothing that a shard can judge.
func TestAShardLeavesExpectationsOfQuantitiesToTheMerge(t *testing.T) {
	scenario := strings.Replace(phones, "clock: real", "clock: virtual", 1) + `
  /x: x
expect:
  - {exactly: 6, where: synced, by: 5s}
  - {at_least: 4, where: synced, by: 300ms, name: its own share is two}
duration: 400ms
`
	r, err := run.Run(t.Context(), scenariotest.Parse(t, strings.Replace(scenario, "  /x: x\n", "", 1)), run.Options{Machine: scenarios.Machine{Shard: device.Shard{Index: 1, Count: 3}}})
	if err != nil {
		t.Fatal(err)
	}
	scenariotest.WantVerdict(t, r, report.Passed)
	for _, c := range r.Expect {
		if !c.Shared || c.Devices != 2 || c.Held != 2 {
			t.Errorf("%+v", c)
		}
	}
	if r.Mergeable == nil || r.Shard == nil || *r.Shard != (report.Shard{Index: 1, Count: 3, Devices: 6}) {
		t.Errorf("shard %+v, parts %+v", r.Shard, r.Mergeable)
	}
}

func TestWhatNeedsTheWholeFleetIsRefusedInShards(t *testing.T) {
	const head = `fleet: {homes: {model: SPA2102, count: 20}}
duration: 1m
timeline:
`
	_, err := run.Run(t.Context(), scenariotest.Parse(t, "fleet: {homes: {model: SPA2102, count: 20}}\nduration: 1m\nserver: {workers: 3}\n"), run.Options{Machine: scenarios.Machine{Shard: device.Shard{Index: 0, Count: 2}}})
	if err == nil || !strings.HasPrefix(err.Error(), "scenario.yaml:3:19: server.workers: devices that wait for each other's answers") {
		t.Errorf("workers: %v", err)
	}
	for step, want := range map[string]string{
		"  - {when: {all: synced}, power_off: all}":                       "when it happens is known only where the whole fleet is",
		"  - {at: 1s, resync: 30% of homes where synced}":                 "a sample by synced, which changes",
		"  - {at: 1s, resync: '5 of all where index < 9 && powered'}":     "a sample by powered, which changes",
		"  - {at: 1s, resync: '5 of all where param(\"GPP_A\") == \"\"'}": "a sample by param, which changes",
		"  - {at: 1s, resync: homes where synced, over: 4s}":              "a sample by synced, which changes",
		"  - {at: 1s, fault: {nth: 3, per: fleet, lose: all}}":            "the exchanges of the fleet are counted where the whole fleet is",
		"  - {at: 1s, resync: 2 of homes where firmware == \"5.2.10\"}":   "a sample by firmware, which changes",
	} {
		scenario := scenariotest.Parse(t, head+step+"\n")
		_, err := run.Run(t.Context(), scenario, run.Options{Machine: scenarios.Machine{Shard: device.Shard{Index: 0, Count: 2}}})
		if err == nil || !strings.Contains(err.Error(), want) || !strings.HasPrefix(err.Error(), "scenario.yaml:4:") {
			t.Errorf("%s: %v, want %q at its line", step, err, want)
		}
	}
}

func TestARunStartsWhenItIsToldTo(t *testing.T) {
	l := &events{}
	at := time.Now().Add(300 * time.Millisecond)
	r, err := run.Run(t.Context(), scenariotest.Parse(t, phones+"expect: [{all: synced, by: 5s}]\n"), run.Options{StartAt: at, Tell: l.Tell})
	if err != nil {
		t.Fatal(err)
	}
	scenariotest.WantVerdict(t, r, report.Passed)
	for _, e := range l.All() {
		if e.At < at.UnixNano() {
			t.Fatalf("%s at %s, it was to start at %s", e.Name(), time.Unix(0, e.At), at)
		}
	}
	if r.DurationSeconds > 4 || len(r.Notes) != 0 {
		t.Errorf("%gs, %v", r.DurationSeconds, r.Notes)
	}
	late, err := run.Run(t.Context(), scenariotest.Parse(t, phones+"expect: [{all: synced, by: 5s}]\n"), run.Options{StartAt: at.Add(-time.Hour)})
	if err != nil || len(late.Notes) != 1 || !strings.Contains(late.Notes[0], "it was to start at ") {
		t.Errorf("an hour late: %v, %v", late.Notes, err)
	}
}

// Hours of virtual time, any seed, fleet and number of shards.
func TestAnyNumberOfShardsIsTheFleet(t *testing.T) {
	const form = `
seed: %d
clock: virtual
duration: 3h
fleet:
  homes: {model: SPA2102, count: %d, set: {Resync_Periodic: 1800, Profile_Rule: "http://${server.http}/$MA.cfg"}}
  desk: {model: SPA942, count: %d, lease: none, set: {Resync_Error_Retry_Delay: 600, Profile_Rule: "tftp://${server.tftp}/missing"}}
server:
  latency: 5ms..2s
  files:
    /$MA.cfg: <flat-profile><GPP_A>{{ secret("a") }}</GPP_A></flat-profile>
timeline:
  - {fault: {of: 60%% of all, match: http, chance: 20%%, reset_after: 90B}}
  - {fault: {match: tftp, nth: 2-3, lose: 30%%, delay: 1s..3s}, for: 90m}
  - {at: 1h, reboot: %d%% of all, rate: 2/m..6/m, over: 10m}
  - {at: 2h, power_off: 4 of all, over: 3m, for: 10m}
expect:
  - {at_least: 50%%, where: resyncs.ok > 3, at: end}
  - {never: event.took > duration("4s")}
`
	if checks := flag.Lookup("rapid.checks"); checks.Value.String() == checks.DefValue {
		if err := flag.Set("rapid.checks", "12"); err != nil { // each is hours of several fleets
			t.Fatal(err)
		}
		defer func() { _ = flag.Set("rapid.checks", checks.DefValue) }()
	}
	rapid.Check(t, func(r *rapid.T) {
		homes, desk := rapid.IntRange(1, 12).Draw(r, "homes"), rapid.IntRange(1, 6).Draw(r, "desk")
		devices := homes + desk
		scenario := fmt.Sprintf(form, rapid.IntRange(1, 99).Draw(r, "seed"), homes, desk, rapid.IntRange(1, 99).Draw(r, "percent"))
		count := rapid.IntRange(1, min(devices, 3)).Draw(r, "shards")
		l := &events{}
		one, err := run.Run(t.Context(), scenariotest.Parse(t, scenario), run.Options{Tell: l.Tell})
		if err != nil {
			t.Fatal(err)
		}
		merged, traces := actShards(t, scenario, count)
		if got, want := settled(t, merged), settled(t, one); got != want {
			r.Fatalf("%d shards of %s\nmerged\n%s\nof one process\n%s", count, scenario, got, want)
		}
		if !maps.EqualFunc(traces, l.traces(t), slices.Equal) {
			r.Fatalf("%d shards of %s: devices live otherwise", count, scenario)
		}
	})
}
