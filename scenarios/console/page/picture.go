package page

import (
	"fmt"
	"html/template"
	"strings"

	"spafleet/fsm"
)

// Measures of the lifecycle's picture: heights in pixels, places across in percent of its
// width, so that its texts have one size on a telephone and on a desk.
const (
	boxWidth  = 20.5
	boxStep   = 26.4 // from one box to the next
	boxTop    = 4
	boxHeight = 46
	lifeTall  = 70
)

// drawLife draws the four states, when the device came to each, and where it is.
func drawLife(d *Device) template.HTML {
	var b strings.Builder
	came := d.came()
	fmt.Fprintf(&b, `<svg class="life" height="%d" role="img" aria-label="%s">`, lifeTall, template.HTMLEscapeString(d.lifeInWords()))
	names := fsm.StateNames()
	for i, name := range names {
		x, class := 0.2+boxStep*float64(i), "box"
		if name == d.State {
			class = "box here"
		}
		if i > 0 {
			arrow(&b, x-(boxStep-boxWidth)+0.6, x-0.6, boxTop+boxHeight/2)
		}
		fmt.Fprintf(&b, `<rect class="%s" x="%.1f%%" y="%d" width="%.1f%%" height="%d" rx="4"/>`, class, x, boxTop, boxWidth, boxHeight)
		fmt.Fprintf(&b, `<text class="name%s" text-anchor="middle" x="%.2f%%" y="%d">%s</text>`, class[len("box"):], x+boxWidth/2, boxTop+20, name)
		when, why := "", ""
		if m, ok := came[name]; ok && !m.At.IsZero() {
			when, why = relative(d.Now, m.At), m.Event
		}
		fmt.Fprintf(&b, `<text class="when%s" text-anchor="middle" x="%.2f%%" y="%d">%s</text>`, class[len("box"):], x+boxWidth/2, boxTop+37, template.HTMLEscapeString(when))
		fmt.Fprintf(&b, `<text class="why" text-anchor="middle" x="%.2f%%" y="%d">%s</text>`, x+boxWidth/2, boxTop+boxHeight+15, template.HTMLEscapeString(why))
	}
	b.WriteString(`</svg>`)
	return template.HTML(b.String()) //nolint:gosec // numbers of this package, and escaped texts
}

// arrow draws one to the right, from one place across to another.
func arrow(b *strings.Builder, from, to float64, y int) {
	fmt.Fprintf(b, `<line class="arrow" x1="%.1f%%" x2="%.1f%%" y1="%d" y2="%d"/>`, from, to, y, y)
	fmt.Fprintf(b, `<svg class="tip" x="%.1f%%" y="%d" width="1" height="1" overflow="visible"><path d="M-6 -4L0 0L-6 4z"/></svg>`, to, y)
}

// lifeInWords says what the picture shows.
func (d *Device) lifeInWords() string {
	text := "Lifecycle: the phone is in " + d.State + "."
	for _, m := range d.Moves {
		if !m.At.IsZero() {
			text += " " + m.State + " since " + clock(d.Now, m.At)
			if m.Event != "" {
				text += " (" + m.Event + ")"
			}
			text += "."
		}
	}
	return text
}
