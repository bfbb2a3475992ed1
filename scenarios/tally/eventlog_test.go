package tally_test

import (
	"errors"
	"strings"
	"testing"

	"spafleet/device"
	"spafleet/device/model"
	"spafleet/device/syslog"
	"spafleet/fsm"
	"spafleet/host/golden"
	"spafleet/scenarios/tally"
)

func TestEventsAreLinesOfJSON(t *testing.T) {
	var b strings.Builder
	log := tally.NewEventLog(&b, func(dev device.Index) model.MAC { return model.MAC{5: byte(dev)} })
	log.Tell(day())
	log.Tell(late(1e6)) // measured: it is left out
	log.Tell([]device.Event{
		{Dev: 2, At: 9e9, N: 7, Kind: device.Syslog, Log: syslog.Info, State: fsm.SpCust, Text: "a \"quoted\"\ttext ü"},
		{Dev: 2, At: 9e9, N: 8, Kind: device.Applied, Count: 3, File: &device.File{Unknown: []string{"A", "B"}, Rejected: []string{"C"}, Partly: "up to line 7"}},
		{Dev: 2, At: 9e9, N: 9, Kind: device.FetchFailed, Err: "https_get failed", Result: device.TLSFailed, File: &device.File{Rule: 'A', Scheme: "https", Host: "h", Path: "/p", TLSError: 10, Alert: 45, Hint: "look"}},
	})
	if err := log.Flush(); err != nil {
		t.Fatal(err)
	}
	golden.File(t, "testdata/events.golden", []byte(b.String()))
}

var errFull = errors.New("full")

// A full writer cannot write.
type full struct{}

func (full) Write([]byte) (int, error) { return 0, errFull }

func TestALogThatCannotBeWrittenSaysSoAtTheEnd(t *testing.T) {
	log := tally.NewEventLog(full{}, func(device.Index) model.MAC { return model.MAC{} })
	for range 3000 {
		log.Tell(day()[:9])
	}
	if err := log.Flush(); err != errFull {
		t.Error(err)
	}
}
