package webpage

import (
	"fmt"
	"html/template"
	"math"
	"strings"
	"time"

	"spafleet/fsm"
	"spafleet/scenarios/report"
	"spafleet/scenarios/tally"
)

// Measures of a chart, in the units of its picture.
const (
	width  = 900.0
	left   = 64.0 // of the plot, for the labels of the axis
	right  = 8.0
	bottom = 24.0
	top    = 20.0 // for the names of steps
)

// A frame is what all charts of a page have in common: their steps.
type frame struct {
	h       *report.History
	n       int
	width   float64
	start   float64 // of the first step, seconds since the fleet's start
	moments []moment
}

// A moment is a named step of the timeline.
type moment struct {
	name string
	at   float64
}

func newFrame(h *report.History, fleetStart time.Time, timeline []report.StepReport, width float64) *frame {
	f := &frame{h: h, n: len(h.Started), width: width}
	f.start = h.Start.Sub(fleetStart).Seconds()
	for _, s := range timeline {
		if s.Fired && s.Name != "" {
			f.moments = append(f.moments, moment{s.Name, s.At})
		}
	}
	return f
}

// Charts are the pictures of a history, each empty where there is nothing to draw. Their
// classes are those of [Style].
type Charts struct {
	Resyncs, Retries, States template.HTML
	Figures                  [][]string // of the pictures, a row for each step
}

// Draw draws a history. Its times are counted from the fleet's start; the steps of a
// timeline that have happened stand in it. The width is that at which its letters have
// 11 pixels.
func Draw(h *report.History, fleetStart time.Time, timeline []report.StepReport, width float64) Charts {
	return newFrame(h, fleetStart, timeline, width).charts()
}

func (f *frame) charts() Charts {
	return Charts{Resyncs: f.resyncs(), Retries: f.retries(), States: f.states(), Figures: f.figures()}
}

// A plot is one chart that is being drawn.
type plot struct {
	*frame
	strings.Builder
	height float64
	most   float64 // value at the top
}

func (f *frame) plot(label string, height, most float64) *plot {
	p := &plot{frame: f, height: height, most: max(most, 1)}
	fmt.Fprintf(p, `<svg viewBox="0 0 %g %g" role="img" aria-label="%s">`, f.width, height, template.HTMLEscapeString(label))
	return p
}

func (p *plot) x(step float64) float64 { return left + step*(p.width-left-right)/float64(p.n) }
func (p *plot) y(value float64) float64 {
	return p.height - bottom - value*(p.height-bottom-top)/p.most
}

// at returns the place of a time in seconds since the fleet's start.
func (p *plot) at(seconds float64) float64 { return p.x((seconds - p.start) / p.h.Step) }

// bars draws one bar for each step, from low to high.
func (p *plot) bars(class string, low, high func(step int) float64) {
	fmt.Fprintf(p, `<path class="%s" d="`, class)
	for i := range p.n {
		from, to := low(i), high(i)
		if to <= from {
			continue
		}
		fmt.Fprintf(p, "M%.1f %.1fH%.1fV%.1fH%.1fz", p.x(float64(i)), p.y(from), p.x(float64(i+1)), p.y(to), p.x(float64(i)))
	}
	p.WriteString(`"/>`)
}

// line draws the outline of one figure for each step.
func (p *plot) line(class string, values []int64) {
	fmt.Fprintf(p, `<path class="line %s" d="`, class)
	for i, v := range values {
		if i == 0 {
			fmt.Fprintf(p, "M%.1f %.1f", p.x(0), p.y(float64(v)))
		} else {
			fmt.Fprintf(p, "V%.1f", p.y(float64(v)))
		}
		fmt.Fprintf(p, "H%.1f", p.x(float64(i+1)))
	}
	p.WriteString(`"/>`)
}

// axes draws times below, values to the left and the named steps.
func (p *plot) axes() {
	for _, v := range ticks(p.most, 4) {
		fmt.Fprintf(p, `<path class="grid" d="M%g %.1fH%g"/><text class="y" x="%g" y="%.1f">%s</text>`, left, p.y(v), p.width-right, left-6, p.y(v)+4, count(int64(v)))
	}
	p.times()
}

func (p *plot) times() {
	span := p.h.Step * float64(p.n)
	every := niceDuration(span * 128 / p.width)
	for t := math.Ceil(p.start/every) * every; t <= p.start+span; t += every {
		anchor := "middle"
		if p.at(t) > p.width-40 {
			anchor = "end"
		}
		fmt.Fprintf(p, `<path class="grid" d="M%.1f %gv5"/><text class="x" text-anchor="%s" x="%.1f" y="%g">%s</text>`, p.at(t), p.height-bottom, anchor, p.at(t), p.height-6, duration(t))
	}
	last := -math.MaxFloat64
	for _, m := range p.moments {
		at := p.at(m.at)
		if at < left-1 || at > p.width-right+1 {
			continue
		}
		fmt.Fprintf(p, `<path class="moment" d="M%.1f %gV%g"/>`, at, top-6, p.height-bottom)
		if name := shorten(m.name); at-last > 7*float64(len([]rune(name))) && at < p.width-8*float64(len([]rune(name))) {
			fmt.Fprintf(p, `<text class="moment" x="%.1f" y="%g">%s</text>`, at+3, top-6, template.HTMLEscapeString(name))
			last = at
		}
	}
}

func shorten(name string) string {
	if r := []rune(name); len(r) > 24 {
		return string(r[:23]) + "…"
	}
	return name
}

// says puts a text on each step, for the pointer.
func (p *plot) says(text func(step int) string) {
	for i := range p.n {
		fmt.Fprintf(p, `<rect class="hit" x="%.1f" y="%g" width="%.1f" height="%.1f"><title>%s</title></rect>`,
			p.x(float64(i)), top, p.x(1)-p.x(0), p.height-bottom-top, template.HTMLEscapeString(text(i)))
	}
}

// end returns the picture. It has only numbers of this package and escaped texts.
func (p *plot) end() template.HTML {
	p.WriteString("</svg>")
	return template.HTML(p.String()) //nolint:gosec // see above
}

// when is the time of a step.
func (f *frame) when(step int) string {
	return duration(f.start+float64(step)*f.h.Step) + " to " + duration(f.start+float64(step+1)*f.h.Step)
}

// resyncs draws those that began against those that ended.
func (f *frame) resyncs() template.HTML {
	h := f.h
	if f.n == 0 {
		return ""
	}
	most := int64(0)
	for i := range f.n {
		most = max(most, h.Started[i], h.OK[i]+h.Failed[i])
	}
	p := f.plot("resyncs begun and ended over time", 240, float64(most))
	p.axes()
	zero := func(int) float64 { return 0 }
	ok := func(i int) float64 { return float64(h.OK[i]) }
	p.bars("ok", zero, ok)
	p.bars("failed", ok, func(i int) float64 { return float64(h.OK[i] + h.Failed[i]) })
	p.line("started", h.Started)
	p.says(func(i int) string {
		return fmt.Sprintf("%s: %d begun, %d ok, %d failed", f.when(i), h.Started[i], h.OK[i], h.Failed[i])
	})
	return p.end()
}

// retries draws the resyncs that an error timer started, and the reboots.
func (f *frame) retries() template.HTML {
	h := f.h
	most := int64(0)
	for i := range f.n {
		most = max(most, h.Retries[i], h.Reboots[i])
	}
	if most == 0 {
		return ""
	}
	p := f.plot("retries and reboots over time", 150, float64(most))
	p.axes()
	p.bars("retries", func(int) float64 { return 0 }, func(i int) float64 { return float64(h.Retries[i]) })
	p.line("reboots", h.Reboots)
	p.says(func(i int) string {
		return fmt.Sprintf("%s: %d retries, %d reboots", f.when(i), h.Retries[i], h.Reboots[i])
	})
	return p.end()
}

// states draws how many devices were in each state.
func (f *frame) states() template.HTML {
	if f.n == 0 {
		return ""
	}
	sums := make([]float64, f.n)
	most := 0.0
	for _, name := range fsm.StateNames() {
		for i, n := range f.h.States[name] {
			sums[i] += float64(n)
			most = max(most, sums[i])
		}
	}
	p := f.plot("devices by lifecycle state over time", 200, most)
	p.axes()
	low := make([]float64, f.n)
	for s, name := range fsm.StateNames() {
		values := f.h.States[name]
		p.bars(fmt.Sprintf("state%d", s), func(i int) float64 { return low[i] }, func(i int) float64 { return low[i] + float64(values[i]) })
		for i := range low {
			low[i] += float64(values[i])
		}
	}
	p.says(func(i int) string {
		text := f.when(i) + ":"
		for _, name := range fsm.StateNames() {
			text += fmt.Sprintf(" %s %d", name, f.h.States[name][i])
		}
		return text
	})
	return p.end()
}

// shades is how many shades a heat map has.
const shades = 6

// phases draws a heat map for each phase of transfers: how many took how long, over
// time.
func (f *frame) phases() []phaseChart {
	var list []phaseChart
	for _, name := range tally.PhaseNames() {
		if rows := f.h.Phases[name]; rows != nil {
			list = append(list, phaseChart{strings.ReplaceAll(name, "_", " "), f.heat(name, rows)})
		}
	}
	return list
}

func (f *frame) heat(name string, rows [][]int64) template.HTML {
	most, high := int64(1), 1
	for _, row := range rows {
		high = max(high, len(row))
		for _, n := range row {
			most = max(most, n)
		}
	}
	p := f.plot(name+": how long it took over time", bottom+top+10*float64(high), float64(high))
	paths := make([]strings.Builder, shades)
	for i, row := range rows {
		for class, n := range row {
			if n > 0 {
				fmt.Fprintf(&paths[shade(n, most)], "M%.1f %.1fH%.1fV%.1fH%.1fz", p.x(float64(i)), p.y(float64(class)), p.x(float64(i+1)), p.y(float64(class+1)), p.x(float64(i)))
			}
		}
	}
	for s := range paths {
		fmt.Fprintf(p, `<path class="heat%d" d="%s"/>`, s, paths[s].String())
	}
	for class := range high + 1 {
		if class%3 == 1 || high < 4 && class > 0 {
			fmt.Fprintf(p, `<path class="grid" d="M%g %.1fH%g"/><text class="y" x="%g" y="%.1f">%s</text>`, left, p.y(float64(class)), p.width-right, left-6, p.y(float64(class))+4, duration(ceiling(class-1)))
		}
	}
	p.times()
	p.says(func(i int) string {
		text := f.when(i) + ":"
		for class, n := range rows[i] {
			if n > 0 {
				text += fmt.Sprintf(" %s %s × %d", map[bool]string{true: "above", false: "below"}[class == tally.DurationClasses-1], duration(ceiling(min(class, tally.DurationClasses-2))), n)
			}
		}
		return text
	})
	return p.end()
}

// shade returns the shade for n of most, by its logarithm.
func shade(n, most int64) int {
	return int((shades - 1) * math.Log(float64(n)+1) / math.Log(float64(most)+1))
}

// ceiling returns the end of a class of durations, in seconds.
func ceiling(class int) float64 { return 0.0005 * math.Exp2(float64(class)) }

// figures are the charts' numbers as rows: of steps in which something happened.
func (f *frame) figures() [][]string {
	var rows [][]string
	h := f.h
	for i := range f.n {
		if h.Started[i]+h.OK[i]+h.Failed[i]+h.Retries[i]+h.Reboots[i] == 0 {
			continue
		}
		row := []string{f.when(i), count(h.Started[i]), count(h.OK[i]), count(h.Failed[i]), count(h.Retries[i]), count(h.Reboots[i])}
		for _, name := range fsm.StateNames() {
			row = append(row, count(h.States[name][i]))
		}
		rows = append(rows, row)
	}
	return rows
}

// ticks returns round values from 0 to most, some n of them.
func ticks(most float64, n int) []float64 {
	raw := most / float64(n)
	unit := math.Pow(10, math.Floor(math.Log10(raw)))
	step := unit * 10
	for _, m := range []float64{1, 2, 5} {
		if unit*m >= raw {
			step = unit * m
			break
		}
	}
	step = max(step, 1)
	var list []float64
	for v := 0.0; v <= most; v += step {
		list = append(list, v)
	}
	return list
}

// niceDuration returns the first round duration of at least so many seconds.
func niceDuration(s float64) float64 {
	for _, d := range []time.Duration{10 * time.Millisecond, 20 * time.Millisecond, 50 * time.Millisecond, 100 * time.Millisecond, 200 * time.Millisecond, 500 * time.Millisecond,
		time.Second, 2 * time.Second, 5 * time.Second, 10 * time.Second, 30 * time.Second, time.Minute, 2 * time.Minute, 5 * time.Minute, 10 * time.Minute, 30 * time.Minute,
		time.Hour, 2 * time.Hour, 6 * time.Hour, 12 * time.Hour, 24 * time.Hour, 48 * time.Hour, 7 * 24 * time.Hour} {
		if d.Seconds() >= s {
			return d.Seconds()
		}
	}
	const month = 30 * 24 * 3600
	return month * math.Ceil(s/month)
}

// duration writes seconds as people do: 20ms, 1.5s, 2m30s, 3d4h.
func duration(s float64) string {
	const day = 24 * time.Hour
	d := time.Duration(math.Round(s*1e6)) * time.Microsecond
	if d < 0 {
		return "−" + duration(-s)
	}
	switch days := d / day; {
	case days > 0 && d%day == 0:
		return fmt.Sprintf("%dd", days)
	case days > 0:
		return fmt.Sprintf("%dd%s", days, duration((d % day).Seconds()))
	case d < time.Second:
		return d.Round(time.Microsecond * 10).String()
	}
	text := d.Round(10 * time.Millisecond).String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}
