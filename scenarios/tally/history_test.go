package tally_test

import (
	"encoding/json"
	"testing"

	"pgregory.net/rapid"

	"spafleet/device"
	"spafleet/fsm"
	"spafleet/scenarios/tally"
)

// The histories of two shards add up to that of one process, whatever their lengths
// and in whatever order events come.
func TestHistoriesOfShardsAddUp(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const devices = 4
		var all []device.Event
		states := [devices]fsm.State{}
		for range rapid.IntRange(0, 60).Draw(t, "events") {
			e := device.Event{Dev: device.Index(rapid.IntRange(0, devices-1).Draw(t, "device")), At: rapid.Int64Range(1e18, 1e18+1e14).Draw(t, "at")}
			switch rapid.IntRange(0, 3).Draw(t, "kind") {
			case 0:
				e.Kind = device.ResyncStarted
			case 1:
				e.Kind = device.ResyncOK
			case 2:
				e.Kind, e.File = device.Fetched, &device.File{Took: device.Phases{Body: rapid.Int64Range(1, 1e11).Draw(t, "took")}}
			case 3:
				e.Kind, e.State = device.Moved, fsm.State(rapid.IntRange(0, 3).Draw(t, "state"))
				states[e.Dev] = e.State
			}
			all = append(all, e)
		}
		whole := tallied(device.Shard{}, devices, all)
		merged := tally.NewTotals(whole)
		for i := range 2 {
			shard := device.Shard{Index: i, Count: 2}
			var mine []device.Event
			for _, e := range all {
				if int(e.Dev)%2 == i {
					mine = append(mine, e)
				}
			}
			if err := merged.Merge(tallied(shard, devices/2, mine)); err != nil {
				t.Fatal(err)
			}
		}
		if a, b := text(t, whole.History), text(t, merged.History); a != b {
			t.Fatalf("one process has %s\nits shards have %s", a, b)
		}
		if n := len(whole.History.Steps); n > 120 {
			t.Fatalf("%d steps", n)
		}
		check(t, &whole.History, all, states)
	})
}

// check holds a history to the events that it is of.
func check(t *rapid.T, h *tally.History, events []device.Event, states [4]fsm.State) {
	var started, ok, fetched int64
	now := h.Initial
	for i := range h.Steps {
		m := &h.Steps[i]
		started, ok = started+m.Started, ok+m.OK
		for _, n := range m.Phases[4] {
			fetched += int64(n)
		}
		for s, n := range m.Moves {
			now[s] += n
		}
	}
	var want [4]int64
	for _, s := range states {
		want[s]++
	}
	if now != want {
		t.Fatalf("at the end %v devices by state, want %v", now, want)
	}
	kinds := map[device.Kind]int64{}
	for i := range events {
		kinds[events[i].Kind]++
	}
	if started != kinds[device.ResyncStarted] || ok != kinds[device.ResyncOK] || fetched != kinds[device.Fetched] {
		t.Fatalf("%d started, %d ok, %d fetched; events have %v", started, ok, fetched, kinds)
	}
}

func tallied(s device.Shard, devices int, events []device.Event) *tally.Totals {
	c := tally.New([]tally.Make{{Model: "SPA2102", Firmware: "5.2.10", Devices: devices}}, func(device.Index) int { return 0 }, s)
	c.Tell(events)
	return c.Totals()
}

func text(t *rapid.T, v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
