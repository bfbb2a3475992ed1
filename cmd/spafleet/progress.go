package main

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"spafleet/host"
	"spafleet/scenarios"
	"spafleet/scenarios/report"
	"spafleet/scenarios/run"
)

// progress shows how a run stands: a live view on a terminal that can be drawn
// over, a line every five seconds elsewhere. It writes to the error stream;
// results are elsewhere.
type progress struct {
	w     io.Writer
	name  string
	jumps bool // the fleet's time is not the wall's
	live  *run.Live
	drawn int // lines of the view that are on the screen
	pace  pace
	began time.Time

	stop chan struct{}
	done sync.WaitGroup
}

func newProgress(w io.Writer, s *scenarios.Scenario) *progress {
	return &progress{w: w, name: s.Name, jumps: s.Clock.Jumps(), stop: make(chan struct{})}
}

// start shows a run until end.
func (p *progress) start(live *run.Live) {
	p.live, p.began = live, time.Now()
	every := 5 * time.Second
	if screen, _ := host.Terminal(p.w); screen.Live {
		every = 100 * time.Millisecond
	}
	p.done.Go(func() {
		ticker := time.NewTicker(every)
		defer ticker.Stop()
		for {
			select {
			case <-ticker.C:
				p.show()
			case <-p.stop:
				return
			}
		}
	})
}

// end stops showing. On a terminal the view stands as it was at the end.
func (p *progress) end() {
	if p.live == nil {
		return
	}
	close(p.stop)
	p.done.Wait()
	if screen, _ := host.Terminal(p.w); screen.Live {
		p.show()
	}
	p.live = nil
}

func (p *progress) show() {
	v := p.look()
	screen, _ := host.Terminal(p.w)
	if !screen.Live {
		fmt.Fprintln(p.w, v.line())
		return
	}
	lines := v.lines(screen)
	var b strings.Builder
	if p.drawn > 0 {
		fmt.Fprintf(&b, "\x1b[%dA", p.drawn)
	}
	for _, line := range lines {
		b.WriteString(line + "\x1b[K\n")
	}
	b.WriteString("\x1b[J") // what was there when it had more lines
	p.drawn = len(lines)
	io.WriteString(p.w, b.String())
}

// look gathers what is shown.
func (p *progress) look() *view {
	load := p.live.MachineLoad()
	v := &view{
		name: p.name, jumps: p.jumps, wall: time.Since(p.began), summary: report.Summarize(p.live.Tally.Totals()),
		running: p.live.Fleet.Running(), steps: p.live.Steps(), expected: p.live.Expected(), load: load.Line(),
	}
	v.passed, v.whole = p.live.Passed()
	v.rate, v.speed = p.pace.add(moment{v.wall, v.passed, v.summary.Resyncs.OK + v.summary.Resyncs.Failed})
	return v
}

// A moment is how far a run was.
type moment struct {
	wall    time.Duration
	passed  time.Duration // of the fleet's time
	resyncs int64
}

// A pace measures how fast a run goes, over the last seconds.
type pace struct{ seen []moment }

// paceOver is how long the moments are kept that a pace is measured over.
const paceOver = 5 * time.Second

// add returns the resyncs per second and how many times faster than the wall's the
// fleet's time goes; 0 for the first moment.
func (p *pace) add(m moment) (rate, speed float64) {
	p.seen = append(p.seen, m)
	for len(p.seen) > 2 && m.wall-p.seen[1].wall >= paceOver {
		p.seen = p.seen[1:]
	}
	first := p.seen[0]
	seconds := (m.wall - first.wall).Seconds()
	if seconds <= 0 {
		return 0, 0
	}
	return float64(m.resyncs-first.resyncs) / seconds, (m.passed - first.passed).Seconds() / seconds
}
