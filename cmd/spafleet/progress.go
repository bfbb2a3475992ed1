package main

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"spafleet/fsm"
	"spafleet/host"
	"spafleet/scenarios/report"
	"spafleet/scenarios/run"
)

// progress shows how a run stands: a live table on a terminal, a line every
// five seconds elsewhere. It writes to the error stream; results are elsewhere.
type progress struct {
	w        io.Writer
	terminal bool
	live     *run.Live
	name     string
	began    time.Time
	lines    int // that the table has on the screen

	stop chan struct{}
	done sync.WaitGroup
}

func newProgress(w io.Writer, name string) *progress {
	_, terminal := host.Terminal(w)
	return &progress{w: w, terminal: terminal, name: name, stop: make(chan struct{})}
}

// start shows a run until end.
func (p *progress) start(live *run.Live) {
	p.live, p.began = live, time.Now()
	every := 5 * time.Second
	if p.terminal {
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

// end stops showing. On a terminal the table stands as it was at the end.
func (p *progress) end() {
	if p.live == nil {
		return
	}
	close(p.stop)
	p.done.Wait()
	if p.terminal {
		p.show()
	}
	p.live = nil
}

func (p *progress) show() {
	s := report.Summarize(p.live.Tally.Totals())
	if !p.terminal {
		fmt.Fprintln(p.w, p.line(s))
		return
	}
	columns, _ := host.Terminal(p.w)
	text := narrow(p.table(s), columns)
	if p.lines > 0 {
		fmt.Fprintf(p.w, "\x1b[%dA", p.lines)
	}
	p.lines = strings.Count(text, "\n")
	fmt.Fprint(p.w, strings.ReplaceAll(text, "\n", "\x1b[K\n"))
}

// narrow cuts lines at the width of the terminal: a line that goes on in the next
// row would shift the table when it is drawn over. 0 columns: the width is not known.
func narrow(text string, columns int) string {
	if columns == 0 {
		return text
	}
	var b strings.Builder
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		if letters := []rune(line); len(letters) > columns {
			line = string(letters[:columns])
		}
		b.WriteString(line + "\n")
	}
	return b.String()
}

func (p *progress) elapsed() string {
	d := time.Since(p.began).Round(time.Second)
	return fmt.Sprintf("%d:%02d", int(d.Minutes()), int(d.Seconds())%60)
}

// line is the state in one line: for logs.
func (p *progress) line(s report.Summary) string {
	var states []string
	for _, st := range fsm.States() {
		if n := s.States[st.String()]; n > 0 {
			states = append(states, fmt.Sprintf("%s %d", st, n))
		}
	}
	health := p.live.MachineLoad()
	return fmt.Sprintf("%s %s  %s · resyncs %d ok, %d failed · %d running · %s", p.name, p.elapsed(), strings.Join(states, ", "),
		s.Resyncs.OK, s.Resyncs.Failed, p.live.Fleet.Running(), health.Line())
}

// table is the state by model, with a bar that fills as devices move on.
func (p *progress) table(s report.Summary) string {
	var b strings.Builder
	head := fmt.Sprintf("%s %s", p.name, p.elapsed())
	fmt.Fprintf(&b, "%-22s %d devices · resyncs %d ok, %d failed · %d running", head, s.Devices, s.Resyncs.OK, s.Resyncs.Failed, p.live.Fleet.Running())
	if steps := p.live.Steps(); len(steps) > 0 {
		fmt.Fprintf(&b, " · %s", strings.Join(steps, ", "))
	}
	health := p.live.MachineLoad()
	fmt.Fprintf(&b, "\n%-22s %s\n", "this machine", health.Line())
	s.WriteStates(&b, true)
	return b.String()
}
