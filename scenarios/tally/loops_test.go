package tally_test

import (
	"slices"
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

// A device that reboots after each failed upgrade and tries again is found with its
// cause, once, however long it goes on. One that gets its image in the end, or fails
// without a reboot, is not.
func TestUpgradeLoops(t *testing.T) {
	image := &device.File{Rule: 'U', What: "image", Scheme: "http", Host: "prov.test", Path: "/fw.bin", Result: device.NotFound}
	for _, tt := range []struct {
		name, tries string // f: fails and reboots; n: fails without a reboot; o: succeeds; x: fails for another cause
		want        []tally.UpgradeLoop
	}{
		{"nothing fails", "oooooo", nil},
		{"four times, and then it is there", "ffffo", nil},
		{"no reboots", "nnnnnnnn", nil},
		{"not in a row", "fffoffofff", nil},
		{"again and again", "ffffffffff", []tally.UpgradeLoop{{Model: "SPA2102 5.2.10", Err: "file not found", Devices: 1, MoreThan: 3, Every: 31}}},
		{"a loop that ends is one all the same", "fffffof", []tally.UpgradeLoop{{Model: "SPA2102 5.2.10", Err: "file not found", Devices: 1, MoreThan: 3, Every: 31}}},
		{"another cause later", "fffffx", []tally.UpgradeLoop{{Model: "SPA2102 5.2.10", Err: "file not found", Devices: 1, MoreThan: 3, Every: 31},
			{Model: "SPA2102 5.2.10", Err: "corrupt file", Devices: 0, MoreThan: 3, Every: 31}}},
	} {
		whole, parts, part := newTally(), tally.NewTotals(newTally().Totals()), newTally()
		at := int64(1e9)
		for _, what := range tt.tries {
			at += 31e9
			failed := device.Event{Dev: 1, Kind: device.UpgradeFailed, File: image, Err: "file not found", Result: device.NotFound, At: at}
			events := []device.Event{failed, {Dev: 1, Kind: device.Boot, Reason: device.ByUpgradeFailed, At: at}}
			switch what {
			case 'n':
				events = events[:1]
			case 'o':
				events = []device.Event{{Dev: 1, Kind: device.UpgradeOK, Text: "5.2.12", At: at}, {Dev: 1, Kind: device.Boot, Reason: device.ByUpgradeOK, At: at}}
			case 'x':
				events[0].Err = "corrupt file"
			}
			whole.Tell(events)
			part.Tell(events)
		}
		for _, p := range []*tally.Tally{part, newTally()} {
			if err := parts.Merge(p.Totals()); err != nil {
				t.Fatal(err)
			}
		}
		for name, got := range map[string][]tally.UpgradeLoop{"whole": whole.Totals().UpgradeLoops, "merged": parts.UpgradeLoops} {
			for i := range got {
				if x := got[i].Example; x.URL != "http://prov.test/fw.bin" || x.Index != 1 {
					t.Errorf("%s, %s: example %+v", tt.name, name, x)
				}
				got[i].Example = tally.Example{}
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("%s, %s: %+v, want %+v", tt.name, name, got, tt.want)
			}
		}
	}
}
