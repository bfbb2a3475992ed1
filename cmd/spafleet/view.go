package main

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"strings"
	"time"

	"spafleet/fsm"
	"spafleet/host"
	"spafleet/scenarios/report"
	"spafleet/scenarios/run"
)

// A view is what is shown of a run while it goes on.
type view struct {
	name          string
	jumps         bool // the fleet's time is not the wall's
	wall          time.Duration
	passed, whole time.Duration // of the fleet's time; whole is 0 where it is not known
	rate, speed   float64       // resyncs per second, and the fleet's time to the wall's
	summary       report.Summary
	running       int
	load          string // how busy this machine is
	steps         []string
	expected      []run.Expected
}

// line is the view in one line: for logs.
func (v *view) line() string {
	var states []string
	for _, st := range fsm.States() {
		if n := v.summary.States[st.String()]; n > 0 {
			states = append(states, fmt.Sprintf("%s %d", st, n))
		}
	}
	parts := append(append([]string{strings.Join(states, ", ")}, v.traffic()...), v.when()...)
	if !v.jumps {
		parts = append(parts, v.load)
	}
	return fmt.Sprintf("%s %s  %s", v.name, minutes(v.wall), strings.Join(parts, " · "))
}

// lines is the view for a terminal: no line is wider and there are not more than it
// has.
func (v *view) lines(s host.Screen) []string {
	head := append([]string{v.name + " " + minutes(v.wall), fmt.Sprintf("%d devices", v.summary.Devices)}, v.when()...)
	lines := flow(append(head, v.traffic()...), s.Columns)
	if len(v.steps) > 0 {
		lines = append(lines, flow(append([]string{"steps: " + v.steps[0]}, v.steps[1:]...), s.Columns)...)
	}
	if !v.jumps {
		lines = append(lines, flow([]string{"this machine: " + v.load}, s.Columns)...)
	}
	lines = append(lines, v.expectations()...)
	lines = append(lines, v.states(s.Columns)...)
	if most := max(s.Rows-1, 2); len(lines) > most { // the cursor stands in the last row
		lines = append(lines[:most-1], fmt.Sprintf("… %d more lines", len(lines)-most+1))
	}
	for i := range lines {
		lines[i] = cut(lines[i], s.Columns)
		if s.Colour {
			lines[i] = paint(lines[i])
		}
	}
	return lines
}

// traffic is what the devices have done, and how fast.
func (v *view) traffic() []string {
	r := v.summary.Resyncs
	parts := []string{fmt.Sprintf("resyncs %d ok, %d failed", r.OK, r.Failed), fmt.Sprintf("%d running", v.running)}
	if v.rate > 0 {
		parts = append(parts, rateText(v.rate)+"/s")
	}
	if list := v.summary.Metrics["resync_duration"]; len(list) > 0 && list[0].Count > 0 {
		parts = append(parts, "p95 "+report.Seconds(list[0].P95))
	}
	return parts
}

// when is how far the fleet's time is, and how long the rest will take.
func (v *view) when() []string {
	var parts []string
	switch {
	case v.jumps && v.whole == 0:
		parts = append(parts, "day "+fmt.Sprint(1+int(v.passed/day)), "fleet time "+clockTime(v.passed%day))
	case v.jumps && v.whole > day:
		parts = append(parts, fmt.Sprintf("day %d of %d, %s", 1+int(min(v.passed, v.whole-1)/day), int(math.Ceil(float64(v.whole)/float64(day))), v.percent()))
	case v.jumps:
		parts = append(parts, fmt.Sprintf("%s of %s, %s", clockTime(v.passed), clockTime(v.whole), v.percent()))
	case v.whole > 0:
		parts = append(parts, v.percent())
	}
	if left := v.left(); left != "" {
		parts = append(parts, left)
	}
	if v.jumps && v.speed >= 1 {
		parts = append(parts, fmt.Sprintf("%.0f times as fast", v.speed))
	}
	return parts
}

const day = 24 * time.Hour

func (v *view) share() float64 { return min(float64(v.passed)/float64(v.whole), 1) }

func (v *view) percent() string { return fmt.Sprintf("%.0f %%", math.Floor(100*v.share())) }

// left is how long the rest takes if it goes on like this; "" before that can be
// said.
func (v *view) left() string {
	if v.whole == 0 || v.wall < time.Second || v.share() < 0.01 || v.share() == 1 {
		return ""
	}
	d := time.Duration(float64(v.wall) * (1 - v.share()) / v.share())
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%.0f s left", math.Ceil(d.Seconds()))
	case d < 2*time.Hour:
		return fmt.Sprintf("%.0f min left", math.Ceil(d.Minutes()))
	}
	return fmt.Sprintf("%.0f h left", math.Ceil(d.Hours()))
}

// mostExpected is how many expectations are shown.
const mostExpected = 5

// expectations is how far they are: those that failed first, then those that are
// open.
func (v *view) expectations() []string {
	list := slices.Clone(v.expected)
	slices.SortStableFunc(list, func(a, b run.Expected) int { return order(a) - order(b) })
	var lines []string
	for i, e := range list {
		if i == mostExpected-1 && len(list) > mostExpected {
			return append(lines, fmt.Sprintf("  … and %d more", len(list)-i))
		}
		lines = append(lines, marks[order(e)]+" "+howFar(e)+" · "+e.Name)
	}
	return lines
}

// order is 0 for an expectation that failed, 1 for one that is open, 2 for one that
// is met.
func order(e run.Expected) int {
	switch {
	case !e.Decided:
		return 1
	case e.OK:
		return 2
	}
	return 0
}

var marks = [...]string{"✗", "·", "✓"}

func howFar(e run.Expected) string {
	text := fmt.Sprintf("%d of %d", e.Held, e.Devices)
	if e.Quant.EachEvent() {
		if text = "holds"; e.Held < e.Devices {
			text = fmt.Sprintf("broken by %d of %d", e.Devices-e.Held, e.Devices)
		}
	}
	if e.By > 0 && !e.Decided {
		text += " by " + e.By.String()
	}
	return text
}

// tableColumns is the width of the table of states without bars.
const tableColumns = 72

// states is the table of states by model, with bars as far as there is room, or a
// list where the table is too wide.
func (v *view) states(columns int) []string {
	if columns >= tableColumns {
		var b strings.Builder
		bars := min(columns-tableColumns-2, 24)
		if bars < 4 {
			bars = 0
		}
		v.summary.WriteStates(&b, bars)
		return strings.Split(strings.TrimSuffix(b.String(), "\n"), "\n")
	}
	var lines []string
	for _, m := range v.summary.ByModel() {
		parts := []string{fmt.Sprintf("%s %s: %d", m.Model, m.Firmware, m.Devices)}
		for _, st := range fsm.States() {
			if n := m.States[st.String()]; n > 0 {
				parts = append(parts, fmt.Sprintf("%s %d", st, n))
			}
		}
		lines = append(lines, flow(parts, columns)...)
	}
	return lines
}

// flow puts parts into lines of a width; a line goes on with an indent.
func flow(parts []string, columns int) []string {
	var lines []string
	line := ""
	for _, part := range parts {
		switch {
		case line == "":
			line = part
		case len([]rune(line))+3+len([]rune(part)) <= columns:
			line += " · " + part
		default:
			lines = append(lines, line)
			line = "  " + part
		}
	}
	return append(lines, line)
}

// cut shortens a line to a width. A line that goes on in the next row would shift
// the view when it is drawn over.
func cut(line string, columns int) string {
	if letters := []rune(line); len(letters) > columns {
		return string(letters[:max(columns-1, 0)]) + "…"
	}
	return line
}

var colours = []struct {
	pattern *regexp.Regexp
	with    string
}{
	{regexp.MustCompile(`^✓`), "\x1b[32m${0}\x1b[0m"},
	{regexp.MustCompile(`^✗|\b[1-9]\d* failed|\bbroken by [^·]*\d`), "\x1b[31m${0}\x1b[0m"},
	{regexp.MustCompile(`█+`), "\x1b[32m${0}\x1b[0m"},
}

// paint colours what went well and what failed.
func paint(line string) string {
	for _, c := range colours {
		line = c.pattern.ReplaceAllString(line, c.with)
	}
	return line
}

// minutes is a time of the wall: 0:42, or 1:02:03.
func minutes(d time.Duration) string {
	s := int(d.Round(time.Second).Seconds())
	if s >= 3600 {
		return fmt.Sprintf("%d:%02d:%02d", s/3600, s/60%60, s%60)
	}
	return fmt.Sprintf("%d:%02d", s/60, s%60)
}

// clockTime is a time of the fleet: 13:05.
func clockTime(d time.Duration) string {
	m := int(d / time.Minute)
	return fmt.Sprintf("%d:%02d", m/60, m%60)
}
