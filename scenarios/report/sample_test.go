package report_test

import (
	"spafleet/device"
	"spafleet/device/phase"
	"spafleet/fsm"
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
	missing  = &device.File{Rule: 'u', What: "image", Scheme: "tftp", Result: device.NotFound, Hint: "case counts", Phase: phase.Status, Status: 404, Refusal: 1, Host: "prov.test", Path: "/spa.bin"}
	garbage  = &device.File{Rule: 'B', What: "profile", Scheme: "http", Host: "prov.test", Path: "/a-rather-long-path/with-folders/000e08000001.xml", Result: device.Corrupt, Phase: phase.Decode, Said: "<html> Welcome to the portal",
		Hint: "it begins like HTML: a server that answers with a page of errors and status 200 says to the device that this is its file"}
	silent = &device.File{Rule: 'A', What: "profile", Scheme: "https", Host: "prov.test", Path: "/x", Result: device.Timeout, Phase: phase.FirstByte, Wait: 30e9}
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
		{Dev: 1, Kind: device.ResyncFailed, File: garbage, Err: "corrupt file", Result: device.Corrupt, At: 6e9, Took: 30e6},
		{Dev: 0, Kind: device.ResyncFailed, File: silent, Err: "https_get failed", Result: device.Timeout, At: 8e9, Took: 30e9},
		{Dev: 1, Kind: device.ResyncFailed, File: silent, Err: "https_get failed", Result: device.Timeout, At: 9e9, Took: 30e9},
		{Dev: 1, Kind: device.UpgradeOK, Text: "5.2.12"},
		{Dev: 2, Kind: device.UpgradeFailed, File: missing, Err: "file not found", Result: device.NotFound, At: 4e9},
		{Dev: 2, Kind: device.UpgradeFailed, File: missing, Err: "file not found", Result: device.NotFound, At: 5e9},
		{Dev: 2, Kind: device.Moved, Move: fsm.Customized, State: fsm.SpCust},
		{Dev: 2, Kind: device.Moved, Move: fsm.Keyed, State: fsm.SecPrv1},
	}
	return list
}

// late returns the event of an attempt that started so many nanoseconds late.
func late(ns int64) []device.Event { return []device.Event{{Kind: device.Late, Took: ns}} }
