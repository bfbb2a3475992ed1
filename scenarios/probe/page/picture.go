package page

import (
	"fmt"
	"html/template"
	"strings"
	"time"
)

// Measures of a picture: heights in pixels, places across in percent of its width, so that
// its texts have one size on a telephone and on a desk.
const (
	rowHeight  = 38
	axisHeight = 22
	leftmost   = 2.0
	widest     = 96.0
	narrowest  = 15.0 // what has room for a text
)

// draw draws rounds below one another, to one scale.
func draw(what string, rows []round) template.HTML {
	var b strings.Builder
	longest := time.Duration(0)
	for _, r := range rows {
		longest = max(longest, r.moments[len(r.moments)-1])
	}
	x := func(d time.Duration) float64 { return leftmost + widest*float64(d)/float64(longest) }
	height := rowHeight*len(rows) + axisHeight
	fmt.Fprintf(&b, `<svg class="times" height="%d" role="img" aria-label="%s">`, height, template.HTMLEscapeString(what+", over time"))
	axis(&b, x, longest, height)
	for i, r := range rows {
		r.draw(&b, x, rowHeight*i+rowHeight-12)
	}
	b.WriteString("</svg>")
	return template.HTML(b.String()) //nolint:gosec // numbers of this package, and escaped texts
}

// draw draws a round at a height.
func (r *round) draw(b *strings.Builder, x func(time.Duration) float64, y int) {
	fmt.Fprintf(b, `<line class="grid" x1="%g%%" x2="%g%%" y1="%d" y2="%d"/>`, leftmost, leftmost+widest, y, y)
	for n := 1; n < len(r.moments); n++ {
		from, to := r.moments[n-1], r.moments[n]
		if x(to)-x(from) >= narrowest {
			fmt.Fprintf(b, `<text text-anchor="middle" x="%.2f%%" y="%d">%s</text>`, (x(from)+x(to))/2, y-8, duration(to-from))
		}
	}
	for n, at := range r.moments {
		fmt.Fprintf(b, `<circle class="point" cx="%.2f%%" cy="%d" r="4.5"><title>%s</title></circle>`, x(at), y, r.says(n))
	}
}

// says is what the pointer shows of a moment.
func (r *round) says(n int) string {
	at, text := r.moments[n], "at "+duration(r.moments[n])
	if !isMoment(r.what) {
		if text = "the first"; n > 0 {
			text = duration(at) + " after the first"
		}
	}
	if n == 0 {
		return text
	}
	return text + ", " + duration(at-r.moments[n-1]) + " after the one before"
}

// axis writes the times below.
func axis(b *strings.Builder, x func(time.Duration) float64, longest time.Duration, height int) {
	every := step(longest)
	for t := time.Duration(0); t <= longest; t += every {
		anchor := "middle"
		switch at := x(t); {
		case at < 10:
			anchor = "start"
		case at > 92:
			anchor = "end"
		}
		fmt.Fprintf(b, `<line class="grid" x1="%.2f%%" x2="%.2f%%" y1="0" y2="%d"/><text text-anchor="%s" x="%.2f%%" y="%d">%s</text>`,
			x(t), x(t), height-16, anchor, x(t), height-4, tick(t))
	}
}

// step returns the round time of which at most five fit.
func step(longest time.Duration) time.Duration {
	const most = 5
	for unit := time.Microsecond; ; unit *= 10 {
		if unit == time.Second {
			for _, s := range []time.Duration{1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 21600, 43200, 86400} {
				if longest <= most*s*time.Second {
					return s * time.Second
				}
			}
			return max(longest/most, 1)
		}
		for _, s := range []time.Duration{1, 2, 5} {
			if longest <= most*s*unit {
				return s * unit
			}
		}
	}
}

// tick returns a round time: 0s, 30s, 2m, 1h30m.
func tick(t time.Duration) string {
	text := t.String()
	for _, end := range []string{"m0s", "h0m"} {
		if strings.HasSuffix(text, end) {
			text = text[:len(text)-2]
		}
	}
	return text
}
