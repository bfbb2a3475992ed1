package report_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"spafleet/device"
	"spafleet/scenarios/report"
	"spafleet/scenarios/tally"
)

// quants are the expectations of the shards below.
var quants = []report.Quant{
	{Form: "all"},
	{Form: "at_least", Limit: report.Quantity{N: 50, Percent: true}},
	{Form: "at_most", Limit: report.Quantity{N: 2}},
	{Form: "never"},
}

// shardResult is the result of one of three shards with two devices each, the
// first of which holds for all expectations.
func shardResult(t *testing.T, index int) report.ShardResult {
	t.Helper()
	shard := device.Shard{Index: index, Count: 3}
	makes := []tally.Make{{Model: "SPA2102", Firmware: "5.2.10", Devices: 2}}
	tally := tally.New(makes, func(device.Index) int { return 0 }, shard)
	for place := range 2 {
		dev := shard.At(place)
		tally.Tell([]device.Event{{Dev: dev, Kind: device.PowerOn, At: 1e9}, {Dev: dev, Kind: device.ResyncOK, At: 2e9, Took: int64(index+1) * 1e7}})
	}
	tally.Tell(late(int64(index) * 1e6))
	r := &report.Report{
		Format: report.Format, Name: "merged", Seed: 1, Clock: "real", Started: time.Unix(int64(100-index), 0).UTC(), FleetStart: time.Unix(int64(200-index), 0).UTC(),
		DurationSeconds: float64(index), WallSeconds: float64(index), Summary: report.Summarize(tally.Totals()),
		Unheard:   index + 1,
		Timeline:  []report.StepReport{{Name: "go", Fired: true, At: float64(index + 1), Devices: 1, Exchanges: 2}},
		Generator: report.Generator{Valid: true, Lateness: tally.Lateness(), Most: 10, Aborted: 1, Machine: report.MachineLoad{Cores: 2, CPUPeak: .1 * float64(index+1), Waited: 1}},
		Notes:     []string{"the same of all"}, Shard: &report.Shard{Run: "r1", Index: index, Count: 3, Devices: 6},
		Mergeable: &report.Mergeable{Totals: tally.Totals()},
	}
	first, second := failing(int(shard.At(0))), failing(int(shard.At(1)))
	for _, q := range quants {
		held := 1
		ok := q.Holds(held, 2)
		r.Expect = append(r.Expect, report.ExpectationReport{Name: q.Form, OK: ok, Shared: q.Counts(), Devices: 2, Held: held, DecidedAt: float64(index + 1), First: []report.Failing{second}})
		r.Mergeable.Add(q, report.Side{First: []report.Failing{first}}, report.Side{First: []report.Failing{second}})
	}
	r.Judge(false)
	text, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	again := &report.Report{}
	if err := json.Unmarshal(text, again); err != nil {
		t.Fatal(err)
	}
	return report.ShardResult{From: string(rune('A'+index)) + ".json", Report: again}
}

func failing(index int) report.Failing {
	return report.Failing{MAC: "000e08000000", Index: index, Model: "SPA2102", Why: "MFG-RESET"}
}

func shardResults(t *testing.T) []report.ShardResult {
	return []report.ShardResult{shardResult(t, 2), shardResult(t, 0), shardResult(t, 1)}
}

func TestMergedShardsAddUp(t *testing.T) {
	r, err := report.Merge(shardResults(t))
	if err != nil {
		t.Fatal(err)
	}
	if r.Devices != 6 || r.Resyncs.OK != 6 || r.Generator.Lateness.Count != 3 || r.DurationSeconds != 2 || r.Started != time.Unix(98, 0).UTC() || r.FleetStart != time.Unix(198, 0).UTC() {
		t.Errorf("%d devices, %+v, %+v, %gs, %s", r.Devices, r.Resyncs, r.Generator.Lateness, r.DurationSeconds, r.Started)
	}
	if r.Provisioned != 6 || r.Unanswered != 0 {
		t.Errorf("%d devices provisioned, %d never answered", r.Provisioned, r.Unanswered)
	}
	if r.Unheard != 6 {
		t.Errorf("%d commands without power", r.Unheard)
	}
	if s := r.Timeline[0]; !s.Fired || s.Devices != 3 || s.Exchanges != 6 || s.At != 3 {
		t.Errorf("%+v", s)
	}
	g := r.Generator
	if !g.Valid || g.Most != 30 || g.Aborted != 3 || g.Machine.Cores != 6 || g.Machine.Waited != 3 || g.Machine.CPUPeak < .29 {
		t.Errorf("%+v", g)
	}
	if !slices.Equal(r.Notes, []string{"the same of all"}) || len(r.Shards) != 3 || r.Shards[2].Index != 2 || r.Shard != nil || r.Mergeable != nil {
		t.Errorf("%v, %v, %v", r.Notes, r.Shards, r.Shard)
	}
	for i, want := range []struct {
		ok    bool
		at    float64
		first []int
	}{
		{false, 3, []int{3, 4, 5}}, // all: those that it failed for
		{true, 3, nil},             // at least half
		{false, 3, []int{0, 1, 2}}, // at most two: those that it holds for
		{false, 1, []int{3, 4, 5}}, // never: decided by its first violation
	} {
		e := r.Expect[i]
		var first []int
		for _, f := range e.First {
			first = append(first, f.Index)
		}
		slices.Sort(first)
		if e.OK != want.ok || e.Shared || e.Devices != 6 || e.Held != 3 || e.DecidedAt != want.at || !slices.Equal(first, want.first) {
			t.Errorf("%+v, want %+v", e, want)
		}
	}
	if r.Verdict != report.Failed || r.Exit != 3 {
		t.Errorf("%s, %d", r.Verdict, r.Exit)
	}
}

func TestOnlyResultsOfOneRunAreMerged(t *testing.T) {
	for want, change := range map[string]func([]report.ShardResult) []report.ShardResult{
		"shard 1 is missing, of 3: give the result of every one":          func(p []report.ShardResult) []report.ShardResult { return []report.ShardResult{p[0], p[1]} },
		"shards 0 and 2 are missing, of 3":                                func(p []report.ShardResult) []report.ShardResult { return p[2:] },
		"shard 1 of 3, attempt 0 is there twice: in B.json and in B.json": func(p []report.ShardResult) []report.ShardResult { return append(p, p[2]) },
		`C.json and A.json are not of one run: run "r1" and "r2"`:         func(p []report.ShardResult) []report.ShardResult { p[1].Report.Shard.Run = "r2"; return p },
		`seed "1" and "7"`: func(p []report.ShardResult) []report.ShardResult { p[1].Report.Seed = 7; return p },
		"steps":            func(p []report.ShardResult) []report.ShardResult { p[1].Report.Timeline[0].Name = "x"; return p },
		`expectations "all (all 0), at_least (at_least 50)`: func(p []report.ShardResult) []report.ShardResult { p[1].Report.Expect[0].Name = "x"; return p },
		"they are of different fleets": func(p []report.ShardResult) []report.ShardResult {
			p[1].Report.Mergeable.Totals.Makes[0].Model = "PAP2"
			return p
		},
		"A.json is not the result of a shard":                                         func(p []report.ShardResult) []report.ShardResult { p[1].Report.Mergeable = nil; return p },
		"A.json contradicts itself: shard 3 of 3, attempt 0":                          func(p []report.ShardResult) []report.ShardResult { p[1].Report.Shard.Index = 3; return p },
		"A.json has format 1, and this spafleet merges format 2: run all shards with": func(p []report.ShardResult) []report.ShardResult { p[1].Report.Format = 1; return p },
		"no result of a shard to merge":                                               func([]report.ShardResult) []report.ShardResult { return nil },
	} {
		if r, err := report.Merge(change(shardResults(t))); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, %v\nwant %s", r, err, want)
		}
	}
}

func TestOfAShardTheLastAttemptIsMerged(t *testing.T) {
	again := shardResult(t, 1)
	again.Report.Shard.Attempt = 2
	broken := shardResults(t)
	broken[2].Report.Verdict = report.Interrupted
	r, err := report.Merge(append([]report.ShardResult{again}, broken...))
	if err != nil || r.Verdict != report.Failed || r.Shards[1].Attempt != 2 {
		t.Errorf("%v, %+v", err, r)
	}
	if r, err = report.Merge(broken); err != nil || r.Verdict != report.Interrupted || r.Exit != 130 {
		t.Errorf("%v, %+v", err, r)
	}
}

func TestAShardThatWasTooSlowMakesTheMergeInvalid(t *testing.T) {
	list := shardResults(t)
	list[0].Report.Generator.Valid, list[0].Report.Generator.Limits, list[0].Report.Generator.Reasons = false, []string{"cpu"}, []string{"too slow"}
	list[1].Report.Timeline[0].Fired = false
	r, err := report.Merge(list)
	if err != nil || r.Verdict != report.Invalid || r.Exit != 4 || !slices.Equal(r.Generator.Reasons, []string{"shard 2: too slow"}) || !slices.Equal(r.Generator.Limits, []string{"cpu"}) {
		t.Errorf("%v, %+v", err, r)
	}
	if s := r.Timeline[0]; s.Fired || s.At != 0 {
		t.Errorf("%+v", s)
	}
}
