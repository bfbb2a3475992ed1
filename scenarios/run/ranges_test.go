package run_test

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"spafleet/scenarios/report"
	"spafleet/scenarios/run"
	"spafleet/scenarios/scenariotest"
)

// ranges is a fleet whose devices have MAC addresses and serial numbers from ranges.
// Those of town are behind two addresses; each of desk has its own.
const ranges = `
seed: 5
limits: {lateness: 1h}
fleet:
  town:
    mix: {SPA2102 5.2.10: 4, SPA942 6.1.5(a): 3}
    mac: 000e08a00000-000e08a000ff
    addresses: 127.65.3.0/30
    set: {Profile_Rule: "http://${server.http}/$MA.xml", Resync_Random_Delay: 0}
  desk:
    model: SPA504G
    count: 3
    serial: CCQ16319998-CCQ16320005
    addresses: 127.66.0.0/16
    set: {Profile_Rule: "http://${server.http}/own.xml", Resync_Random_Delay: 0}
server:
  files:
    /$MA.xml: <flat-profile><GPP_A>{{ mac }} {{ index }} {{ address }}</GPP_A></flat-profile>
    /own.xml: <flat-profile><GPP_A>{{ serial }} {{ index }} {{ address }}</GPP_A></flat-profile>
expect:
  - all: param("GPP_A") == mac + " " + string(index) + " " + address
    of: town
    by: 1m
  - exactly: 1
    where: param("GPP_A") == "000e08a00006 6 127.65.3.1"
    by: 1m
  - {exactly: 1, where: param("GPP_A") == "CCQ16319998 7 127.66.0.1", by: 1m}
  - {exactly: 1, where: param("GPP_A") == "CCQ16320000 9 127.66.0.3", by: 1m}
`

// Devices of ranges are the same over sockets, in virtual time, and in shards.
func TestDevicesOfRangesAreTheSameEverywhere(t *testing.T) {
	t.Parallel()
	for _, clock := range []string{"virtual", "real"} {
		scenario := "clock: " + clock + ranges
		one, l := act(t, scenario)
		scenariotest.WantVerdict(t, one, report.Passed)
		if len(one.Notes) == 0 || !strings.HasPrefix(one.Notes[0], "7 devices have 2 addresses of 127.65.3.0/30, as behind NAT") {
			t.Errorf("%s: notes %q", clock, one.Notes)
		}
		merged, traces := actShards(t, scenario, 3)
		if got, want := settled(t, merged), settled(t, one); got != want {
			t.Errorf("%s: merged\n%s\nof one process\n%s", clock, got, want)
		}
		want := l.traces(t)
		if clock == "real" {
			traces, want = names(traces), names(want)
		}
		if !maps.EqualFunc(traces, want, slices.Equal) {
			t.Errorf("%s: devices live otherwise:\n got %v\nwant %v", clock, traces, want)
		}
	}
}

// Shards of two ranges are no run.
func TestShardsOfTwoRangesAreNotMerged(t *testing.T) {
	var parts []report.ShardResult
	for i := range 2 {
		s := scenariotest.Parse(t, fmt.Sprintf("fleet:\n  a: {model: SPA942, mac: 000e08a0000%d, count: 4}\nserver: {}\nduration: 1s\n", i))
		s.SHA256 = "" // as of one file that was changed from outside
		o := run.Options{Run: "r"}
		o.Shard.Index, o.Shard.Count = i, 2
		r, err := run.Run(t.Context(), s, o)
		if err != nil {
			t.Fatal(err)
		}
		parts = append(parts, report.ShardResult{From: fmt.Sprint(i), Report: reread(t, r)})
	}
	if _, err := report.Merge(parts); err == nil || !strings.Contains(err.Error(), "0 and 1 are not of one run: digest of the list of devices") {
		t.Error(err)
	}
}

// Behind one address the built-in server knows no device by its address, as no server
// could: what it says of each needs a path that names the device.
func TestBehindOneAddressPathsTellDevicesApart(t *testing.T) {
	t.Parallel()
	for _, clock := range []string{"virtual", "real"} {
		r, _ := act(t, `
clock: `+clock+`
limits: {lateness: 1h}
fleet:
  shop: {model: SPA942, count: 3, addresses: 127.67.0.9/32, set: {Profile_Rule: "http://${server.http}/all.xml", Profile_Rule_B: "http://${server.http}/$MA.xml", Resync_Random_Delay: 0}}
server:
  files:
    /all.xml: <flat-profile><GPP_A>{{ index }}</GPP_A></flat-profile>
    /$MA.xml: <flat-profile><GPP_B>{{ index }}</GPP_B></flat-profile>
expect:
  - {all: param("GPP_A") == "-1" && param("GPP_B") == string(index) && address == "127.67.0.9", by: 1m}
`)
		scenariotest.WantVerdict(t, r, report.Passed)
	}
}

// A state is refused to a fleet with another range.
func TestAStateIsThatOfItsRanges(t *testing.T) {
	const scenario = "fleet:\n  a: {model: SPA942, mac: 000e08a00000, count: 3}\nserver: {}\nduration: 1m\n"
	o := run.Options{State: filepath.Join(t.TempDir(), "fleet.state")}
	if _, err := run.Run(t.Context(), scenariotest.Parse(t, scenario), o); err != nil {
		t.Fatal(err)
	}
	if _, err := run.Run(t.Context(), scenariotest.Parse(t, scenario), o); err != nil {
		t.Errorf("the same range: %v", err)
	}
	other := strings.Replace(scenario, "000e08a00000", "000e08b00000", 1)
	if r, err := run.Run(t.Context(), scenariotest.Parse(t, other), o); r != nil || err == nil || !strings.Contains(err.Error(), "a range, has changed") {
		t.Errorf("another range: %v", err)
	}
}
