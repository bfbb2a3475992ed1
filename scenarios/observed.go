package scenarios

import (
	"errors"
	"fmt"
	"maps"

	"spafleet/device/measure"
	"spafleet/device/model"
	"spafleet/device/observed"
)

// An observation is what a phone was observed to do: switches that hold for the devices
// of a group that are of its model and firmware.
type observation struct {
	name     string // of the file
	file     *observed.File
	switches map[string]string // those that are settled
	at       *node
}

// rows returns what the group is made of, as far as the tables of models have it: a plan
// says of the rest what is wrong.
func (g *Group) rows() (rows []*model.Row) {
	for _, s := range g.Shares() {
		if r, err := model.NewRow(s.Model, s.Firmware, nil); err == nil {
			rows = append(rows, r)
		}
	}
	return rows
}

// Observed says which devices of the group do what a real phone was observed to do, a
// line for each file.
func (g *Group) Observed() (texts []string) {
	for _, o := range []*observation{g.observed, g.over} {
		if o != nil && o.file.Among(g.rows()) == nil {
			texts = append(texts, fmt.Sprintf("%s: %s of %s %s as a real phone was observed to have them (%s)", g.Name, measure.Counted(len(o.switches), "switch"), o.file.Model, o.file.Firmware, o.name))
		}
	}
	return texts
}

// turned returns the switches that are turned in a part of the group.
func (g *Group) turned(s Share) map[string]string {
	if g.observed == nil && g.over == nil {
		return g.Switches
	}
	row, err := model.NewRow(s.Model, s.Firmware, nil)
	if err != nil {
		return g.Switches
	}
	all := map[string]string{}
	if o := g.observed; o != nil && o.file.Of(row) {
		maps.Copy(all, o.switches)
	}
	maps.Copy(all, g.Switches)
	if o := g.over; o != nil && o.file.Of(row) {
		maps.Copy(all, o.switches)
	}
	return all
}

func observe(s *Scenario, f *observed.File, name string, but map[string]string) error {
	var rows []*model.Row
	for i := range s.Fleet {
		rows = append(rows, s.Fleet[i].rows()...)
	}
	if err := f.Among(rows); err != nil && !s.cured { // a cure may be other firmware
		return err
	}
	o := newObservation(f, name)
	for switchName := range but {
		delete(o.switches, switchName)
	}
	for i := range s.Fleet {
		s.Fleet[i].over = o
	}
	return nil
}

func newObservation(f *observed.File, name string) *observation {
	return &observation{name: name, file: f, switches: f.Switches()}
}

// readObserved reads the file that the switches of a group come from.
func readObserved(r *source, g *Group, name string, n *node, path string) {
	if n.kind != scalar {
		return // the reader has said so
	}
	body, err := r.folder.open(name)
	if err != nil {
		r.mistake(n, path, "%s", err)
		return
	}
	f, err := observed.Read([]byte(body.text), name)
	var wrong *observed.Mistakes
	switch {
	case errors.As(err, &wrong):
		for _, one := range wrong.First {
			r.mistake(n, path, "%s:%d:%d: %s", name, one.Line, one.Column, one)
		}
		if more := wrong.Count - len(wrong.First); more > 0 {
			r.mistake(n, path, "%s: %d mistakes in all; the others are not shown", name, wrong.Count)
		}
	default:
		g.observed = newObservation(f, name)
		g.observed.at = n
	}
}

// checkObserved refuses switches of another model or firmware than a group has.
func checkObserved(c *checker, g *Group) {
	o := g.observed
	if o == nil || len(g.rows()) == 0 {
		return
	}
	if err := o.file.Among(g.rows()); err != nil {
		c.mistake(o.at, "fleet."+g.Name+".switches.from", "%s: %s", o.name, err)
	}
}
