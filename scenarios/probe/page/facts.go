package page

import (
	"encoding/hex"
	"fmt"
	"html/template"
	"strconv"
	"strings"
	"time"

	"spafleet/device/measure"
	"spafleet/device/observed"
)

// An experiment is what was seen in one.
type experiment struct {
	Name, ID, Question string
	Settled            []string
	Lines              []line
	Facts              []fact
}

// A fact is a row of an experiment's table.
type fact struct {
	What, Value string
	Bytes       string // "": none
	Dump        string // of the bytes
}

// mostDumped is how many bytes a page shows of all facts.
const mostDumped = 128 << 10

// experiments sorts the facts by experiments, in the order of the file.
func experiments(f *observed.File, question func(string) string) []experiment {
	var list []experiment
	at, of, dumped := map[string]int{}, map[string][]observed.Fact{}, 0
	for i := range f.Facts {
		one := &f.Facts[i]
		if _, ok := at[one.Experiment]; !ok {
			at[one.Experiment] = len(list)
			list = append(list, experiment{Name: one.Experiment, ID: "experiment-" + strconv.Itoa(len(list)+1)})
		}
		x := &list[at[one.Experiment]]
		x.add(factOf(one, &dumped))
		of[one.Experiment] = append(of[one.Experiment], *one)
	}
	for i := range list {
		list[i].Lines = lines(of[list[i].Name])
		if question != nil {
			list[i].Question = question(list[i].Name)
		}
	}
	return list
}

// add adds a fact. What was seen again and again without anything else between is one row.
func (x *experiment) add(f fact) {
	if n := len(x.Facts); n > 0 && f.Bytes == "" && x.Facts[n-1].Bytes == "" && x.Facts[n-1].What == f.What {
		x.Facts[n-1].Value += ", " + f.Value
		return
	}
	x.Facts = append(x.Facts, f)
}

func factOf(one *observed.Fact, dumped *int) fact {
	shown := fact{What: one.What, Value: one.Text}
	if one.Nanoseconds != 0 {
		shown.Value = strings.TrimSpace(duration(time.Duration(one.Nanoseconds)) + " " + one.Text)
	}
	b, err := hex.DecodeString(one.Hex)
	if err != nil || len(b) == 0 {
		return shown
	}
	shown.Bytes = measure.Counted(len(b), "byte")
	if *dumped += len(b); *dumped <= mostDumped {
		shown.Dump = dump(b)
	}
	return shown
}

// dump shows bytes, sixteen a line, with the text that they are beside them.
func dump(b []byte) string {
	const wide = 16
	var text strings.Builder
	for at := 0; at < len(b); at += wide {
		part := b[at:min(at+wide, len(b))]
		fmt.Fprintf(&text, "%04x  %-*s  ", at, 3*wide-1, strings.TrimSpace(fmt.Sprintf("% x", part)))
		for _, c := range part {
			if c < ' ' || c > '~' {
				c = '.'
			}
			text.WriteByte(c)
		}
		text.WriteByte('\n')
	}
	return text.String()
}

// duration rounds to what a person compares.
func duration(d time.Duration) string {
	for _, unit := range []time.Duration{time.Second, time.Millisecond, time.Microsecond} {
		if d >= 10*unit || d <= -10*unit {
			return d.Round(unit / 100).String()
		}
	}
	return d.String()
}

// A line is the times of one kind of fact as a picture: each round of the experiment is a row
// with its points.
type line struct {
	What    string
	Picture template.HTML
}

// A round is the moments of one round. Waits begin with a moment at 0.
type round struct {
	what    string
	moments []time.Duration
	next    bool // nothing else has been seen since
}

// lines draws what came again and again. Times of one name that follow one another are waits,
// each from the one before it to its own moment; those that are called "at" or "… at" are
// moments already. Times of different names are not compared.
func lines(facts []observed.Fact) []line {
	var list []line
	drawn := map[string][]round{}
	var order []string
	for _, r := range rounds(facts) {
		if drawn[r.what] == nil {
			order = append(order, r.what)
		}
		drawn[r.what] = append(drawn[r.what], r)
	}
	for _, what := range order {
		if rows := drawn[what]; worth(rows) {
			list = append(list, line{what, draw(what, rows[:min(len(rows), mostRows)])})
		}
	}
	return list
}

// What a picture holds.
const (
	mostRows   = 12
	mostPoints = 200 // of a row
)

// worth reports whether there is anything to compare: two waits, or a second round.
func worth(rows []round) bool { return len(rows) > 1 || len(rows[0].moments) > 2 }

// rounds finds the facts of one name that follow one another.
func rounds(facts []observed.Fact) []round {
	var list []round
	for _, f := range facts {
		what := folded(f.What)
		d := time.Duration(f.Nanoseconds)
		if n := len(list); d > 0 && n > 0 && list[n-1].next && list[n-1].what == what {
			list[n-1].add(d)
			continue
		}
		if n := len(list); n > 0 {
			list[n-1].next = false
		}
		if d > 0 {
			r := round{what: what, next: true}
			if !isMoment(what) {
				r.moments = []time.Duration{0}
			}
			r.add(d)
			list = append(list, r)
		}
	}
	return list
}

// add adds a time. A moment that lies before the last one begins nothing new: it is left out.
func (r *round) add(d time.Duration) {
	last := time.Duration(0)
	if n := len(r.moments); n > 0 {
		last = r.moments[n-1]
	}
	if !isMoment(r.what) {
		d += last
	}
	if d >= last && len(r.moments) < mostPoints {
		r.moments = append(r.moments, d)
	}
}

func isMoment(what string) bool { return what == "at" || strings.HasSuffix(what, " at") }

// folded returns a name without its numbers: "from request 1 to request 2" and "from request
// 2 to request 3" are of one kind.
func folded(what string) string {
	return strings.Join(strings.FieldsFunc(what, func(r rune) bool { return r == ' ' || r >= '0' && r <= '9' }), " ")
}
