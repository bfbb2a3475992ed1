package live

import (
	"fmt"
	"math"
	"regexp"
	"strings"
	"time"

	"spafleet/device/measure"
	"spafleet/fsm"
	"spafleet/scenarios/report"
	"spafleet/scenarios/run"
)

// Line is the snapshot in one line: for logs.
func (s *Snapshot) Line() string {
	var states []string
	for _, st := range fsm.States() {
		if n := s.Summary.States[st.String()]; n > 0 {
			states = append(states, fmt.Sprintf("%s %d", st, n))
		}
	}
	parts := append(append([]string{strings.Join(states, ", ")}, s.traffic()...), s.when()...)
	if !s.Jumps {
		parts = append(parts, s.Load.Line())
	}
	return fmt.Sprintf("%s %s  %s", s.Name, minutes(s.Wall), strings.Join(parts, " · "))
}

// traffic is what the devices have done, and how fast.
func (s *Snapshot) traffic() []string {
	r := s.Summary.Resyncs
	parts := []string{fmt.Sprintf("resyncs %d ok, %d failed", r.OK, r.Failed), fmt.Sprintf("%d running", s.Running)}
	if s.Rate > 0 {
		parts = append(parts, perSecond(s.Rate))
	}
	if list := s.Summary.Metrics["resync_duration"]; len(list) > 0 && list[0].Count > 0 {
		parts = append(parts, "p95 "+report.Seconds(list[0].P95))
	}
	return parts
}

// perSecond is a rate: 48/s, or 0.5/s.
func perSecond(rate float64) string {
	if rate >= 10 || rate == 0 {
		return fmt.Sprintf("%.0f/s", rate)
	}
	return fmt.Sprintf("%.1f/s", rate)
}

// when is how far the fleet's time is, and how long the rest will take.
func (s *Snapshot) when() []string {
	var parts []string
	switch {
	case s.Jumps && s.Whole == 0:
		parts = append(parts, "day "+fmt.Sprint(1+int(s.Passed/day)), "fleet time "+measure.Clock(s.Passed%day))
	case s.Jumps && s.Whole > day:
		parts = append(parts, fmt.Sprintf("day %d of %d, %s", 1+int(min(s.Passed, s.Whole-1)/day), int(math.Ceil(float64(s.Whole)/float64(day))), s.percent()))
	case s.Jumps:
		parts = append(parts, fmt.Sprintf("%s of %s, %s", measure.Clock(s.Passed), measure.Clock(s.Whole), s.percent()))
	case s.Whole > 0:
		parts = append(parts, s.percent())
	}
	if left := s.left(); left != "" {
		parts = append(parts, left)
	}
	if s.Jumps && s.Speed >= 1 {
		parts = append(parts, fmt.Sprintf("%.0f times as fast", s.Speed))
	}
	return parts
}

const day = 24 * time.Hour

func (s *Snapshot) share() float64 { return min(float64(s.Passed)/float64(s.Whole), 1) }

func (s *Snapshot) percent() string { return fmt.Sprintf("%.0f %%", math.Floor(100*s.share())) }

// left is how long the rest takes if it goes on like this; "" before that can be
// said.
func (s *Snapshot) left() string {
	if s.Whole == 0 || s.Wall < time.Second || s.share() < 0.01 || s.share() == 1 {
		return ""
	}
	d := time.Duration(float64(s.Wall) * (1 - s.share()) / s.share())
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%.0f s left", math.Ceil(d.Seconds()))
	case d < 2*time.Hour:
		return fmt.Sprintf("%.0f min left", math.Ceil(d.Minutes()))
	}
	return fmt.Sprintf("%.0f h left", math.Ceil(d.Hours()))
}

// order is 0 for an expectation that failed, 1 for one that is open, 2 for one that
// is met.
func order(e *run.Expected) int {
	switch {
	case !e.Decided:
		return 1
	case e.OK:
		return 2
	}
	return 0
}

var marks = [...]string{"✗", "·", "✓"}

func howFar(e *run.Expected) string {
	switch {
	case !e.Quant.EachEvent():
		return fmt.Sprintf("%d of %d", e.Held, e.Devices)
	case e.Held < e.Devices:
		return fmt.Sprintf("broken by %d of %d", e.Devices-e.Held, e.Devices)
	}
	return "holds"
}

// flow puts parts into lines of a width; a line goes on with an indent.
func flow(parts []string, columns int, indent string) []string {
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
			line = indent + part
		}
	}
	return append(lines, line)
}

var colours = []struct {
	pattern *regexp.Regexp
	with    string
}{
	{regexp.MustCompile(`^(resyncs|latency|machine|steps|next|expected|states|failures) +`), "\x1b[2m${0}\x1b[0m"},
	{regexp.MustCompile(`^ending.*`), "\x1b[33m${0}\x1b[0m"},
	{regexp.MustCompile(`✓`), "\x1b[32m${0}\x1b[0m"},
	{regexp.MustCompile(`✗|\b[1-9]\d* failed|\babove \S+ invalid|\bbroken by \d+ of \d+|\b\d+ ×`), "\x1b[31m${0}\x1b[0m"},
	{regexp.MustCompile(`[▏▎▍▌▋▊▉█▁▂▃▄▅▆▇]+`), "\x1b[32m${0}\x1b[0m"},
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
