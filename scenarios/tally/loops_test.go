package tally_test

import (
	"testing"

	"spafleet/device"
	"spafleet/scenarios/tally"
)

// A device whose every file changes something reboots again and again; one that
// two files change one after the other does not count, nor does a person's edit.
func TestRebootLoops(t *testing.T) {
	const changes, edit, calm = 'c', 'e', '.'
	for _, tt := range []struct {
		name    string
		resyncs string
		want    tally.Loops
	}{
		{"nothing changes", "....", tally.Loops{}},
		{"a first file, a second one, an upgrade's", "ccc..", tally.Loops{}},
		{"four in a row", "cccc", tally.Loops{Devices: 1, MoreThan: 3, Differs: "User_ID_1_ 1 → 2"}},
		{"a loop that ends is one all the same", "ccccc...c", tally.Loops{Devices: 1, MoreThan: 3, Differs: "User_ID_1_ 1 → 2"}},
		{"not in a row", "ccc.ccc.ccc", tally.Loops{Devices: 0}},
		{"a page changes it", "eeeeeee", tally.Loops{}},
	} {
		whole, parts := newTally(), tally.NewTotals(newTally().Totals())
		part := newTally()
		for _, r := range tt.resyncs {
			events := []device.Event{{Dev: 1, Kind: device.ResyncOK}}
			switch r {
			case changes:
				events = append(events, device.Event{Dev: 1, Kind: device.Boot, Reason: device.ByParams, Text: "User_ID_1_ 1 → 2"})
			case edit:
				events = []device.Event{{Dev: 1, Kind: device.Boot, Reason: device.ByParams}}
			case calm:
			}
			whole.Tell(events)
			part.Tell(events)
		}
		for _, p := range []*tally.Tally{part, newTally()} {
			if err := parts.Merge(p.Totals()); err != nil {
				t.Fatal(err)
			}
		}
		if got := whole.Totals().Loops; got != tt.want {
			t.Errorf("%s: %+v, want %+v", tt.name, got, tt.want)
		}
		if parts.Loops != tt.want {
			t.Errorf("%s, merged: %+v, want %+v", tt.name, parts.Loops, tt.want)
		}
	}
}
