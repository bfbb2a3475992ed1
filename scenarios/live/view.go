package live

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"spafleet/device/measure"
	"spafleet/fsm"
	"spafleet/host/lines"
	"spafleet/scenarios/report"
	"spafleet/scenarios/run"
	"spafleet/scenarios/tally"
)

// View returns the lines that fill a window of so many columns and lines: none is wider, and
// there are not more. What matters least gives way where it is small.
func (s *Snapshot) View(columns, rows int, colour bool) []string {
	d := &drawing{Snapshot: s, columns: max(columns, 1), label: labelColumns}
	if columns < roomyColumns {
		d.label = narrowLabel
	}
	list := fit(d.sections(), rows)
	for i := range list {
		list[i] = lines.Cut(strings.Map(printable, list[i]), columns)
		if colour && i == 0 {
			list[i] = "\x1b[1m" + list[i] + "\x1b[0m" // apart from what was printed before
		} else if colour {
			list[i] = paint(list[i])
		}
	}
	return list
}

// printable puts a blank in the place of what would move the cursor, as a name may.
func printable(r rune) rune {
	if unicode.IsControl(r) {
		return ' '
	}
	return r
}

const (
	labelColumns = 10
	narrowLabel  = 9
	roomyColumns = 60 // from where on an expectation has room in one line
)

// A drawing is a view on its way.
type drawing struct {
	*Snapshot
	columns int
	label   int
}

// A form is one way to show a section. Those of greater rank give way first.
type form struct {
	rank  int
	lines []string
}

// A section is shown in one of its forms, the largest first. Without a form left, it is
// not shown.
type section struct {
	forms []form
	apart bool // a blank line stands before it where there is room
}

// fit chooses forms so that all lines fit, with blank lines where those fit too.
func fit(sections []section, rows int) []string {
	for lineCount(sections) > rows {
		least := -1
		for i := range sections {
			if f := sections[i].forms; len(f) > 0 && (least < 0 || f[0].rank > sections[least].forms[0].rank) {
				least = i
			}
		}
		sections[least].forms = sections[least].forms[1:]
	}
	blanks := rows - lineCount(sections)
	var list []string
	for i := range sections {
		s := &sections[i]
		if len(s.forms) == 0 || len(s.forms[0].lines) == 0 {
			continue
		}
		if s.apart && len(list) > 0 && blanks > 0 {
			list = append(list, "")
			blanks--
		}
		list = append(list, s.forms[0].lines...)
	}
	return list
}

func lineCount(sections []section) (n int) {
	for i := range sections {
		if f := sections[i].forms; len(f) > 0 {
			n += len(f[0].lines)
		}
	}
	return n
}

// sections are those of a view, from top to bottom.
func (d *drawing) sections() []section {
	head := append([]string{d.Name + " " + minutes(d.Wall), measure.Counted(d.Summary.Devices, "device")}, d.when()...)
	top := flow(head, d.columns, "  ")
	return []section{
		{forms: []form{{25, top}, {0, top[:1]}}},
		{forms: d.resyncs()},
		{forms: d.cells(50, "latency", d.latency())},
		{forms: d.cells(30, "machine", d.machine())},
		{forms: d.one(70, "steps", lastOf(d.Steps, mostSteps))},
		{forms: d.one(40, "next", d.next())},
		{forms: d.expectations(), apart: true},
		{forms: d.states(), apart: true},
		{forms: d.failures(), apart: true},
		{forms: d.ending(), apart: true},
	}
}

// labelled puts a label before lines.
func (d *drawing) labelled(label string, lines []string) []string {
	list := make([]string, len(lines))
	for i, line := range lines {
		list[i] = fmt.Sprintf("%-*s%s", d.label, label, line)
		label = ""
	}
	return list
}

// one is a section of parts in as many lines as they need, or in one.
func (d *drawing) one(rank int, label string, parts []string) []form {
	if len(parts) == 0 {
		return nil
	}
	lines := d.labelled(label, flow(parts, d.columns-d.label, ""))
	return []form{{rank + 25, lines}, {rank, lines[:1]}}
}

// resyncs is what the devices have done, and how fast, with a sparkline where there is room.
func (d *drawing) resyncs() []form {
	r := d.Summary.Resyncs
	parts := []string{fmt.Sprintf("%d ok", r.OK), fmt.Sprintf("%d failed", r.Failed), fmt.Sprintf("%d running", d.Running), perSecond(d.Rate)}
	forms := d.cells(1, "resyncs", parts)
	for i := range forms {
		lines := slices.Clone(forms[i].lines)
		last := &lines[len(lines)-1]
		if room := d.columns - utf8.RuneCountInString(*last) - 3; room >= leastSpark {
			*last += "   " + spark(d.Rates, min(room, mostSpark))
		}
		*last = strings.TrimRight(*last, " ")
		forms[i].lines = lines
	}
	return forms
}

// cells is a section of parts under each other's, or one of parts where they have no room.
func (d *drawing) cells(rank int, label string, parts []string) []form {
	line := ""
	for i, part := range parts {
		last := i == len(parts)-1
		if !last && utf8.RuneCountInString(part) >= cellColumns || d.columns < roomyColumns {
			return d.one(rank, label, parts)
		}
		if !last {
			part = fmt.Sprintf("%-*s", cellColumns, part)
		}
		line += part
	}
	line = strings.TrimRight(line, " ")
	if line == "" || d.label+utf8.RuneCountInString(line) > d.columns {
		return d.one(rank, label, parts)
	}
	return []form{{rank, d.labelled(label, []string{line})}}
}

// cellColumns is the width of one of several values in a line.
const cellColumns = 16

const (
	leastSpark = 8
	mostSpark  = 30
)

// levels are the letters of a sparkline.
var levels = []rune("▁▂▃▄▅▆▇█")

// spark draws the last of some rates in at most so many columns, the greatest one in full
// height.
func spark(rates []float64, columns int) string {
	rates = rates[max(len(rates)-columns, 0):]
	if len(rates) == 0 {
		return ""
	}
	most := slices.Max(rates)
	text := make([]rune, len(rates))
	for i, r := range rates {
		text[i] = ' '
		if r > 0 {
			text[i] = levels[min(int(r/most*float64(len(levels))), len(levels)-1)]
		}
	}
	return string(text)
}

// latency is how long resyncs take.
func (d *drawing) latency() []string {
	list := d.Summary.Metrics["resync_duration"]
	if len(list) == 0 || list[0].Count == 0 {
		return nil
	}
	m := &list[0]
	return []string{"median " + report.Seconds(m.Med), "p95 " + report.Seconds(m.P95), "p99 " + report.Seconds(m.P99), "max " + report.Seconds(m.Max)}
}

// machine is how busy this machine is, and whether that spoils the run.
func (d *drawing) machine() []string {
	if d.Jumps {
		return nil
	}
	parts := strings.Split(d.Load.Line(), ", ")
	parts[0] = "late p99 " + report.Seconds(d.Load.LateP99)
	if d.Late > 0 && d.Load.LateP99 > d.Late.Seconds() {
		parts = slices.Insert(parts, 1, "above "+report.Seconds(d.Late.Seconds())+": invalid")
	}
	return parts
}

// next is what will happen next, and when.
func (d *drawing) next() []string {
	if d.Next.Step == "" || d.Next.At <= d.Passed {
		return nil
	}
	of := ""
	if d.Jumps || d.Speed > evidentSpeed {
		of = " of fleet time"
	}
	return []string{"in " + span(d.Next.At-d.Passed) + of + ": " + d.Next.Step}
}

// evidentSpeed is one that no clock has that keeps the wall's time.
const evidentSpeed = 1.5

// mostSteps is how many steps are named that have happened.
const mostSteps = 3

// lastOf returns the last of some names.
func lastOf(names []string, most int) []string {
	if len(names) <= most {
		return names
	}
	return append([]string{fmt.Sprintf("%d before", len(names)-most)}, names[len(names)-most:]...)
}

// ending tells a person who has asked for the end what comes.
func (d *drawing) ending() []form {
	if !d.Ending {
		return nil
	}
	const text = "ending; the report follows (Ctrl-C again: end at once, without it)"
	if len(text) > d.columns {
		return []form{{0, []string{"ending; Ctrl-C again: end at once"}}}
	}
	return []form{{0, []string{text}}}
}

// expectations is how far they are: those that failed first, then those that are open.
func (d *drawing) expectations() []form {
	list := slices.Clone(d.Expected)
	slices.SortStableFunc(list, func(a, b run.Expected) int { return order(&a) - order(&b) })
	if len(list) == 0 {
		return nil
	}
	var forms []form
	for _, f := range []struct{ rank, most int }{{45, 8}, {28, 4}, {20, 2}, {2, 1}} {
		if f.most > len(list) && len(forms) > 0 {
			forms = nil
		}
		forms = append(forms, form{f.rank, d.expected(list, f.most)})
	}
	return forms
}

// expected are the lines of at most so many expectations.
func (d *drawing) expected(list []run.Expected, most int) []string {
	more := len(list) - most
	list = list[:min(len(list), most)]
	counts := 0
	for i := range list {
		whole := list[i]
		whole.Held = whole.Devices // as wide as it may become
		counts = max(counts, utf8.RuneCountInString(howFar(&list[i])), utf8.RuneCountInString(howFar(&whole)))
	}
	var lines []string
	for i := range list {
		lines = append(lines, d.expectation(&list[i], counts)...)
	}
	if more > 0 && most > 1 {
		lines = append(lines, fmt.Sprintf("… %d more", more))
	}
	if d.columns < roomyColumns {
		return lines
	}
	return d.labelled("expected", lines)
}

// expectation is a line of one, or two where the window is narrow.
func (d *drawing) expectation(e *run.Expected, counts int) []string {
	width := min(max((d.columns-d.label)/5, 6), 24)
	how := fmt.Sprintf("%s %*s", bar(e.Held, e.Devices, width), counts, howFar(e))
	left := ""
	if e.By > d.Passed && !e.Decided {
		left = ", " + span(e.By-d.Passed) + " left"
	}
	if d.columns < roomyColumns {
		return []string{marks[order(e)] + " " + e.Name, "  " + how + left}
	}
	name := lines.Cut(e.Name, d.columns-d.label-2-utf8.RuneCountInString(how)-2-len(left))
	return []string{marks[order(e)] + " " + how + "  " + name + left}
}

// stateColumns is the width of a state's name and count.
const stateColumns = 18

// states is in which state how many devices are: by model where there is room.
func (d *drawing) states() []form {
	var flat, tall []string
	width := min(max(d.columns-d.label-stateColumns, 4), 40)
	for _, st := range fsm.States() {
		n := d.Summary.States[st.String()]
		tall = append(tall, fmt.Sprintf("%-9s %7d %s", st, n, bar(n, d.Summary.Devices, width)))
		if n > 0 {
			flat = append(flat, fmt.Sprintf("%s %d", st, n))
		}
	}
	forms := append([]form{{35, d.labelled("states", tall)}}, d.one(3, "states", flat)...)
	if len(d.Summary.ByModel()) > 1 && d.columns >= tableColumns {
		forms = append([]form{{60, d.table()}}, forms...)
	}
	return forms
}

// tableColumns is the width of the table of states without bars.
const tableColumns = 72

// table is the table of states by model, with bars as far as there is room.
func (d *drawing) table() []string {
	var b strings.Builder
	bars := min(d.columns-tableColumns-2, 24)
	if bars < 4 {
		bars = 0
	}
	d.Summary.WriteStates(&b, bars)
	return strings.Split(strings.TrimSuffix(b.String(), "\n"), "\n")
}

// failures is what went wrong, by cause, the most frequent first.
func (d *drawing) failures() []form {
	list := d.Summary.Findings.Errors
	if len(list) == 0 {
		return nil
	}
	var forms []form
	for _, f := range []struct{ rank, most int }{{55, 5}, {38, 3}, {5, 1}} {
		if f.most > len(list) && len(forms) > 0 {
			forms = nil
		}
		forms = append(forms, form{f.rank, d.causes(list, f.most)})
	}
	return forms
}

// causes are the lines of at most so many causes.
func (d *drawing) causes(list []tally.Failure, most int) []string {
	more := len(list) - most
	if more > 0 && d.Summary.Findings.ErrorsMore > 0 {
		more++
	}
	list = list[:min(len(list), most)]
	counts := len(fmt.Sprint(list[0].Count)) // the greatest
	var text []string
	for i := range list {
		line := fmt.Sprintf("%*d × %s", counts, list[i].Count, report.Describe(&list[i]))
		if d.columns < roomyColumns {
			whole := lines.Wrap(line, d.columns-counts-3)
			text = append(text, strings.Repeat(" ", counts-len(fmt.Sprint(list[i].Count)))+whole[0])
			if len(whole) > 1 {
				text = append(text, strings.Repeat(" ", counts+3)+whole[1])
			}
			continue
		}
		text = append(text, line)
	}
	if more > 0 && most > 1 {
		text = append(text, "… "+measure.Counted(more, "other cause"))
	}
	if d.columns < roomyColumns {
		return text
	}
	return d.labelled("failures", text)
}

// bar draws a share of a whole in so many columns, to an eighth of one.
func bar(n, of, columns int) string {
	if of <= 0 {
		return strings.Repeat("░", columns)
	}
	eighths := min(max(n, 0), of) * columns * 8 / of
	text := strings.Repeat("█", eighths/8)
	if part := eighths % 8; part > 0 {
		text += string(parts[part])
	}
	return text + strings.Repeat("░", columns-utf8.RuneCountInString(text))
}

// parts are blocks of so many eighths of a column.
var parts = []rune(" ▏▎▍▌▋▊▉")

// span is how long something takes yet: 0:18, or in days.
func span(d time.Duration) string {
	if d >= 2*day {
		return fmt.Sprintf("%d d", d/day)
	}
	return minutes(d)
}
