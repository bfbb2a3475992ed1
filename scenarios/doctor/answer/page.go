package answer

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"io"

	"spafleet/scenarios/doctor/finding"
	"spafleet/scenarios/report/webpage"
)

//go:embed page.html
var pageSource string

//go:embed page.css
var pageStyle string

var page = template.Must(template.New("doctor").Parse(pageSource))

// What the page shows of long lists.
const (
	mostPageRows  = 100
	mostPageNames = 40
)

// view is what the template shows.
type view struct {
	Server, Circumstances, Verdict, Class, Sign, Sentence, Unfinished string

	Style    template.CSS
	Format   int
	Tiles    []tile
	Areas    []string
	Rows     []rowView
	MoreRows int
	Problems []problemView
	Gaps     []gapView
	MoreGaps int
	Checks   []checkView
}

type tile struct {
	Number      int
	Text, Class string
}

type rowView struct {
	Models []string
	More   int
	Cells  []cellView
}

type cellView struct {
	Area, Class, Symbol, Word string
	Troubles                  []string
}

type problemView struct {
	ID, Title, About, Class, Symbol, Strikes string

	Ways     []wayView
	MoreWays int
	Cures    []finding.Cure
}

type wayView struct {
	Who, Detail, Basis, Hint string
	Evidence                 []string
}

type gapView struct{ Why, Checks, Who string }

type checkView struct {
	ID, Title      string
	Asked, OK, Bad int
}

// verdicts are the words of the page for each.
var verdicts = map[string]string{Breaks: "breaks devices", Incomplete: "incomplete", Warns: "with trouble", OK: "nothing found"}

// WritePage writes a report as one web page that needs nothing else.
func WritePage(w io.Writer, r *finding.Report) error {
	s := newSheet(r)
	verdict := Verdict(r)
	v := &view{
		Server: r.Server, Circumstances: s.circumstances(), Verdict: verdicts[verdict], Class: verdict, Sign: sign(verdict), Sentence: s.sentence(), Unfinished: s.unfinished(),
		Style: webpage.Style() + template.CSS(pageStyle), Format: finding.Format, //nolint:gosec // a file of the program
		Tiles: s.tiles(), Problems: s.problemViews(), Gaps: s.gapViews(), Checks: s.checkViews(),
		MoreRows: max(len(s.rows)-mostPageRows, 0), MoreGaps: max(len(s.gaps)-mostPageRows, 0),
	}
	for _, a := range s.areas {
		v.Areas = append(v.Areas, a.name)
	}
	for _, r := range s.rows[:min(len(s.rows), mostPageRows)] {
		v.Rows = append(v.Rows, s.rowView(r))
	}
	var b bytes.Buffer
	if err := page.Execute(&b, v); err != nil {
		return fmt.Errorf("page of %s: %w", r.Server, err)
	}
	_, err := b.WriteTo(w)
	return err
}

// tiles count the devices by how they fare.
func (s *sheet) tiles() []tile {
	var list []tile
	for _, t := range []struct {
		fare  fare
		text  string
		class string
	}{{breaks, "would not be provisioned", "breaks"}, {warns, "would be, with trouble", "warns"}, {fine, "have no fault found", "ok"}, {unasked, "were not asked", ""}} {
		n, _ := s.count(t.fare)
		if t.fare == fine {
			noted, _ := s.count(note)
			n += noted
		}
		switch {
		case n > 0:
			list = append(list, tile{n, t.text, t.class})
		case t.fare != unasked:
			list = append(list, tile{n, t.text, ""})
		}
	}
	return list
}

func (s *sheet) rowView(r row) rowView {
	v := rowView{}
	models := s.byModel(r.devices)
	for i, m := range models {
		if i == mostPageNames {
			v.More = len(models) - i
			break
		}
		v.Models = append(v.Models, m)
	}
	for _, c := range r.cells {
		v.Cells = append(v.Cells, cellView{c.area, c.fare.String(), c.fare.Symbol(), c.word(), c.troubles})
	}
	return v
}

func (s *sheet) problemViews() []problemView {
	var list []problemView
	for i := range s.problems {
		p := &s.problems[i]
		v := problemView{ID: p.check.ID, Title: p.check.Title, About: p.check.About, Class: p.fare.String(), Symbol: p.fare.Symbol(), Strikes: s.strikes(p), Cures: p.check.Cures, MoreWays: max(len(p.ways)-2*mostWays, 0)}
		for _, w := range p.ways[:min(len(p.ways), 2*mostWays)] {
			v.Ways = append(v.Ways, wayView{s.names(w.devices, mostPageNames), w.detail, w.basis, w.hint, w.evidence})
		}
		list = append(list, v)
	}
	return list
}

func (s *sheet) gapViews() []gapView {
	var list []gapView
	for _, g := range s.gaps[:min(len(s.gaps), mostPageRows)] {
		v := gapView{g.why, g.names(), "all"}
		if len(g.devices.list) > 0 {
			v.Who = s.names(g.devices, mostPageNames)
		}
		list = append(list, v)
	}
	return list
}

// checkViews counts how devices fared in each check that was made.
func (s *sheet) checkViews() []checkView {
	var list []checkView
	for _, c := range finding.Checks {
		v := checkView{ID: c.ID, Title: c.Title}
		for place := range s.crew {
			switch s.fared[place][c.ID] {
			case unasked:
			case fine:
				v.OK++
			case note, warns, breaks:
				v.Bad++
			}
		}
		if v.Asked = v.OK + v.Bad; v.Asked > 0 {
			list = append(list, v)
		}
	}
	return list
}
