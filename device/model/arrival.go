package model

import (
	"cmp"
	"fmt"
	"strings"

	"spafleet/device/rule"
)

// An arrival is the firmware with which a parameter came or went: a row of arrivals.
// Sets are those of a model's later firmware, and hold what earlier firmware had.
type arrival uint8

// arrivals are the versions that brought parameters or took them away. They compare
// only within one generation of firmware.
var arrivals = [...]struct {
	since, until string
	generation   int
	evidence     Evidence // that the parameter was not there before, or is gone
}{
	{}, // always there
	{"2.0.11", "", 1, Documented},
	{"7.4.9", "", 3, Inferred}, // absent from the sample of 7.4.8a (field); which version brought it is inferred
	{"7.6.0", "", 3, Inferred}, // absent from the sample of 7.5.5, in the texts of 7.6.2f (field); likewise
	{"7.5.0", "", 3, Inferred}, // absent from a sample between 7.4.8a and 7.5.5 too (field); likewise
	{"", "7.4.9", 3, Inferred}, // in the sample of 7.4.8a, absent from the next (field); likewise
}

// arrivalOf returns the arrival of a parameter by the words of its row: a version, until
// and a version, or nothing for one that was always there.
func arrivalOf(name, words string) (arrival, error) {
	if strings.HasPrefix(name, "GPP_") && len(name) == 5 && name > "GPP_D" {
		words = "2.0.11" // GPP_D was the last of its kind before
	}
	since, until := words, ""
	if version, ok := strings.CutPrefix(words, "until "); ok {
		since, until = "", version
	}
	for i, a := range arrivals {
		if a.since == since && a.until == until {
			return arrival(i), nil
		}
	}
	return 0, fmt.Errorf("%s: %q is no row of the table of arrivals", name, words)
}

// Since returns the firmware with which a parameter of the row's model came, and
// how sure it is that earlier firmware lacks it; empty for one that was there from
// the beginning.
func (p *Param) Since() Fact {
	a := &arrivals[p.arrived]
	if a.since == "" {
		return Fact{}
	}
	return Fact{Value: a.since, Evidence: a.evidence}
}

// Until returns the firmware that no longer has a parameter, and how sure that is;
// empty for one that is still there.
func (p *Param) Until() Fact {
	a := &arrivals[p.arrived]
	if a.until == "" {
		return Fact{}
	}
	return Fact{Value: a.until, Evidence: a.evidence}
}

// A change is a parameter that has another default since some firmware. A value that a
// device has stored stays; one that it has from the factory follows the firmware
// (inferred: no source has seen a device before and after).
type change struct {
	index  int // in the factory's parameters
	since  string
	before string
}

// changes are those of a base set.
type changes map[string][]namedChange

type namedChange struct{ name, since, before string }

// readChanges returns the defaults that changed, by base set.
func readChanges() (changes, error) {
	all := changes{}
	err := readLines("changes", func(line string) error {
		c := strings.Split(line, "\t")
		if len(c) != 4 {
			return fmt.Errorf("%s: it has %d columns of 4", c[0], len(c))
		}
		for _, set := range strings.Fields(c[3]) {
			all[set] = append(all[set], namedChange{c[0], c[1], c[2]})
		}
		return nil
	})
	return all, err
}

// of returns the changes of a set that a factory has.
func (c changes) of(set string, params []Param) (list []change) {
	for _, n := range c[set] {
		for i := range params {
			if params[i].Name == n.name {
				list = append(list, change{i, n.since, n.before})
			}
		}
	}
	return list
}

// At returns the model's set with the defaults of a firmware. It is the same pointer
// for all firmware with the same defaults. Which names a firmware has, [Row.Has] says.
func (f *Factory) At(version string) *Factory {
	if f.latest != nil {
		return f.latest.At(version)
	}
	key := [mostChanges]bool{}
	for i, c := range f.changes {
		key[i] = rule.CompareVersions(version, c.since, false) < 0
	}
	if key == ([mostChanges]bool{}) {
		return f
	}
	if older, ok := f.older.Load(key); ok {
		return older.(*Factory)
	}
	older, _ := f.older.LoadOrStore(key, f.before(key))
	return older.(*Factory)
}

// mostChanges bounds how many defaults of one set changed.
const mostChanges = 4

// before returns a copy of the set with the defaults from before some of its changes.
func (f *Factory) before(key [mostChanges]bool) *Factory {
	older := &Factory{Name: f.Name, Params: append([]Param(nil), f.Params...), byID: f.byID, exported: f.exported, latest: f}
	for i, c := range f.changes {
		if key[i] {
			older.Params[c.index].Default = c.before
		}
	}
	return older
}

// successErr returns the set whose success message ends with $ERR, as guides print it. It is
// the same pointer each time.
func (f *Factory) successErr() *Factory {
	p, ok := f.Lookup("Log_Resync_Success_Msg")
	if !ok {
		return f
	}
	if f.withErr.Load() == nil {
		other := &Factory{Name: f.Name, Params: append([]Param(nil), f.Params...), byID: f.byID, exported: f.exported, latest: cmp.Or(f.latest, f)}
		other.Params[f.byID[p.ID]].Default += " -- $ERR"
		f.withErr.CompareAndSwap(nil, other)
	}
	return f.withErr.Load()
}
