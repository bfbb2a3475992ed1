package tally_test

import (
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
	"time"

	"spafleet/device"
	"spafleet/device/model"
	"spafleet/device/phase"
	"spafleet/fsm"
	"spafleet/scenarios/report"
	"spafleet/scenarios/tally"
)

// newTally counts two SPA2102 (devices 0 and 1) and one PAP2T (2).
func newTally() *tally.Tally {
	makes := []tally.Make{{Model: "SPA2102", Firmware: "5.2.10", Devices: 2}, {Model: "PAP2T", Firmware: "5.1.6(LS)", Devices: 1}}
	return tally.New(makes, func(dev device.Index) int { return int(dev) / 2 }, device.Shard{})
}

var (
	overHTTP = &device.File{Rule: 'A', What: "profile", Scheme: "http", Bytes: 100, Unknown: []string{"Speed_Dial_10", "Foo"},
		Took: device.Phases{DNS: 2e6, Connect: 1e6, FirstByte: 3e6, Body: 4e6}}
	overTFTP = &device.File{Rule: 'B', What: "profile", Scheme: "tftp", Bytes: 30, Took: device.Phases{FirstByte: 5e6, Body: 5e6}}
	badImage = &device.File{Rule: 'U', What: "image", Scheme: "http", Result: device.Corrupt, Phase: phase.Decode, Said: "PK"}
	missing  = &device.File{Rule: 'u', What: "image", Scheme: "tftp", Result: device.NotFound, Hint: "case counts"}
	again    = &device.File{Rule: 'A', What: "profile", Scheme: "https", Result: device.BadStatus, Repeat: 1}
)

// day is what happened, in order; its figures are counted by hand below.
func day() []device.Event {
	list := []device.Event{
		{Dev: 0, Kind: device.PowerOn, At: 1e9},
		{Dev: 0, Kind: device.Boot, Reason: device.ByPower},
		{Dev: 0, Kind: device.ResyncStarted},
		{Dev: 0, Kind: device.Fetched, File: overHTTP},
		{Dev: 0, Kind: device.Applied, File: overHTTP},
		{Dev: 0, Kind: device.Moved, Move: fsm.Customized, State: fsm.SpCust},
		{Dev: 0, Kind: device.ResyncOK, File: overHTTP, At: 3e9, Took: 20e6},
		{Dev: 0, Kind: device.Boot, Reason: device.ByParams},
		{Dev: 0, Kind: device.ResyncStarted},
		{Dev: 0, Kind: device.Fetched, File: overTFTP},
		{Dev: 0, Kind: device.ResyncOK, File: overTFTP, At: 5e9, Took: 40e6},
		{Dev: 1, Kind: device.PowerOn, At: 1e9},
		{Dev: 1, Kind: device.Boot, Reason: device.ByPower},
		{Dev: 1, Kind: device.ResyncStarted},
		{Dev: 1, Kind: device.Fetched, File: overHTTP},
		{Dev: 1, Kind: device.Applied, File: &device.File{Unknown: []string{"Foo"}}},
		{Dev: 1, Kind: device.ResyncOK, File: overHTTP, At: 2e9, Took: 10e6},
		{Dev: 1, Kind: device.ResyncStarted},
		{Dev: 1, Kind: device.FetchFailed, File: missing},
		{Dev: 1, Kind: device.ResyncFailed, File: missing, Err: "tftp_get failed", Result: device.NotFound, Took: 30e6},
		{Dev: 1, Kind: device.ResyncStarted},
		{Dev: 1, Kind: device.ResyncFailed, Err: "tftp_get failed", Result: device.Timeout, Took: 30e6},
		{Dev: 1, Kind: device.FetchFailed, File: again},
		{Dev: 1, Kind: device.FetchFailed, File: again},
		{Dev: 1, Kind: device.UpgradeOK, Text: "5.2.12"},
		{Dev: 2, Kind: device.UpgradeFailed, File: badImage, Err: "unrecognized file format", Result: device.Corrupt},
		{Dev: 2, Kind: device.UpgradeFailed, File: badImage, Err: "unrecognized file format", Result: device.Corrupt},
		{Dev: 2, Kind: device.Moved, Move: fsm.Customized, State: fsm.SpCust},
		{Dev: 2, Kind: device.Moved, Move: fsm.Keyed, State: fsm.SecPrv1},
	}
	return list
}

func TestSummaryIsWhatTheEventsAmountTo(t *testing.T) {
	seen := newTally()
	seen.Tell(day())
	seen.Tell(late(2e6))
	s := report.Summarize(seen.Totals())
	if s.Devices != 3 || s.Resyncs != (tally.Pair{OK: 3, Failed: 2}) || s.Upgrades != (tally.Pair{OK: 1, Failed: 2}) || seen.Started() != 5 {
		t.Errorf("%d devices, resyncs %+v of %d, upgrades %+v", s.Devices, s.Resyncs, seen.Started(), s.Upgrades)
	}
	if s.Repeats != 2 {
		t.Errorf("%d repeated fetches, want 2", s.Repeats)
	}
	if want := map[string]int{"SP-CUST": 1, "MFG-RESET": 1, "SEC-PRV-1": 1}; !maps.Equal(s.States, want) {
		t.Errorf("states %v, want %v", s.States, want)
	}
	if want := map[string]int64{"power": 2, "params": 1}; !maps.Equal(s.Reboots, want) {
		t.Errorf("reboots %v, want %v", s.Reboots, want)
	}
	spa, pap := s.Models[0], s.Models[1]
	if spa.Model != "SPA2102" || spa.Devices != 2 || spa.OK != 1 || spa.Failed != 1 || !maps.Equal(spa.States, map[string]int{"SP-CUST": 1, "MFG-RESET": 1}) {
		t.Errorf("%+v", spa)
	}
	if pap.Firmware != "5.1.6(LS)" || pap.OK != 0 || pap.Failed != 0 || !maps.Equal(pap.States, map[string]int{"SEC-PRV-1": 1}) {
		t.Errorf("%+v", pap)
	}
	unknown := s.Findings.UnknownParams
	if len(unknown) != 2 || unknown[0].Name != "Foo" || unknown[0].Count != 2 || unknown[1].Name != "Speed_Dial_10" || !maps.Equal(unknown[1].Models, map[string]int{"SPA2102 5.2.10": 1}) {
		t.Errorf("unknown %+v", unknown)
	}
	if now := s.Models[0].Now; len(now) != 2 || now[0].Version != "5.2.10" || now[0].Devices != 1 || now[0].OK != 1 || now[1].Version != "5.2.12" || now[1].Failed != 1 {
		t.Errorf("firmwares now %+v", now)
	}
	var causes []string
	for _, f := range s.Findings.Errors {
		causes = append(causes, fmt.Sprintf("%s %s %d %v %q", f.What, f.Result, f.Count, f.Models, f.Hint))
	}
	want := []string{
		`image corrupt 2 map[PAP2T 5.1.6(LS):2] ""`, ` timeout 1 map[SPA2102 5.2.10:1] ""`, `image not_found 1 map[SPA2102 5.2.10:1] "case counts"`,
	}
	if !slices.Equal(causes, want) {
		t.Errorf("causes %q, want %q", causes, want)
	}
	if l := seen.Lateness(); l.Count != 1 || l.Max != .002 {
		t.Errorf("lateness %+v", l)
	}
}

func TestDevicesAreProvisionedAnsweredOrNot(t *testing.T) {
	failed := func(f device.File) []device.Event {
		return []device.Event{{Kind: device.FetchFailed, File: &f}, {Kind: device.ResyncFailed, File: &f, Result: f.Result}}
	}
	good := []device.Event{{Kind: device.Fetched, File: &device.File{Status: 200}}, {Kind: device.ResyncOK}}
	for _, tt := range []struct {
		name   string
		events []device.Event
		want   tally.Answers
	}{
		{"not begun", nil, tally.Answers{Unanswered: 1}},
		{"refused", failed(device.File{Result: device.NoConnect}), tally.Answers{Failed: 1, Unanswered: 1}},
		{"silent", failed(device.File{Result: device.Timeout}), tally.Answers{Failed: 1, Unanswered: 1}},
		{"stalled in its answer", failed(device.File{Result: device.Timeout, Status: 200, Bytes: 10}), tally.Answers{Failed: 1}},
		{"no file", failed(device.File{Result: device.NotFound, Status: 404}), tally.Answers{Failed: 1}},
		{"no handshake", failed(device.File{Result: device.TLSFailed, Alert: 42}), tally.Answers{Failed: 1}},
		{"good", good, tally.Answers{OK: 1, Provisioned: 1}},
		{"good, then refused", slices.Concat(good, failed(device.File{Result: device.NoConnect})), tally.Answers{Failed: 1, Provisioned: 1}},
	} {
		seen := tally.New([]tally.Make{{Model: "SPA942", Devices: 1}}, func(device.Index) int { return 0 }, device.Shard{})
		seen.Tell(tt.events)
		s := report.Summarize(seen.Totals())
		if got := s.Models[0].Answers; got != tt.want || s.Provisioned != tt.want.Provisioned || s.Unanswered != tt.want.Unanswered {
			t.Errorf("%s: %+v, want %+v; in all %d provisioned, %d never answered", tt.name, got, tt.want, s.Provisioned, s.Unanswered)
		}
	}
}

func TestMetricsAreOneSampleEach(t *testing.T) {
	seen := newTally()
	seen.Tell(day())
	seen.Tell(late(2e6))
	s := report.Summarize(seen.Totals())
	type figure struct {
		metric string
		tags   map[string]string
		count  int64
		avg    float64
	}
	for _, want := range []figure{
		{"resync_duration", nil, 5, .026},
		{"ready_duration", nil, 2, 1.5}, // power-on to the first success: 2 s and 1 s
		{"lateness", nil, 1, .002},
		{"fetch_duration", map[string]string{"scheme": "http"}, 2, .010},
		{"fetch_duration", map[string]string{"scheme": "tftp"}, 1, .010},
		{"phase_duration", map[string]string{"scheme": "http", "phase": "dns"}, 2, .002},
		{"phase_duration", map[string]string{"scheme": "http", "phase": "body"}, 2, .004},
		{"phase_duration", map[string]string{"scheme": "tftp", "phase": "first_byte"}, 1, .005},
	} {
		i := slices.IndexFunc(s.Metrics[want.metric], func(m report.Metric) bool { return maps.Equal(m.Tags, want.tags) })
		if i < 0 {
			t.Errorf("no %s %v", want.metric, want.tags)
			continue
		}
		if got := s.Metrics[want.metric][i]; got.Count != want.count || math.Abs(got.Avg-want.avg) > 1e-9 {
			t.Errorf("%s %v: %+v, want %d samples, on average %gs", want.metric, want.tags, got, want.count, want.avg)
		}
	}
	if n := len(s.Metrics["phase_duration"]); n != 6 {
		t.Errorf("%d phases; those of no duration have no samples, nor those of failed transfers: %+v", n, s.Metrics["phase_duration"])
	}
}

func TestARunOfNothingHasNoSamples(t *testing.T) {
	s := report.Summarize(newTally().Totals())
	if len(s.Metrics) != 0 || s.Findings.Errors == nil || s.Findings.UnknownParams == nil || s.States["MFG-RESET"] != 3 {
		t.Errorf("%+v", s)
	}
}

func TestPercentilesAreWithinAPercentOfExact(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	seen := newTally()
	samples := make([]float64, 20000)
	for i := range samples {
		ns := int64(math.Exp(random.Float64()*math.Log(1e5)) * 1e5) // 100 µs to 10 s, as often in each decade
		samples[i] = float64(ns) / 1e9
		seen.Tell(late(ns))
	}
	slices.Sort(samples)
	got := seen.Lateness()
	exact := func(q float64) float64 { return samples[int(math.Ceil(q*float64(len(samples))))-1] }
	for name, pair := range map[string][2]float64{"med": {got.Med, exact(.5)}, "p95": {got.P95, exact(.95)}, "p99": {got.P99, exact(.99)}} {
		if math.Abs(pair[0]-pair[1]) > pair[1]/100 {
			t.Errorf("%s is %g, exactly %g", name, pair[0], pair[1])
		}
	}
	if got.Min != samples[0] || got.Max != samples[len(samples)-1] || got.Count != 20000 {
		t.Errorf("%+v, exactly %g to %g", got, samples[0], samples[len(samples)-1])
	}
}

func TestPercentilesLieBetweenTheSmallestAndTheLargestSample(t *testing.T) {
	for _, ns := range []int64{0, 700, 1500, 123456789, int64(10 * time.Hour)} {
		seen := newTally()
		seen.Tell(late(ns))
		if s := seen.Lateness(); s.Med < s.Min || s.P99 > s.Max || s.Min != float64(ns)/1e9 || s.Max != s.Min {
			t.Errorf("%d ns: %+v", ns, s)
		}
	}
}

// Each cause is counted apart, the most frequent first; above the bound, failures
// are only counted.
func TestCausesAreCountedUpToABound(t *testing.T) {
	seen := newTally()
	for i := range 250 {
		for range 1 + i%20 {
			seen.Tell([]device.Event{{Kind: device.ResyncFailed, Err: "http_get failed", Result: device.BadStatus,
				File: &device.File{What: "profile", Rule: 'A', Scheme: "http", Status: 400 + i, Result: device.BadStatus, Phase: phase.Status}}})
		}
	}
	got := seen.Totals()
	all := got.ErrorsMore
	for _, f := range got.Errors {
		all += f.Count
	}
	if len(got.Errors) != 200 || got.Errors[0].Count != 20 || got.Errors[0].Status != 419 || got.Errors[199].Count != 1 || all != 12*210+55 {
		t.Errorf("%d causes, %+v to %+v; %d failures", len(got.Errors), got.Errors[0], got.Errors[len(got.Errors)-1], all)
	}
}

// A failure keeps apart what a person mends in different ways, and names the first
// device that had it.
func TestACauseHasItsFirstExample(t *testing.T) {
	seen := newTally()
	seen.Identify(func(dev device.Index) model.MAC { return model.MAC{5: byte(dev)} })
	at := netip.MustParseAddrPort("127.0.0.1:8080")
	fail := func(dev device.Index, ns int64, f device.File) {
		f.What, f.Rule, f.Scheme, f.Host, f.Server, f.Path = "profile", 'A', "http", "prov.test", at, "/x"
		seen.Tell([]device.Event{{Dev: dev, At: ns, Kind: device.ResyncFailed, Err: "http_get failed", Result: f.Result, File: &f}})
	}
	fail(1, 5e9, device.File{Result: device.NoConnect, Phase: phase.Connect})
	fail(2, 3e9, device.File{Result: device.NoConnect, Phase: phase.Connect})
	fail(0, 9e9, device.File{Result: device.NoConnect, Phase: phase.Connect})
	fail(0, 9e9, device.File{Result: device.NoConnect, Phase: phase.FirstByte})
	fail(0, 9e9, device.File{Result: device.Timeout, Phase: phase.Connect, Wait: 5e9})
	fail(0, 9e9, device.File{Result: device.BadStatus, Phase: phase.Status, Status: 503})
	fail(0, 9e9, device.File{Result: device.BadStatus, Phase: phase.Status, Status: 403})
	list := seen.Totals().Errors
	first := list[0]
	if len(list) != 5 || first.Count != 3 || !maps.Equal(first.Models, map[string]int{"SPA2102 5.2.10": 2, "PAP2T 5.1.6(LS)": 1}) {
		t.Fatalf("%d causes, the first %+v", len(list), first)
	}
	want := tally.Example{MAC: "000000000002", Index: 2, URL: "http://prov.test:8080/x", At: time.Unix(3, 0).UTC()}
	if first.Example != want || first.Phase != "connect" {
		t.Errorf("%+v, want %+v", first.Example, want)
	}
}

// A rule that cannot be read fails after the file of the rule before it: that one
// is not to blame.
func TestAMalformedRuleIsNoFailureOfTheFileBefore(t *testing.T) {
	seen := newTally()
	seen.Tell([]device.Event{{Kind: device.ResyncFailed, Err: "rule", Result: device.BadRule, File: overHTTP}})
	if f := seen.Totals().Errors[0]; f.What != "" || f.Phase != "rule" || f.Example.URL != "" {
		t.Errorf("%+v", f)
	}
}

// late returns the event of an attempt that started so many nanoseconds late.
func late(ns int64) []device.Event { return []device.Event{{Kind: device.Late, Took: ns}} }
