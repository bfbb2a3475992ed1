package tally_test

import (
	"testing"
	"time"

	"spafleet/device"
	"spafleet/scenarios/tally"
)

// A rate per second of a time that is named is of that time alone, as often as it comes.
func TestNamedTimesHaveTheirLength(t *testing.T) {
	y := tally.New([]tally.Make{{Model: "SPA942", Devices: 1}}, func(device.Index) int { return 0 }, device.Shard{})
	length := func(during string, run time.Duration) time.Duration {
		return tally.Length(during, y.Watched().Stretches, run)
	}
	if got := length("start", time.Minute); got != time.Minute {
		t.Errorf("without steps start is %s", got)
	}
	for i, name := range []string{"night", "day", "night", "day", "end"} {
		at := time.Duration(i+1) * time.Hour
		y.Entered(name, int64(at), at)
	}
	for name, want := range map[string]time.Duration{"start": time.Hour, "night": 2 * time.Hour, "day": 2 * time.Hour, "end": 30 * time.Minute, "never": 0} {
		if got := length(name, 5*time.Hour+30*time.Minute); got != want {
			t.Errorf("%s lasts %s, want %s", name, got, want)
		}
	}
	other := tally.NewTotals(y.Totals())
	if err := other.Merge(y.Totals()); err != nil || len(other.Stretches) != 4 {
		t.Errorf("%v, %+v", err, other.Stretches)
	}
}
