package main

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"spafleet/fsm"
	"spafleet/host"
	"spafleet/scenarios"
	"spafleet/scenarios/report"
)

// progress shows how a run stands: a live table on a terminal, a line every
// five seconds elsewhere. It writes to the error stream; results are elsewhere.
type progress struct {
	w        io.Writer
	terminal bool
	live     *scenarios.Live
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
func (p *progress) start(live *scenarios.Live) {
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
	s := p.live.Tally.Summary()
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
	health := p.live.Health()
	return fmt.Sprintf("%s %s  %s · resyncs %d ok, %d failed · %d running · %s", p.name, p.elapsed(), strings.Join(states, ", "),
		s.Resyncs.OK, s.Resyncs.Failed, p.live.Fleet.Running(), health.Line())
}

const barWidth = 24

// table is the state by model, with a bar that fills as devices move on.
func (p *progress) table(s report.Summary) string {
	var b strings.Builder
	head := fmt.Sprintf("%s %s", p.name, p.elapsed())
	fmt.Fprintf(&b, "%-22s %d devices · resyncs %d ok, %d failed · %d running", head, s.Devices, s.Resyncs.OK, s.Resyncs.Failed, p.live.Fleet.Running())
	if steps := p.live.Steps(); len(steps) > 0 {
		fmt.Fprintf(&b, " · %s", strings.Join(steps, ", "))
	}
	health := p.live.Health()
	fmt.Fprintf(&b, "\n%-22s %s\n", "this machine", health.Line())
	writeStates(&b, s, true)
	return b.String()
}

// writeStates writes a row for each make: how many devices are in each state.
func writeStates(b *strings.Builder, s report.Summary, bars bool) {
	fmt.Fprintf(b, "%-22s %9s", "", "devices")
	for _, st := range fsm.States() {
		fmt.Fprintf(b, " %9s", st)
	}
	b.WriteByte('\n')
	for _, m := range s.Models {
		fmt.Fprintf(b, "%-22s %9d", m.Model+" "+m.Firmware, m.Devices)
		for _, st := range fsm.States() {
			n := fmt.Sprint(m.States[st.String()])
			if n == "0" {
				n = "·"
			}
			fmt.Fprintf(b, " %9s", n)
		}
		if bars {
			fmt.Fprintf(b, "  %s", bar(m))
		}
		b.WriteByte('\n')
	}
}

// bar draws a make's way through the states.
func bar(m report.MakeSummary) string {
	if m.Devices == 0 {
		return ""
	}
	way := 0
	for i, st := range fsm.States() {
		way += i * m.States[st.String()]
	}
	full := way * barWidth / (m.Devices * (len(fsm.States()) - 1))
	return strings.Repeat("█", full) + strings.Repeat("░", barWidth-full)
}
