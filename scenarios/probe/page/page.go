// Package page is what a real phone was observed to do, as a web page that needs nothing
// else: what of it is not as our table says, what agrees, what is not settled and why, and
// the raw facts of each experiment. Begin with [Write].
package page

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"strings"
	"time"

	"spafleet/device/measure"
	"spafleet/device/model"
	"spafleet/device/observed"
	"spafleet/scenarios/report/webpage"
)

//go:embed page.html
var source string

//go:embed page.css
var style string

var page = template.Must(template.New("observed").Parse(source))

// view is what the template shows.
type view struct {
	Style                                        template.CSS
	Phone, When, Assumed, Class, Verdict, Result string
	Tiles                                        []tile
	Differs, Agrees, Open                        []row
	Unasked                                      []string
	Experiments                                  []experiment
}

type tile struct {
	Number      int
	Text, Class string
}

// A row is a switch.
type row struct {
	Switch, Meaning string
	Value           string // as observed; "": it is not settled
	Table           string // the value of our table; "" where it does not know the switch
	Evidence        string // of the table
	Experiment      string
	How             string // how often the phone was asked, and how that varied
	OneOf, Why      string
	Link            string // where the facts of the experiment are; "": there are none
}

// Write writes a file of observations as a web page. Question returns what an experiment
// asks the phone, in words, and "" for one that it does not know; it may be nil.
func Write(w io.Writer, f *observed.File, question func(experiment string) string) error {
	v := &view{Style: webpage.Style() + template.CSS(style), Phone: f.Model + ", firmware " + f.Firmware} //nolint:gosec // a file of the program
	v.When = "observed on " + f.Date.Format("2 January 2006") + " in " + measure.Format(f.Took.Round(time.Second))
	v.Experiments = experiments(f, question)
	t := tableOf(f)
	v.Assumed = t.assumed
	for i := range f.Findings {
		v.enter(t.row(&f.Findings[i]))
	}
	v.Unasked = t.unasked(f)
	v.link()
	v.judge()
	var b bytes.Buffer
	if err := page.Execute(&b, v); err != nil {
		return fmt.Errorf("page of %s: %w", f.Model, err)
	}
	_, err := b.WriteTo(w)
	return err
}

// enter puts a switch where it belongs.
func (v *view) enter(r row) {
	switch {
	case r.Value == "":
		v.Open = append(v.Open, r)
	case observed.Same(r.Value, r.Table):
		v.Agrees = append(v.Agrees, r)
	default:
		v.Differs = append(v.Differs, r)
	}
}

// link notes of which experiments there are facts, and says there what they settled.
func (v *view) link() {
	at := map[string]int{}
	for i, x := range v.Experiments {
		at[x.Name] = i
	}
	for _, list := range [][]row{v.Differs, v.Agrees, v.Open} {
		for i := range list {
			r := &list[i]
			place, ok := at[r.Experiment]
			if ok {
				r.Link = v.Experiments[place].ID
			}
			if ok && r.Value != "" {
				v.Experiments[place].Settled = append(v.Experiments[place].Settled, r.Switch+" = "+r.Value)
			}
		}
	}
}

// judge says what it comes to.
func (v *view) judge() {
	differ, agree, open := len(v.Differs), len(v.Agrees), len(v.Open)
	v.Class, v.Verdict = "ok", "as our table says"
	switch {
	case differ > 0:
		v.Class, v.Verdict = "differs", "not as our table says"
	case agree == 0:
		v.Class, v.Verdict = "nothing", "nothing settled"
	}
	v.Result = measure.Counted(differ+agree, "switch") + " settled: " + fmt.Sprintf("%d not as in our table, %d as there.", differ, agree)
	v.Tiles = []tile{{differ, "not as in our table", "differs"}, {agree, "as in our table", "ok"}, {open, "not settled", ""}, {len(v.Unasked), "not asked", ""}}
	if differ == 0 {
		v.Tiles[0].Class = ""
	}
}

// A table is our row for the phone.
type table struct {
	settings map[string]model.Setting
	order    []string
	assumed  string
}

// tableOf finds the row of a file; an empty one where the model is not known.
func tableOf(f *observed.File) table {
	t := table{settings: map[string]model.Setting{}}
	r, err := model.NewRow(f.Model, f.Firmware, nil)
	if err != nil {
		return t
	}
	t.assumed = r.Assumption()
	for _, s := range r.Switches {
		t.settings[s.Name] = s
		t.order = append(t.order, s.Name)
	}
	return t
}

func (t table) row(f *observed.Finding) row {
	r := row{Switch: f.Switch, Value: f.Value, Experiment: f.Experiment, Why: f.Why, OneOf: strings.Join(f.OneOf, ", ")}
	if s, ok := t.settings[f.Switch]; ok {
		r.Table, r.Evidence, r.Meaning = s.Value, s.Evidence.String(), s.Meaning
	}
	switch {
	case f.Asked == 0:
		r.How = "not asked"
	case f.Value == "":
		r.How = "asked " + times(f.Asked)
	case f.Asked == 1:
		r.How = "asked once"
	case f.Agreed == f.Asked:
		r.How = "asked " + times(f.Asked) + ", always so"
	default:
		r.How = fmt.Sprintf("asked %s, %d so", times(f.Asked), f.Agreed)
	}
	return r
}

func times(n int) string {
	switch n {
	case 1:
		return "once"
	case 2:
		return "twice"
	}
	return fmt.Sprintf("%d times", n)
}

// unasked returns the switches that the file does not speak of.
func (t table) unasked(f *observed.File) []string {
	told := map[string]bool{}
	for i := range f.Findings {
		told[f.Findings[i].Switch] = true
	}
	var names []string
	for _, name := range t.order {
		if !told[name] && name != "evidence" { // which no phone has
			names = append(names, name)
		}
	}
	return names
}
