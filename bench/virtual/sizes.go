package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"time"

	"spafleet/bench/harness"
)

// A sized is what one size of a fleet took, in a process of its own.
type sized struct {
	Devices int
	Each    float64 // microseconds of CPU an attempt
	Bytes   float64 // of live heap a device, without those of a fleet of one
}

// mostLonger is how many times as long a small fleet lasts at most.
const mostLonger = 25

// sizes measures fleets of several sizes, one after the other, and draws what an attempt
// and a device cost over the size.
func (o *options) sizes(out io.Writer) error {
	counts, err := harness.Numbers("sizes", o.over)
	if err != nil {
		return err
	}
	o.only = cases[0].Name
	_, base, err := o.fleetOf(1, o.lasts)
	if err != nil {
		return err
	}
	var list []sized
	largest := slices.Max(counts)
	for _, n := range counts {
		// A small fleet lasts longer: what its start takes must not be what an attempt takes.
		each, live, err := o.fleetOf(n, o.lasts*time.Duration(min(largest/n, mostLonger)))
		if err != nil {
			return err
		}
		s := sized{n, each, float64(live-base) / float64(n)}
		fmt.Fprintf(out, "%9d devices: %5.1f µs of CPU an attempt, %7.0f bytes of live heap a device\n", s.Devices, s.Each, s.Bytes)
		list = append(list, s)
	}
	if o.svg == "" {
		return nil
	}
	title := fmt.Sprintf("%s of virtual time and more, case %s, %s", strings.TrimSuffix(o.lasts.String(), "0m0s"), o.only, harness.Machine())
	return os.WriteFile(o.svg, []byte(draw(list, title)), 0o644)
}

// fleetOf measures a fleet: microseconds of CPU an attempt, and the live heap at the end.
func (o *options) fleetOf(devices int, lasts time.Duration) (each float64, live int, err error) {
	program, err := os.Executable()
	if err != nil {
		return 0, 0, err
	}
	text, err := exec.Command(program, "--devices", strconv.Itoa(devices), "--lasts", lasts.String(), "--cores", strconv.Itoa(o.cores), "--only", o.only, "--no-events", "--json").Output()
	if err != nil {
		return 0, 0, fmt.Errorf("%d devices: %w", devices, err)
	}
	var r measured
	if err := json.Unmarshal(text, &r); err != nil || len(r.Cases) != 1 {
		return 0, 0, errors.Join(err, fmt.Errorf("%d devices: %d cases", devices, len(r.Cases)))
	}
	return r.Cases[0].CPU / float64(r.Cases[0].Attempts) * 1e6, int(r.Cases[0].Live), nil
}

// draw draws two charts, one beside the other: both axes are logarithmic.
func draw(list []sized, title string) string {
	var b strings.Builder
	b.WriteString(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 760 300" font-family="sans-serif" font-size="12" role="img">` + "\n")
	fmt.Fprintf(&b, "<title>Cost over size: %s</title>\n<rect width=\"760\" height=\"300\" fill=\"#fff\"/>\n", title)
	chart(&b, 60, "µs of CPU an attempt", list, func(s sized) float64 { return s.Each })
	chart(&b, 440, "bytes of live heap a device", list, func(s sized) float64 { return s.Bytes })
	fmt.Fprintf(&b, "<text x=\"60\" y=\"292\" fill=\"#555\" font-size=\"10\">%s</text>\n</svg>\n", title)
	return b.String()
}

// chart draws one chart at a place: powers of ten of devices to the right.
func chart(b *strings.Builder, left float64, name string, list []sized, of func(sized) float64) {
	const top, height, width = 40.0, 200.0, 280.0
	low, high := math.Inf(1), 0.0
	for _, s := range list {
		low, high = min(low, of(s)), max(high, of(s))
	}
	low, high = math.Floor(math.Log10(low)), math.Ceil(math.Log10(high))
	first, last := math.Log10(float64(list[0].Devices)), math.Log10(float64(list[len(list)-1].Devices))
	x := func(s sized) float64 {
		return left + width*(math.Log10(float64(s.Devices))-first)/max(last-first, 1)
	}
	y := func(v float64) float64 { return top + height*(high-math.Log10(v))/max(high-low, 1) }
	fmt.Fprintf(b, "<text x=\"%.0f\" y=\"22\" font-weight=\"bold\">%s</text>\n", left, name)
	for p := low; p <= high; p++ {
		at := y(math.Pow(10, p))
		fmt.Fprintf(b, "<line x1=\"%.0f\" y1=\"%.1f\" x2=\"%.0f\" y2=\"%.1f\" stroke=\"#ccc\"/><text x=\"%.0f\" y=\"%.1f\" text-anchor=\"end\">%.0f</text>\n", left, at, left+width, at, left-6, at+4, math.Pow(10, p))
	}
	var points []string
	for _, s := range list {
		points = append(points, fmt.Sprintf("%.1f,%.1f", x(s), y(of(s))))
		fmt.Fprintf(b, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"4\" fill=\"#0b57d0\"/><text x=\"%.1f\" y=\"%.1f\" text-anchor=\"middle\">%s</text><text x=\"%.1f\" y=\"260\" text-anchor=\"middle\">%s</text>\n",
			x(s), y(of(s)), x(s), y(of(s))-10, strconv.FormatFloat(math.Round(of(s)*10)/10, 'f', -1, 64), x(s), short(s.Devices))
	}
	fmt.Fprintf(b, "<polyline points=\"%s\" fill=\"none\" stroke=\"#0b57d0\" stroke-width=\"2\"/>\n", strings.Join(points, " "))
}

// short writes a number of devices as 10k or 1M.
func short(n int) string {
	switch {
	case n >= 1_000_000 && n%1_000_000 == 0:
		return strconv.Itoa(n/1_000_000) + "M"
	case n >= 1000 && n%1000 == 0:
		return strconv.Itoa(n/1000) + "k"
	}
	return strconv.Itoa(n)
}
