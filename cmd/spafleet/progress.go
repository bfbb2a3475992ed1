package main

import (
	"fmt"
	"os/signal"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/spf13/pflag"

	"spafleet/host"
	"spafleet/host/tty"
	"spafleet/scenarios"
	"spafleet/scenarios/live"
	"spafleet/scenarios/run"
)

// progressFlag is --progress.
type progressFlag struct{ lines bool }

var progressForms = []string{"auto", "plain"}

func (f *progressFlag) String() string {
	if f.lines {
		return progressForms[1]
	}
	return progressForms[0]
}

func (f *progressFlag) Set(text string) error {
	if !slices.Contains(progressForms, text) {
		return fmt.Errorf("give %s", strings.Join(progressForms, " or "))
	}
	f.lines = text == progressForms[1]
	return nil
}

func (f *progressFlag) Type() string { return "FORM" }

func (f *progressFlag) register(flags *pflag.FlagSet) {
	flags.Var(f, "progress", "`FORM` of what is shown meanwhile: auto, a live view on a terminal and else a line every five seconds; or plain, lines")
}

// progress shows how a run stands: a live view on a terminal that can be drawn over, a line
// every five seconds elsewhere. It writes to the error stream; results are elsewhere.
type progress struct {
	screen *screen
	plain  bool // lines are wanted on a terminal too
	name   string
	jumps  bool // the fleet's time is not the wall's
	late   time.Duration
	finite bool // the run ends by itself
	live   *run.Live
	pace   live.Pace
	began  time.Time

	view *liveView // nil: there are lines
	stop chan struct{}
	done sync.WaitGroup
}

func newProgress(w *screen, s *scenarios.Scenario) *progress {
	return &progress{screen: w, name: s.Name, jumps: s.Clock.Jumps(), late: s.MaxLateness(), finite: s.Duration > 0 || s.Clock.Jumps(), stop: make(chan struct{})}
}

// start shows a run until end.
func (p *progress) start(l *run.Live) {
	p.live, p.began = l, time.Now()
	if what, _ := host.Terminal(p.screen); what.Live && !p.plain && tty.Foreground(p.screen.Fd()) {
		if hangup := tty.Hangup(); p.finite && hangup != nil {
			signal.Ignore(hangup) // it goes on without a terminal
		}
		p.view = openView(p.screen, what, p.look)
		return
	}
	p.done.Go(p.lines)
}

// lines writes one every five seconds.
func (p *progress) lines() {
	ticker := time.NewTicker(5 * time.Second)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			fmt.Fprintln(p.screen, p.look().Line())
		case <-p.stop:
			return
		}
	}
}

// end stops showing. Nothing of a view is left.
func (p *progress) end() {
	if p.live == nil {
		return
	}
	if p.view != nil {
		p.view.close()
	}
	close(p.stop)
	p.done.Wait()
	p.live = nil
}

// look gathers what is shown.
func (p *progress) look() *live.Snapshot {
	s := &live.Snapshot{Progress: *p.live.Progress(), Name: p.name, Jumps: p.jumps, Wall: time.Since(p.began), Late: p.late}
	p.pace.Add(s)
	return s
}
