// Package webpage writes a report as one HTML page that needs nothing else: no
// script, no font and no picture from elsewhere.
package webpage

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"spafleet/device/measure"
	"spafleet/scenarios/report"
	"spafleet/scenarios/tally"
)

//go:embed webpage.html
var source string

//go:embed webpage.css
var style string

// Style returns the style of the page, for other pages of the program.
func Style() template.CSS { return template.CSS(style) } //nolint:gosec // a file of the program

var parsed = template.Must(template.New("page").Funcs(template.FuncMap{
	"seconds": report.Seconds, "describe": func(f tally.Failure) string { return report.Describe(&f) }, "count": count, "models": func(n map[string]int) string { return measure.Counts(n, 5) }, "percent": percent,
	"date":     func(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") },
	"measured": func(t report.ThresholdReport) string { return t.Measured() },
	"mark":     mark, "firmwares": firmwares, "boots": boots, "sip": sip,
	"args": func(title string, l list[report.Named]) titled { return titled{title, l} },
}).Parse(source))

// mostRows bounds the rows of a table; the JSON result has all.
const mostRows = 100

// view is what the template shows.
type view struct {
	*report.Report
	Style template.CSS
	Charts
	Phases    []phaseChart
	Causes    list[tally.Failure]
	Unknown   list[report.Named]
	Rejected  list[report.Named]
	Partial   list[report.Named]
	Latencies []latency
	Sentence  string // what the verdict means
}

// titled is a table of parameters under its title.
type titled struct {
	Title string
	List  list[report.Named]
}

type phaseChart struct {
	Name  string
	Chart template.HTML
}

// A list is the first rows of a table, and how many more there are.
type list[T any] struct {
	Rows []T
	More int
}

func firstOf[T any](all []T) list[T] {
	n := min(len(all), mostRows)
	return list[T]{all[:n], len(all) - n}
}

type latency struct {
	Name  string
	Count int64
	report.Metric
}

// Write writes a report as an HTML page of at most a megabyte.
func Write(w io.Writer, r *report.Report) error {
	f := newFrame(&r.History, r.FleetStart, r.Timeline, width)
	v := &view{
		Report: r, Style: Style(), Sentence: Sentence(r.Verdict),
		Charts: f.charts(), Phases: f.phases(),
		Causes: firstOf(r.Findings.Errors), Unknown: firstOf(r.Findings.UnknownParams), Rejected: firstOf(r.Findings.RejectedParams),
		Partial:   firstOf(r.Findings.PartialFiles),
		Latencies: latencies(r),
	}
	var b bytes.Buffer
	if err := parsed.Execute(&b, v); err != nil {
		return fmt.Errorf("page of %s: %w", r.Name, err)
	}
	_, err := b.WriteTo(w)
	return err
}

var sentences = map[string]string{
	report.Passed:      "Everything that was expected held.",
	report.Finished:    "The run ended. Nothing was expected of it, so this says nothing about the server.",
	report.Failed:      "Something that was expected did not hold.",
	report.Invalid:     "The machine running spafleet was too slow: what failed may be its own fault.",
	report.Interrupted: "The run was interrupted; this is how it stood.",
}

// Sentence says what a verdict means.
func Sentence(verdict string) string { return sentences[verdict] }

func mark(ok, shared bool) string {
	switch {
	case shared:
		return "·"
	case ok:
		return "✓"
	}
	return "✗"
}

// Count writes a number with blanks between thousands.
func Count(n any) string { return count(n) }

func count(n any) string {
	text := fmt.Sprint(n)
	var b strings.Builder
	for i, c := range text {
		if left := len(text) - i; i > 0 && left%3 == 0 && text[i-1] != '-' {
			b.WriteRune('\u202f')
		}
		b.WriteRune(c)
	}
	return b.String()
}

func percent(share float64) string { return fmt.Sprintf("%.0f %%", 100*share) }

// firmwares says which firmware devices have now, where it is another one.
func firmwares(m report.MakeSummary) string {
	var parts []string
	for _, f := range m.Now {
		if f.Version != m.Firmware {
			parts = append(parts, fmt.Sprintf("%s × %d", f.Version, f.Devices))
		}
	}
	return strings.Join(parts, ", ")
}

// boots lists boots by reason.
func boots(n map[string]int64) string {
	var parts []string
	for _, reason := range slices.Sorted(maps.Keys(n)) {
		parts = append(parts, fmt.Sprintf("%s × %d", strings.ReplaceAll(reason, "_", " "), n[reason]))
	}
	return strings.Join(parts, ", ")
}

// sip says what came of registrations, subscriptions and NOTIFYs.
func sip(s *tally.SIP) string {
	if s == nil {
		return ""
	}
	var parts []string
	for _, one := range []struct {
		name   string
		ok     int64
		failed map[string]int64
	}{{"registrations", s.Registered, s.Failed}, {"subscriptions", s.Subscribed, s.Unsubscribed}, {"NOTIFYs", s.Notified, s.Refused}} {
		if n := tally.Sum(one.failed); one.ok+n > 0 {
			parts = append(parts, fmt.Sprintf("%s %d ok, %d failed", one.name, one.ok, n))
		}
		for _, why := range tally.ByCount(one.failed) {
			parts = append(parts, fmt.Sprintf("%s × %d", why, one.failed[why]))
		}
	}
	return strings.Join(parts, ", ")
}

// latencies are the rows of the table of durations.
func latencies(r *report.Report) []latency {
	var rows []latency
	add := func(name string, list []report.Metric) {
		for _, m := range list {
			n := m.Count
			if name == "fetch" { // those that failed are in no duration
				n += m.Failed
			}
			full := name
			for _, tag := range []string{"scheme", "phase"} {
				if m.Tags[tag] != "" {
					full += " " + strings.ReplaceAll(m.Tags[tag], "_", " ")
				}
			}
			rows = append(rows, latency{full, n, m})
		}
	}
	add("resync", r.Metrics["resync_duration"])
	add("until provisioned", r.Metrics["ready_duration"])
	add("fetch", r.Metrics["fetch_duration"])
	add("phase", r.Metrics["phase_duration"])
	add("NOTIFY to the end of its resync", r.Metrics["notify_duration"])
	add("start delay of this machine", r.Metrics["lateness"])
	return rows
}
