// Package observed is the file of what a real phone was observed to do: for each switch
// of its firmware the value that it was seen to have, or why that is not settled, and the
// times and bytes that say so. Begin with [Read] and [File.Write].
package observed

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"spafleet/device/measure"
	"spafleet/device/model"
)

// A File is what one phone did.
type File struct {
	Model, Firmware string    // as [model.NewRow] takes them; the model by its own name
	Date            time.Time // the day
	Took            time.Duration
	Findings        []Finding // in the order of the table of switches
	Facts           []Fact
}

// A Finding is what is known of one switch.
type Finding struct {
	Switch     string
	Value      string   // "" where it is not settled
	OneOf      []string // where it is not settled: the values that were not excluded, at least two; nil: nothing is known
	Experiment string
	Asked      int    // how often
	Agreed     int    // how often it gave Value
	Why        string // why it is not settled, in words
}

// Settled reports whether the switch has a value.
func (f *Finding) Settled() bool { return f.Value != "" }

// Same reports whether two texts are one value of a switch: 60s is 1m.
func Same(a, b string) bool {
	x, err := measure.Duration(a)
	y, other := measure.Duration(b)
	return a == b || err == nil && other == nil && x == y
}

// A Fact is what was seen in an experiment: a time, bytes, or words.
type Fact struct {
	Experiment, What string
	Text             string // "": none
	Hex              string // bytes, as lower-case digits; "": none
	Nanoseconds      int64  // 0: none
}

// What a file may hold.
const (
	MostBytes = 4 << 20 // a whole file
	MostFacts = 1500
	mostText  = 4000      // bytes of a text
	mostHex   = 16 << 10  // bytes of a fact, half of its digits
	mostAsked = 1_000_000 // times that a phone was asked
)

// format is the first line of a file.
const format = "spafleet: probe 1"

// dateForm is how a file has its day.
const dateForm = "2006-01-02"

// Switches returns the switches that are settled, with their values.
func (f *File) Switches() map[string]string {
	settled := map[string]string{}
	for i := range f.Findings {
		if one := &f.Findings[i]; one.Settled() {
			settled[one.Switch] = one.Value
		}
	}
	return settled
}

// chosen are the switches that no phone has: a tester chooses them.
var chosen = map[string]string{"evidence": "it is about what is known of phones, and no phone has it"}

// order returns the place of each switch in the table.
func order(r *model.Row) map[string]int {
	places := map[string]int{}
	for i, s := range r.Switches {
		places[s.Name] = i
	}
	return places
}

// Of reports whether the file is of a model at a firmware.
func (f *File) Of(r *model.Row) bool {
	return f.Model == r.Model.Name && f.Firmware == r.Firmware.Version
}

// Among reports whether one of the rows is what the file is of. The error says what they
// are in its place.
func (f *File) Among(rows []*model.Row) error {
	var versions, models []string
	for _, r := range rows {
		switch {
		case f.Of(r):
			return nil
		case r.Model.Name == f.Model:
			versions = append(versions, r.Firmware.Version)
		default:
			models = append(models, r.Model.Name)
		}
	}
	it := fmt.Sprintf("it is of %s %s, and ", f.Model, f.Firmware)
	if len(versions) > 0 {
		return fmt.Errorf("%sthe %s here has %s: what one firmware does says nothing of another; give the devices firmware %s",
			it, f.Model, listed(versions), f.Firmware)
	}
	if len(models) == 0 {
		return errors.New(it + "there are no devices")
	}
	return fmt.Errorf("%sthe devices are %s: another model need not do what it does", it, listed(models))
}

// mostListed is how many names an error lists.
const mostListed = 5

// listed joins names, each once.
func listed(names []string) string {
	slices.Sort(names)
	return measure.FirstOf(slices.Compact(names), mostListed)
}
