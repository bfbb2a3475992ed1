package run_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"testing"

	"spafleet/device"
	"spafleet/scenarios"
	"spafleet/scenarios/report"
	"spafleet/scenarios/run"
	"spafleet/scenarios/scenariotest"
	"spafleet/scenarios/tally"
)

// eachDevice runs a scenario and returns the lines of its devices, with the report.
func eachDevice(t *testing.T, src string, o run.Options) ([]run.DeviceReport, *report.Report) {
	t.Helper()
	var list []run.DeviceReport
	o.Devices = func(all iter.Seq[run.DeviceReport]) error {
		list = slices.Collect(all)
		return nil
	}
	r, err := run.Run(t.Context(), scenariotest.Parse(t, src), o)
	if err != nil {
		t.Fatal(err)
	}
	return list, r
}

// What the lines of the devices say adds up to the report, and follows from their
// events.
func TestDevicesOneByOneAddUpToTheReport(t *testing.T) {
	t.Parallel()
	l := &events{}
	list, r := eachDevice(t, spread, run.Options{Tell: l.Tell})
	var sum tally.Pair
	provisioned, first := 0, map[device.Index]float64{}
	for _, e := range l.All() {
		if _, has := first[e.Dev]; e.Kind == device.ResyncOK && !has {
			first[e.Dev] = float64(e.At-r.FleetStart.UnixNano()) / 1e9
		}
	}
	for i, d := range list {
		sum.Add(d.Resyncs)
		if d.Index != i || d.Firmware != d.Now {
			t.Errorf("line %d: %+v", i, d)
		}
		switch at, ok := first[device.Index(i)]; {
		case ok != (d.FirstOK != nil), ok && *d.FirstOK != at:
			t.Errorf("device %d first resynced at %g, and its line says %v", i, at, d.FirstOK)
		case ok:
			provisioned++
		}
		unknown, last := []string{}, ""
		if d.Model == "SPA2102" {
			unknown = []string{"No_Such_Thing"}
		}
		if d.Group == "lost" {
			last = "profile by http: HTTP 404, file not found"
		}
		if !slices.Equal(d.Unknown, unknown) || d.Last != last || len(d.Rejected) > 0 {
			t.Errorf("device %d: unknown %q, last error %q, rejected %q", i, d.Unknown, d.Last, d.Rejected)
		}
	}
	if len(list) != r.Devices || provisioned != r.Provisioned || sum != r.Resyncs || sum.Failed == 0 {
		t.Errorf("%d lines, %d provisioned, resyncs %+v; the report has %d, %d, %+v", len(list), provisioned, sum, r.Devices, r.Provisioned, r.Resyncs)
	}
}

func TestDevicesOfShardsAreThoseOfTheWhole(t *testing.T) {
	t.Parallel()
	lines := func(list []run.DeviceReport) (lines []string) {
		for _, d := range list {
			line, err := json.Marshal(d)
			if err != nil {
				t.Fatal(err)
			}
			lines = append(lines, string(line))
		}
		return lines
	}
	whole, _ := eachDevice(t, spread, run.Options{})
	again, _ := eachDevice(t, spread, run.Options{})
	if !slices.Equal(lines(whole), lines(again)) {
		t.Error("another run says something else")
	}
	var parts []run.DeviceReport
	for i := range 3 {
		some, _ := eachDevice(t, spread, run.Options{Machine: scenarios.Machine{Shard: device.Shard{Index: i, Count: 3}}})
		if !slices.IsSortedFunc(some, func(a, b run.DeviceReport) int { return a.Index - b.Index }) {
			t.Errorf("shard %d is not in order", i)
		}
		parts = append(parts, some...)
	}
	slices.SortFunc(parts, func(a, b run.DeviceReport) int { return a.Index - b.Index })
	if a, b := lines(whole), lines(parts); !slices.Equal(a, b) {
		t.Errorf("whole\n%s\nin shards\n%s", strings.Join(a, "\n"), strings.Join(b, "\n"))
	}
}

func TestADevicesLineKnowsBothOfItsFirmwares(t *testing.T) {
	t.Parallel()
	list, _ := eachDevice(t, `
duration: 10m
fleet: {a: {model: SPA2102, firmware: 5.2.10, count: 2, set: {Resync_Random_Delay: 0}}}
server:
  files:
    /spa2102.cfg: "<flat-profile><Upgrade_Rule>http://${server.http}/image</Upgrade_Rule></flat-profile>"
    /image: {image: SPA2102 5.2.12, size: 2MB}
`, run.Options{})
	for _, d := range list {
		if d.Firmware != "5.2.10" || d.Now != "5.2.12" {
			t.Errorf("%+v", d)
		}
	}
}

func TestDevicesThatCannotBeWrittenAreToldWithTheReport(t *testing.T) {
	t.Parallel()
	full := errors.New("the disk is full")
	o := run.Options{Devices: func(iter.Seq[run.DeviceReport]) error { return full }}
	r, err := run.Run(t.Context(), scenariotest.Parse(t, spread), o)
	if r == nil || !errors.Is(err, full) {
		t.Errorf("%v, %v", r, err)
	}
}

// A server that makes up as many names as it likes takes no more memory for it.
func TestWhatAServerMakesUpIsBoundedForEachDevice(t *testing.T) {
	t.Parallel()
	var files strings.Builder
	for i := range 130 {
		fmt.Fprintf(&files, "<Made_Up_%03d>1</Made_Up_%03d>", i, i)
	}
	list, _ := eachDevice(t, `
duration: 1m
fleet: {a: {model: SPA942, count: 2, set: {Resync_Random_Delay: 0}}}
server: {files: {/spa942.cfg: "<flat-profile>`+files.String()+`</flat-profile>"}}
`, run.Options{})
	for _, d := range list {
		if len(d.Unknown) != 51 || d.Unknown[0] != "Made_Up_000" || d.Unknown[50] != "and others" {
			t.Errorf("%d unknown: %q", len(d.Unknown), d.Unknown)
		}
	}
}
