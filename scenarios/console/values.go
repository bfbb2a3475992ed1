package console

import (
	"encoding/json"
	"net/netip"
	"time"

	"spafleet/device"
	"spafleet/scenarios/console/page"
)

// A Summary is how a fleet stands.
type Summary struct {
	Scenario     string         `json:"scenario"`
	Now          time.Time      `json:"now"`     // fleet time
	Seconds      float64        `json:"seconds"` // since the start, fleet time
	Devices      int            `json:"devices"`
	States       map[string]int `json:"states"`
	Provisioned  int            `json:"provisioned"` // devices that have resynced well
	Unanswered   int            `json:"never_answered"`
	Resyncs      Resyncs        `json:"resyncs"`
	Rate         float64        `json:"resyncs_per_second"` // that ended lately, per second of fleet time
	Phases       []Phase        `json:"phases"`             // how long transfers took
	Running      int            `json:"running"`            // attempts
	CPU          float64        `json:"cpu"`                // share of the cores, in the latest sample
	Late         float64        `json:"late_p99_seconds"`
	Errors       []Cause        `json:"errors"` // those with most first
	Expectations []Expectation  `json:"expectations"`
}

// Resyncs counts resyncs.
type Resyncs struct {
	OK     int64 `json:"ok"`
	Failed int64 `json:"failed"`
}

// A Phase is how long a part of transfers took, in seconds.
type Phase struct {
	Name  string  `json:"name"` // connect, http
	Count int64   `json:"count"`
	Med   float64 `json:"med"`
	P95   float64 `json:"p95"`
	P99   float64 `json:"p99"`
}

// A Cause is why something failed, and how often.
type Cause struct {
	What   string `json:"what"` // profile, image, report and so on
	Result string `json:"result"`
	Err    string `json:"err"` // in the device's words
	Count  int    `json:"count"`
}

// An Expectation is how far one is.
type Expectation struct {
	Name    string `json:"name"`
	Held    int    `json:"held"` // devices that it holds for
	Devices int    `json:"devices"`
	Decided bool   `json:"decided"`
	OK      bool   `json:"ok"`
}

// A Page is devices in their order.
type Page struct {
	Devices []Device `json:"devices"`
	Next    *int     `json:"next,omitempty"` // from, of the next page; nil: there is none
}

// A Device is a line of a page.
type Device struct {
	Index    int     `json:"index"` // in the whole fleet
	MAC      string  `json:"mac"`
	Serial   string  `json:"serial"`
	Address  string  `json:"address"`
	Model    string  `json:"model"`
	Firmware string  `json:"firmware"` // that it has now
	State    string  `json:"state"`
	Power    string  `json:"power"` // on, off or booting
	Resyncs  Resyncs `json:"resyncs"`
}

// A Detail is a device with what it does.
type Detail struct {
	Device
	Certificate string            `json:"certificate"`
	Booted      *time.Time        `json:"booted"`      // fleet time; nil: it has no power
	Due         *time.Time        `json:"next_resync"` // fleet time; nil: none
	Registered  int               `json:"lines_registered"`
	Web         string            `json:"web"`        // its own pages, "" where they do not answer
	Parameters  []Parameter       `json:"parameters"` // those that are not as the factory made them
	Did         []Step            `json:"did"`        // the events in words
	Events      []json.RawMessage `json:"events"`
}

// A Parameter is one that is not as the factory made it.
type Parameter struct {
	Name   string `json:"name"`
	Value  string `json:"value"`  // of a secret one, asterisks
	Origin string `json:"origin"` // "shared profile": devices share the value; "own": it is the device's own
}

// A Step is what a device did.
type Step struct {
	At   time.Time `json:"at"` // fleet time
	Text string    `json:"text"`
}

// Ordered is how many devices an order went to.
type Ordered struct {
	Devices int `json:"devices"`
}

// A Dial is keys that a caller presses.
type Dial struct {
	Keys string `json:"keys"` // digits, * and #
}

// A DialAll is keys that callers press at the devices of a selection.
type DialAll struct {
	Selection
	Dial
}

// Heard is what a voice menu says to a caller.
type Heard struct {
	Devices int      `json:"devices"`
	Said    []string `json:"said"`
}

// A Filter selects devices by what they are. "" is any.
type Filter struct {
	MAC     string `json:"mac,omitempty"`     // its beginning, in any spelling
	Serial  string `json:"serial,omitempty"`  // its beginning
	Address string `json:"address,omitempty"` // an address, or a prefix such as 127.64.1.0/24
	State   string `json:"state,omitempty"`
	Model   string `json:"model,omitempty"`
}

// A Selection is what is ordered about: a filter that is not empty, or All.
type Selection struct {
	Filter
	All bool `json:"all,omitempty"`
}

func deviceOf(v *device.View) Device {
	u := &v.Unit
	return Device{
		Index: int(u.Index), MAC: u.MAC.String(), Serial: u.Serial, Address: addressOf(u.IP), Model: u.Row.Model.Name, Firmware: u.Row.Firmware.Version,
		State: v.State.String(), Power: powerOf(v), Resyncs: Resyncs{OK: int64(v.Resyncs.OK), Failed: int64(v.Resyncs.Failed)},
	}
}

func addressOf(addr netip.Addr) string {
	if !addr.IsValid() {
		return ""
	}
	return addr.String()
}

func powerOf(v *device.View) string {
	switch {
	case !v.Powered:
		return "off"
	case v.Booting:
		return "booting"
	}
	return "on"
}

func detailOf(s Source, v *device.View) Detail {
	d := Detail{Device: deviceOf(v), Certificate: v.Unit.Certificate(), Registered: v.Registered, Web: s.WebURL(v.Unit.Index), Events: s.Events(v.Unit.Index)}
	if v.Powered {
		d.Booted = timeOf(v.Booted)
		d.Due = timeOf(v.Due)
	}
	if d.Events == nil {
		d.Events = []json.RawMessage{}
	}
	d.Parameters, d.Did = []Parameter{}, []Step{}
	for _, p := range params(s, v, "").Rows {
		if p.Origin != page.Default {
			d.Parameters = append(d.Parameters, Parameter{p.Name, p.Value, p.Origin.String()})
		}
	}
	for _, e := range story(s, v.Unit.Index) {
		d.Did = append(d.Did, Step{e.At, e.Text})
	}
	return d
}

// timeOf returns a moment of fleet time, nil for 0.
func timeOf(at int64) *time.Time {
	if at == 0 {
		return nil
	}
	t := time.Unix(0, at).UTC()
	return &t
}
