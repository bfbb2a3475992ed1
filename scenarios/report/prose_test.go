package report_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"spafleet/device"
	"spafleet/host/golden"
	"spafleet/scenarios/report"
	"spafleet/scenarios/tally"
)

// sample is a report that has something of everything.
func sample() *report.Report {
	tally := newTally()
	tally.Tell(day())
	tally.Tell([]device.Event{{Kind: device.Applied, File: &device.File{Rejected: []string{"Resync_Periodic"}, Refused: []string{"daily"}}}})
	var lines []string
	for line := 3; line <= 12; line++ {
		lines = append(lines, fmt.Sprintf("Auth_ID_%d_", line))
	}
	tally.Tell([]device.Event{{Kind: device.Applied, File: &device.File{Unknown: append(lines, "Profil_Rule", "Wholly_Other_Thing_Of_Another_Maker")}}})
	tally.Tell(late(2e6))
	r := &report.Report{
		Name: "sample", Clock: "real", FleetStart: time.Unix(0, 0), DurationSeconds: 61.4, Summary: report.Summarize(tally.Totals()),
		Unheard:  12,
		Timeline: []report.StepReport{{Name: "settled", Fired: true, At: 12.3456}, {Name: "never", Missing: []report.Failing{failing(3)}}},
		Expect: []report.ExpectationReport{
			{Name: "all synced", OK: true, Devices: 3, Held: 3},
			{Name: "at_least 90% synced", Shared: true, Devices: 3, Held: 1},
			{Name: "none lost", Devices: 3, Held: 1, First: []report.Failing{failing(1), failing(2)}},
		},
		Generator: report.Generator{Valid: false, Lateness: tally.Lateness(), Reasons: []string{"generator-limited by cpu"},
			Machine: report.MachineLoad{Cores: 2, CPU: .5, CPUPeak: .95, GCPause: .0003, Descriptors: 40, Files: 1024, Outstanding: 7}},
		Notes: []string{"one", "two"}, Shard: &report.Shard{Index: 1, Count: 2, Devices: 6}, Shards: []report.Shard{{Count: 2}, {Index: 1, Count: 2, Attempt: 1}},
	}
	r.Explain()
	r.Judge(false)
	return r
}

func TestAReportInWords(t *testing.T) {
	var b strings.Builder
	sample().WriteText(&b)
	golden.File(t, "testdata/report.golden", []byte(b.String()))
}

func TestVirtualTimeSaysNothingOfTheMachine(t *testing.T) {
	r := sample()
	r.Clock = "virtual"
	var b strings.Builder
	r.WriteText(&b)
	if strings.Contains(b.String(), "this machine") {
		t.Error(b.String())
	}
}

func TestABarFillsAsDevicesMoveOn(t *testing.T) {
	s := report.Summary{Models: []report.MakeSummary{
		{Make: tally.Make{Model: "A", Firmware: "1", Devices: 2}, States: map[string]int{"MFG-RESET": 2}},
		{Make: tally.Make{Model: "B", Firmware: "1", Devices: 2}, States: map[string]int{"SEC-PRV-2": 2}},
		{Make: tally.Make{Model: "C", Firmware: "1"}},
	}}
	var b strings.Builder
	s.WriteStates(&b, 24)
	lines := strings.Split(b.String(), "\n")
	if strings.Contains(lines[1], "█") || strings.Contains(lines[2], "░") || !strings.Contains(lines[2], "█") || strings.ContainsAny(lines[3], "█░") {
		t.Error(b.String())
	}
}

func TestDurationsHaveThreeDigits(t *testing.T) {
	for s, want := range map[float64]string{0: "0s", .0000123: "12µs", .01234567: "12.3ms", 1.23456: "1.23s", 71.6: "1m12s"} {
		if got := report.Seconds(s); got != want {
			t.Errorf("%g: %s, want %s", s, got, want)
		}
	}
}

func TestALimitIsNamedWithWhatHelps(t *testing.T) {
	for _, tt := range []struct {
		load report.MachineLoad
		want []string
		why  string
	}{
		{report.MachineLoad{}, []string{"cpu"}, "take more cores"},
		{report.MachineLoad{Wanted: .95, CPUPeak: .95, Cores: 2}, []string{"cpu"}, "95% of 2 cores"},
		{report.MachineLoad{Waited: 3, PlacesBy: "descriptors", Files: 64, Shortages: report.Shortages{Descriptors: 1}}, []string{"descriptors"}, "open-file limit 64"},
		{report.MachineLoad{Waited: 3, PlacesBy: "outstanding"}, []string{"outstanding"}, "3 attempts waited"},
		{report.MachineLoad{Waited: 3, Admission: 120, PlacesBy: "memory", Memory: 64 << 20, PerAttempt: 536 << 10}, []string{"memory"}, "of which there are 120: each may hold 536 kB, and 64 MB"},
		{report.MachineLoad{Shortages: report.Shortages{Ports: 2, Addresses: 1}, Ports: 28232}, []string{"ports", "addresses"}, "28232 ports"},
		{report.MachineLoad{Shortages: report.Shortages{Addresses: 1}}, []string{"addresses"}, "not one of this machine's"},
	} {
		got := tt.load.Reached()
		if !slices.Equal(got, tt.want) || !strings.Contains(tt.load.Why(got[0]), tt.why) {
			t.Errorf("%v: %s; want %v, %s", got, tt.load.Why(got[0]), tt.want, tt.why)
		}
	}
	load := report.MachineLoad{LateP99: .0123, Latest: .5, Waited: 2, Shortages: report.Shortages{Ports: 3}}
	if got, want := load.Line(), "late p99 12.3ms, cpu 50%, 2 waited for a place, 3× no ports"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}
