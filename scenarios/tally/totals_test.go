package tally_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"spafleet/device"
	"spafleet/fsm"
	"spafleet/scenarios/report"
	"spafleet/scenarios/tally"
)

// devices are of two makes: 0 to 11, and the rest.
const devices = 20

func makeOf(dev device.Index) int { return int(dev) / 12 }

func newShardTally(shard device.Shard) *tally.Tally {
	return tally.New([]tally.Make{
		{Model: "SPA2102", Firmware: "5.2.10", Devices: shard.Between(0, 12)}, {Model: "PAP2T", Firmware: "5.1.6(LS)", Devices: shard.Between(12, devices)},
	}, makeOf, shard)
}

// anEvent draws something that may happen to a device.
func anEvent(t *rapid.T) device.Event {
	files := []*device.File{nil, overHTTP, overTFTP, missing, {Rule: 'A', What: "profile", Scheme: "http", Result: device.Timeout, Hint: "is it up?"}}
	file := rapid.SampledFrom(files).Draw(t, "file")
	return device.Event{
		Dev: device.Index(rapid.IntRange(0, devices-1).Draw(t, "device")), At: rapid.Int64Range(0, 1e12).Draw(t, "at"),
		Kind: rapid.SampledFrom([]device.Kind{device.PowerOn, device.Boot, device.ResyncStarted, device.ResyncOK, device.ResyncFailed, device.UpgradeOK, device.UpgradeFailed}).Draw(t, "kind"),
		Text: rapid.SampledFrom([]string{"", "5.2.12", "6.1.5"}).Draw(t, "text"), Took: rapid.Int64Range(0, 5e13).Draw(t, "took"), Reason: device.ByPower, Result: rapid.SampledFrom([]device.Result{device.NotFound, device.Timeout}).Draw(t, "result"),
		Err: rapid.SampledFrom([]string{"tftp_get failed", "http_get failed"}).Draw(t, "err"), File: file,
	}
}

func transfer(dev device.Index, f *device.File) device.Event {
	kind := device.Fetched
	if f.Result != device.OK {
		kind = device.FetchFailed
	}
	return device.Event{Dev: dev, Kind: kind, File: f}
}

// Through a file and back, the totals of any number of shards add up to those
// of the one process that saw everything, to the last digit.
func TestTotalsOfShardsAddUpExactly(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		count := rapid.IntRange(1, 4).Draw(t, "shards")
		whole := newShardTally(device.Shard{})
		tallies := make([]*tally.Tally, count)
		for i := range tallies {
			tallies[i] = newShardTally(device.Shard{Index: i, Count: count})
		}
		tell := func(e device.Event) {
			whole.Tell([]device.Event{e})
			tallies[int(e.Dev)%count].Tell([]device.Event{e})
		}
		for range rapid.IntRange(0, 25).Draw(t, "events") {
			e := anEvent(t)
			tell(e)
			if e.File != nil {
				tell(transfer(e.Dev, e.File))
				tell(device.Event{Dev: e.Dev, Kind: device.Applied, File: e.File})
				refused := rapid.SampledFrom([]string{"", "a", "b"}).Draw(t, "value")
				tell(device.Event{Dev: e.Dev, Kind: device.Applied, File: &device.File{Rejected: []string{"Resync_Periodic"}, Refused: []string{refused}, Partly: refused}})
			}
			tell(device.Event{Dev: e.Dev, Kind: device.Late, Took: rapid.Int64Range(0, 1e10).Draw(t, "late")})
		}
		tell(device.Event{Dev: 7, Kind: device.Moved, Move: fsm.Customized, State: fsm.SpCust})
		var sum *tally.Totals
		for _, i := range rapid.Permutation(tallies).Draw(t, "order") {
			part := &tally.Totals{}
			if err := json.Unmarshal(marshal(t, i.Totals()), part); err != nil {
				t.Fatal(err)
			}
			if sum == nil {
				sum = part
			} else if err := sum.Merge(part); err != nil {
				t.Fatal(err)
			}
		}
		if got, want := marshal(t, sum), marshal(t, whole.Totals()); string(got) != string(want) {
			t.Fatalf("%d shards:\n got %s\nwant %s", count, got, want)
		}
		if got, want := marshal(t, report.Summarize(sum)), marshal(t, report.Summarize(whole.Totals())); string(got) != string(want) {
			t.Fatalf("%d shards:\n got %s\nwant %s", count, got, want)
		}
	})
}

func marshal(t rapid.TB, v any) []byte {
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestTotalsOfOtherFleetsAreRefused(t *testing.T) {
	ours, theirs := newTally().Totals(), newTally().Totals()
	theirs.Makes[1].Firmware = "3.1.0"
	if err := ours.Merge(theirs); err == nil || ours.Devices != 3 {
		t.Errorf("%v, %d devices", err, ours.Devices)
	}
}

// otherRange is five samples in a histogram of 1 to 1000, to three digits.
const otherRange = "HISTFAAAACN42pJpmSzMwMDAxAABzFCaEcp9Yf8BwuLkAgQAAP//SYsDeg=="

func TestDamagedHistogramsAreRefused(t *testing.T) {
	seen := newTally()
	seen.Tell(day())
	good := string(marshal(t, seen.Totals()))
	from, _, _ := strings.Cut(good[strings.Index(good, `"hdr":"`)+7:], `"`)
	for what, text := range map[string]string{
		"cut short":     strings.Replace(good, from, from[:len(from)-8], 1),
		"another":       strings.Replace(good, from, "HISTFAAAA", 1),
		"count differs": strings.Replace(good, `"count":5,"min_ns"`, `"count":6,"min_ns"`, 1),
		"another range": strings.Replace(good, from, otherRange, 1),
	} {
		if text == good {
			t.Fatalf("%s: nothing was changed", what)
		}
		if err := json.Unmarshal([]byte(text), &tally.Totals{}); err == nil || !strings.Contains(err.Error(), "histogram of ") {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func TestHistogramsAreExactForHugeSums(t *testing.T) {
	seen := newShardTally(device.Shard{})
	const hour6 = int64(6 * 3600 * 1e9)
	for range 1_000 { // 2.16e16 ns each thousand: the sum outgrows a float's digits
		seen.Tell([]device.Event{{Kind: device.ResyncOK, Took: hour6 + 1}})
	}
	text := string(marshal(t, seen.Totals()))
	if want := fmt.Sprintf(`"sum_ns":[0,%d]`, 1000*(hour6+1)); !strings.Contains(text, want) {
		t.Errorf("no %s in %s", want, text)
	}
}
