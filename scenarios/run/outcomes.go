package run

import (
	"iter"
	"slices"
	"strings"
	"sync"
	"time"

	"spafleet/device"
	"spafleet/fleet"
	"spafleet/scenarios/report"
	"spafleet/scenarios/tally"
)

// A DeviceReport is what became of one device in a run, in the form of its JSON. Keys
// never change their meaning.
type DeviceReport struct {
	Index    int        `json:"index"` // in the whole fleet
	MAC      string     `json:"mac"`
	Serial   string     `json:"serial"`
	Group    string     `json:"group"`
	Model    string     `json:"model"`
	Firmware string     `json:"firmware"`     // that it was made with
	Now      string     `json:"firmware_now"` // that it has at the end
	State    string     `json:"state"`
	Resyncs  tally.Pair `json:"resyncs"`          // of the run
	FirstOK  *float64   `json:"first_ok_seconds"` // when a resync first went well, from the start; nil: none did
	Last     string     `json:"last_error"`       // of a resync, an upgrade or a report: what was asked for and how that failed; "" for none
	Unknown  []string   `json:"unknown_params"`   // of its files: parameters that it does not have
	Rejected []string   `json:"rejected_params"`  // of its files: parameters whose value it did not take
}

// outcomes remember of each device what its report says and the fleet does not know.
// They are safe for concurrent use.
type outcomes struct {
	fleet *fleet.Fleet

	mu      sync.Mutex
	devices []outcome // by place
	errors  phrases
	names   phrases // lists of names of parameters
}

// An outcome is 32 bytes for each device.
type outcome struct {
	firstOK           int64 // fleet time; 0: not yet
	ok, failed        uint32
	last              uint32 // of errors
	unknown, rejected uint32 // of names
}

func newOutcomes(f *fleet.Fleet) *outcomes {
	return &outcomes{fleet: f, devices: make([]outcome, f.Len())}
}

// Tell counts events. It keeps nothing of the slice.
func (o *outcomes) Tell(events []device.Event) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for i := range events {
		e := &events[i]
		d := &o.devices[o.fleet.Shard().Place(e.Dev)]
		switch e.Kind {
		case device.ResyncOK:
			d.ok++
			if d.firstOK == 0 {
				d.firstOK = e.At
			}
		case device.ResyncFailed:
			d.failed++
			d.last = o.errors.number(wrong(e))
		case device.UpgradeFailed, device.ReportFailed:
			d.last = o.errors.number(wrong(e))
		case device.Applied:
			d.unknown = o.join(d.unknown, e.File.Unknown)
			d.rejected = o.join(d.rejected, e.File.Rejected)
		}
	}
}

// wrong says what failed and how.
func wrong(e *device.Event) string {
	text := report.Describe(tally.FailureOf(e))
	if e.Err != "" && !strings.HasSuffix(text, e.Err) {
		text += " (" + e.Err + ")"
	}
	return text
}

// mostNames is how many parameters a list has.
const mostNames = 50

// beyond stands in the place of what is above a bound.
const beyond = "and others"

// join adds names to a list, and returns the number of the list that it then is.
func (o *outcomes) join(list uint32, names []string) uint32 {
	if len(names) == 0 {
		return list
	}
	all := o.list(list)
	more := len(all) > 0 && all[len(all)-1] == beyond
	if more {
		all = all[:len(all)-1]
	}
	for _, name := range names {
		at, has := slices.BinarySearch(all, name)
		switch {
		case has:
		case len(all) < mostNames:
			all = slices.Insert(all, at, name)
		default:
			more = true
		}
	}
	if more {
		all = append(all, beyond)
	}
	return o.names.number(strings.Join(all, "\x00"))
}

// list returns the names of a list, in their order. It is the caller's.
func (o *outcomes) list(number uint32) []string {
	if number == 0 {
		return []string{}
	}
	return strings.Split(o.names.text(number), "\x00")
}

// all returns the report of each device, in the order of their numbers. The fleet has
// ended.
func (o *outcomes) all(start int64, hide func(any)) iter.Seq[DeviceReport] {
	return func(yield func(DeviceReport) bool) {
		for place := range o.devices {
			d := o.report(o.fleet.Shard().At(place), start)
			hide(&d)
			if !yield(d) {
				return
			}
		}
	}
}

func (o *outcomes) report(dev device.Index, start int64) DeviceReport {
	o.mu.Lock()
	d := o.devices[o.fleet.Shard().Place(dev)]
	r := DeviceReport{
		Index: int(dev), Group: o.fleet.Group(dev).Name, Resyncs: tally.Pair{OK: int64(d.ok), Failed: int64(d.failed)},
		Last: o.errors.text(d.last), Unknown: o.list(d.unknown), Rejected: o.list(d.rejected),
	}
	o.mu.Unlock()
	made := o.fleet.Unit(dev)
	now, _ := o.fleet.View(dev)
	r.MAC, r.Serial, r.Model, r.Firmware = made.MAC.String(), made.Serial, made.Row.Model.Name, made.Row.Firmware.Version
	r.Now, r.State = now.Unit.Row.Firmware.Version, now.State.String()
	if d.firstOK != 0 {
		after := time.Duration(d.firstOK - start).Seconds()
		r.FirstOK = &after
	}
	return r
}

// phrases are texts that many devices share, each kept once. Text 0 is empty.
type phrases struct {
	texts   []string
	numbers map[string]uint32
}

// mostPhrases bounds how many are kept: a hostile server can cause as many as it
// likes.
const mostPhrases = 4096

// number returns the number of a text; once too many are kept, the one that says so.
func (p *phrases) number(text string) uint32 {
	if p.numbers == nil {
		p.numbers, p.texts = map[string]uint32{"": 0}, []string{""}
	}
	n, has := p.numbers[text]
	switch {
	case has:
		return n
	case len(p.texts) == mostPhrases:
		return p.number(beyond)
	case len(p.texts) == mostPhrases-1:
		text = beyond
	}
	n = uint32(len(p.texts))
	p.texts, p.numbers[text] = append(p.texts, text), n
	return n
}

func (p *phrases) text(number uint32) string {
	if p.texts == nil {
		return ""
	}
	return p.texts[number]
}
