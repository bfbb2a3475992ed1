package webpage

import (
	"bytes"
	"fmt"
	"html/template"
	"io"
	"math"

	"spafleet/scenarios/report"
)

// A Curve is a page with one figure over another, such as a latency over the rate.
type Curve struct {
	Title     string
	Good      bool // what Sentence says is what was looked for
	Sentence  string
	Notes     []string
	X, Y      string // what the axes are; Y is in seconds
	Points    []Point
	Head      []string // of the table
	Rows      [][]string
	Threshold float64 // seconds, drawn as a line; 0: none
}

// A Point is one of a curve's. Points are in the order of X.
type Point struct {
	X, Y float64
	OK   bool
	Note string
}

var curvePage = template.Must(template.New("curve").Parse(`<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{.Title}}</title>
<style>{{.Style}}</style>
</head>
<body>
<header><h1>{{.Title}}</h1></header>
<main>
<section class="verdict {{if .Good}}passed{{else}}invalid{{end}}"><p><b>{{.Sentence}}</b></p>{{range .Notes}}<p>{{.}}</p>{{end}}</section>
<figure><figcaption>{{.Y}} over {{.X}}:<span class="key ok"></span>held<span class="key bad"></span>did not hold</figcaption>{{.Chart}}</figure>
<div class="scroll"><table><tr>{{range $i, $h := .Head}}<th{{if $i}} class="n"{{end}}>{{$h}}</th>{{end}}</tr>
{{range .Rows}}<tr>{{range $i, $v := .}}<td{{if $i}} class="n"{{end}}>{{$v}}</td>{{end}}</tr>
{{end}}</table></div>
</main>
</body>
</html>
`))

// WriteCurve writes a curve as one HTML page that needs nothing else.
func WriteCurve(w io.Writer, c *Curve) error {
	var b bytes.Buffer
	err := curvePage.Execute(&b, struct {
		*Curve
		Style template.CSS
		Chart template.HTML
	}{c, template.CSS(style), c.draw()}) //nolint:gosec // a file of the program
	if err != nil {
		return fmt.Errorf("page of %s: %w", c.Title, err)
	}
	_, err = b.WriteTo(w)
	return err
}

// draw draws the points, both axes by logarithm: rates and latencies are compared by
// how many times larger one is.
func (c *Curve) draw() template.HTML {
	if len(c.Points) == 0 {
		return ""
	}
	const height = 300.0
	low, high := math.Inf(1), c.Threshold
	for _, p := range c.Points {
		low, high = min(low, max(p.Y, 1e-4)), max(high, p.Y)
	}
	low, high = math.Floor(math.Log10(low)), math.Ceil(math.Log10(max(high, 1e-3)))
	from, to := math.Log10(c.Points[0].X)-0.05, math.Log10(c.Points[len(c.Points)-1].X)+0.05
	x := func(v float64) float64 { return left + (math.Log10(v)-from)*(width-left-right)/(to-from) }
	y := func(v float64) float64 {
		return height - bottom - (math.Log10(max(v, 1e-4))-low)*(height-bottom-top)/max(high-low, 1)
	}
	p := &plot{height: height}
	fmt.Fprintf(p, `<svg viewBox="0 0 %g %g" role="img" aria-label="%s">`, width, height, template.HTMLEscapeString(c.Y+" over "+c.X))
	for e := low; e <= high; e++ {
		at := y(math.Pow(10, e))
		fmt.Fprintf(p, `<path class="grid" d="M%g %.1fH%g"/><text class="y" x="%g" y="%.1f">%s</text>`, left, at, width-right, left-6, at+4, duration(math.Pow(10, e)))
	}
	if c.Threshold > 0 {
		fmt.Fprintf(p, `<path class="moment" d="M%g %.1fH%g"/>`, left, y(c.Threshold), width-right)
	}
	last := -math.MaxFloat64
	p.WriteString(`<path class="line started" d="`)
	for i, v := range c.Points {
		fmt.Fprintf(p, "%c%.1f %.1f", "ML"[min(i, 1)], x(v.X), y(v.Y))
	}
	p.WriteString(`"/>`)
	for _, v := range c.Points {
		class := "failed"
		if v.OK {
			class = "ok"
		}
		fmt.Fprintf(p, `<circle class="%s" cx="%.1f" cy="%.1f" r="5"><title>%s</title></circle>`, class, x(v.X), y(v.Y),
			template.HTMLEscapeString(fmt.Sprintf("%.4g: %s %s", v.X, report.Seconds(v.Y), v.Note)))
		if label := count(int64(math.Round(v.X))); x(v.X)-last > 40 {
			fmt.Fprintf(p, `<text class="x" text-anchor="middle" x="%.1f" y="%g">%s</text>`, x(v.X), height-6, label)
			last = x(v.X)
		}
	}
	return p.end()
}
