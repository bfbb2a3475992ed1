// Package answer writes what the doctor found: as text, JSON, JUnit XML and a web page,
// and two reports side by side. Devices that fare alike stand together, and each problem
// is told once. A check that was not made is never shown as one that holds.
package answer

import (
	"cmp"
	"fmt"
	"iter"
	"slices"
	"strings"

	"spafleet/scenarios/doctor/finding"
)

// A fare is how a device fared in a check, or in the checks of an area.
type fare uint8

const (
	unasked fare = iota
	fine
	note
	warns
	breaks
)

// fares are how each is shown.
var fares = [...]struct{ symbol, word string }{{"–", "unasked"}, {"✓", "ok"}, {"·", "note"}, {"!", "warns"}, {"✗", "breaks"}}

// Symbol returns one letter.
func (f fare) Symbol() string { return fares[f].symbol }

// String returns a word.
func (f fare) String() string { return fares[f].word }

func fareOf(f *finding.Finding) fare {
	switch {
	case f.OK:
		return fine
	case f.Severity >= finding.Breaks:
		return breaks
	case f.Severity == finding.Warns:
		return warns
	}
	return note
}

// A sheet is a report in order for people.
type sheet struct {
	*finding.Report
	crew     []finding.Device // all devices; others name them by their place here
	places   map[string]int   // of devices in crew, by name
	fared    []map[string]fare
	worst    []fare                      // of each device
	found    map[spot][]*finding.Finding // that are not OK, the worst first
	why      map[spot]string             // why a check was not made
	areas    []area
	rows     []row
	problems []problem
	gaps     []gap
}

// A spot is a check with one device.
type spot struct {
	place int
	check string
}

// An area is a column of the table.
type area struct {
	name   string
	checks []finding.Check
}

// A row is the devices that fare alike.
type row struct {
	devices crowd
	cells   []cell // one for each area
	worst   fare
}

// A cell is how the devices of a row fared in an area: the worst of its checks.
type cell struct {
	area       string
	fare       fare
	held, made int // checks
	all        int
	troubles   []string // IDs of the checks that do not hold, the worst first
}

// word never says that all is well where a check was not made.
func (c cell) word() string {
	if c.fare == fine && c.made < c.all {
		return fmt.Sprintf("%d of %d", c.held, c.all)
	}
	return c.fare.String()
}

// A crowd is devices, each once, by their places.
type crowd struct {
	list []int
	has  map[int]bool
}

func (c *crowd) add(place int) {
	if c.has == nil {
		c.has = map[int]bool{}
	}
	if !c.has[place] {
		c.has[place] = true
		c.list = append(c.list, place)
	}
}

// A problem is a check that does not hold, with all devices that it strikes.
type problem struct {
	check   finding.Check
	fare    fare
	devices crowd
	ways    []way
	at      map[wayKey]int // where in ways
}

// A wayKey is what tells ways apart.
type wayKey struct{ detail, basis, hint string }

// A way is one of those in which a check does not hold.
type way struct {
	wayKey
	evidence []string // different ones, the first mostEvidence
	devices  crowd
}

const mostEvidence = 3

// A gap is checks that were not made, for one reason and with the same devices; no
// device: with none at all.
type gap struct {
	checks  []string
	devices crowd
	why     string
}

// names names the checks; all of an area by its name.
func (g *gap) names() string {
	var names, areas []string
	for _, a := range finding.Areas() {
		var here, all []string
		for _, c := range finding.Checks {
			if c.Area == a {
				all = append(all, c.ID)
			}
		}
		for _, id := range g.checks {
			if slices.Contains(all, id) {
				here = append(here, id)
			}
		}
		if len(here) == len(all) && len(all) > 1 {
			areas = append(areas, a)
			continue
		}
		names = append(names, here...)
	}
	for _, id := range g.checks {
		if _, known := finding.Find(id); !known {
			names = append(names, shown(id))
		}
	}
	if len(areas) > 0 {
		names = append(names, "all of "+listed(areas))
	}
	return strings.Join(names, ", ")
}

// newSheet sorts a report.
func newSheet(r *finding.Report) *sheet {
	s := &sheet{Report: r, places: map[string]int{}, found: map[spot][]*finding.Finding{}, why: map[spot]string{}}
	for _, d := range r.Devices {
		s.enter(d)
	}
	s.fare()
	s.columns()
	s.fold()
	s.trouble()
	s.missing()
	return s
}

// enter returns the place of a device, and gives it one.
func (s *sheet) enter(d finding.Device) int {
	place, ok := s.places[d.Name()]
	if !ok {
		place, s.places[d.Name()] = len(s.crew), len(s.crew)
		s.crew = append(s.crew, d)
		s.fared = append(s.fared, map[string]fare{})
		s.worst = append(s.worst, unasked)
	}
	return place
}

// fare notes how each device fared in each check.
func (s *sheet) fare() {
	for i := range s.Findings {
		f := &s.Findings[i]
		place := s.enter(finding.Device{Model: f.Model, Firmware: f.Firmware})
		s.fared[place][f.Check] = max(s.fared[place][f.Check], fareOf(f))
		s.worst[place] = max(s.worst[place], fareOf(f))
		if at := (spot{place, f.Check}); !f.OK {
			s.found[at] = append(s.found[at], f)
		}
	}
	for _, list := range s.found {
		slices.SortStableFunc(list, func(a, b *finding.Finding) int { return cmp.Compare(b.Severity, a.Severity) })
	}
}

// columns finds the areas of which any check was made.
func (s *sheet) columns() {
	for _, name := range finding.Areas() {
		a := area{name: name}
		made := false
		for _, c := range finding.Checks {
			if c.Area == name {
				a.checks = append(a.checks, c)
				made = made || slices.ContainsFunc(s.fared, func(m map[string]fare) bool { return m[c.ID] != unasked })
			}
		}
		if made {
			s.areas = append(s.areas, a)
		}
	}
}

// fold puts devices that fare alike in every check into one row, those that fare worst
// first.
func (s *sheet) fold() {
	at := map[string]int{}
	for place := range s.crew {
		r := row{worst: s.worst[place]}
		key := ""
		for _, a := range s.areas {
			c := cell{area: a.name, all: len(a.checks)}
			for _, check := range a.checks {
				c.add(check.ID, s.fared[place][check.ID])
				key += string('0' + rune(s.fared[place][check.ID]))
			}
			r.cells = append(r.cells, c)
		}
		if _, ok := at[key]; !ok {
			at[key] = len(s.rows)
			s.rows = append(s.rows, r)
		}
		s.rows[at[key]].devices.add(place)
	}
	slices.SortStableFunc(s.rows, func(a, b row) int { return cmp.Compare(b.worst, a.worst) })
}

// add counts a check.
func (c *cell) add(id string, f fare) {
	if f == unasked {
		return
	}
	c.made++
	switch {
	case f == fine:
		c.held++
	case f > c.fare:
		c.troubles = slices.Insert(c.troubles, 0, id)
	default:
		c.troubles = append(c.troubles, id)
	}
	c.fare = max(c.fare, f)
}

// trouble gathers the findings that are not OK, the worst first.
func (s *sheet) trouble() {
	type key struct {
		check string
		fare  fare
	}
	at := map[key]int{}
	for i := range s.Findings {
		f := &s.Findings[i]
		if f.OK {
			continue
		}
		k := key{f.Check, fareOf(f)}
		if _, ok := at[k]; !ok {
			at[k] = len(s.problems)
			check, known := finding.Find(f.Check)
			if !known {
				check = finding.Check{ID: f.Check, Title: "a check that this spafleet does not know"}
			}
			s.problems = append(s.problems, problem{check: check, fare: k.fare, at: map[wayKey]int{}})
		}
		s.problems[at[k]].add(f, s.places[finding.Device{Model: f.Model, Firmware: f.Firmware}.Name()])
	}
	slices.SortStableFunc(s.problems, func(a, b problem) int {
		return cmp.Or(cmp.Compare(b.fare, a.fare), cmp.Compare(finding.Place(a.check.ID), finding.Place(b.check.ID)))
	})
	for i := range s.problems {
		slices.SortStableFunc(s.problems[i].ways, func(a, b way) int { return cmp.Compare(len(b.devices.list), len(a.devices.list)) })
	}
}

func (p *problem) add(f *finding.Finding, place int) {
	p.devices.add(place)
	key := wayKey{f.Detail, f.Basis, f.Hint}
	if _, ok := p.at[key]; !ok {
		p.at[key] = len(p.ways)
		p.ways = append(p.ways, way{wayKey: key})
	}
	w := &p.ways[p.at[key]]
	w.devices.add(place)
	if f.Evidence != "" && len(w.evidence) < mostEvidence && !slices.Contains(w.evidence, f.Evidence) {
		w.evidence = append(w.evidence, f.Evidence)
	}
}

// missing gathers the checks that were not made: those with the same devices for the
// same reason are one gap.
func (s *sheet) missing() {
	type key struct{ check, why string }
	struck := map[key]*crowd{}
	var order []key
	for _, u := range s.Unasked {
		k := key{u.Check, u.Why}
		if struck[k] == nil {
			struck[k] = &crowd{}
			order = append(order, k)
		}
		for place := range s.of(u) {
			s.why[spot{place, u.Check}] = u.Why
			if u.Model != "" {
				struck[k].add(place)
			}
		}
	}
	slices.SortStableFunc(order, func(a, b key) int { return cmp.Compare(finding.Place(a.check), finding.Place(b.check)) })
	at := map[string]int{}
	for _, k := range order {
		slices.Sort(struck[k].list)
		same := fmt.Sprint(struck[k].list, k.why)
		if _, ok := at[same]; !ok {
			at[same] = len(s.gaps)
			s.gaps = append(s.gaps, gap{devices: *struck[k], why: k.why})
		}
		g := &s.gaps[at[same]]
		g.checks = append(g.checks, k.check)
	}
}

// of returns the places of the devices that lack a check.
func (s *sheet) of(u finding.Unasked) iter.Seq[int] {
	return func(yield func(int) bool) {
		if place, ok := s.places[finding.Device{Model: u.Model, Firmware: u.Firmware}.Name()]; ok {
			yield(place)
			return
		}
		for place, d := range s.crew {
			if (u.Model == "" || d.Model == u.Model && u.Firmware == "") && !yield(place) {
				return
			}
		}
	}
}

// count returns how many devices fare so at worst, and how many of a list they stand for.
func (s *sheet) count(f fare) (n, stand int) {
	for place, d := range s.crew {
		if s.worst[place] == f {
			n++
			stand += d.Stands
		}
	}
	return n, stand
}

// names names devices; all of many by their number.
func (s *sheet) names(c crowd, most int) string {
	if len(c.list) == len(s.crew) && len(c.list) > 3 {
		return fmt.Sprintf("all %d devices", len(c.list))
	}
	return s.named(c, most)
}

// named names devices: each model once, with its versions. More than most models are
// counted.
func (s *sheet) named(c crowd, most int) string {
	models := s.byModel(c)
	text := strings.Join(models[:min(len(models), most)], ", ")
	if more := len(models) - most; more > 0 {
		text += fmt.Sprintf(" and %d more models", more)
	}
	return text
}

// byModel names each model with its versions.
func (s *sheet) byModel(c crowd) []string {
	var models []string
	of := map[string][]string{}
	for _, place := range c.list {
		d := s.crew[place]
		if of[d.Model] == nil {
			models = append(models, d.Model)
		}
		text := shown(d.Firmware)
		if d.Stands > 0 {
			text += fmt.Sprintf(" × %d", d.Stands)
		}
		of[d.Model] = append(of[d.Model], text)
	}
	for i, m := range models {
		models[i] = shown(m) + " " + listed(of[m])
	}
	return models
}

// listed joins words: a, b and c.
func listed(words []string) string {
	if n := len(words); n > 1 {
		return strings.Join(words[:n-1], ", ") + " and " + words[n-1]
	}
	return strings.Join(words, "")
}
