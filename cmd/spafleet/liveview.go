package main

import (
	"os"
	"os/signal"
	"slices"
	"strings"
	"sync"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/colorprofile"

	"spafleet/host"
	"spafleet/host/tty"
	"spafleet/scenarios/live"
)

// A liveView draws how a run stands at the end of a terminal, in the main screen, and takes it
// away at the end. It reads no keys: Ctrl-C is the signal that it is without a view. A terminal
// that is closed takes what is written, or not; the run goes on.
type liveView struct {
	look    func() *live.Snapshot
	screen  *screen
	program *tea.Program
	signals chan os.Signal
	loud    func() // has the terminal show again what is typed
	ending  bool
	stop    chan struct{}
	drawn   sync.WaitGroup
	done    sync.WaitGroup
}

// lookEvery is how often a view is made again. It is written where it has changed.
const lookEvery = 250 * time.Millisecond

// openView shows what look returns, until close.
func openView(s *screen, what host.Screen, look func() *live.Snapshot) *liveView {
	v := &liveView{look: look, screen: s, signals: make(chan os.Signal, 8), stop: make(chan struct{})}
	profile := colorprofile.ANSI
	if !what.Colour {
		profile = colorprofile.ASCII
	}
	v.program = tea.NewProgram(&picture{colour: what.Colour, columns: what.Columns, rows: what.Rows}, tea.WithInput(nil), tea.WithOutput(s.w), tea.WithoutSignalHandler(),
		tea.WithFPS(int(time.Second/lookEvery)), tea.WithColorProfile(profile))
	signal.Notify(v.signals, slices.Concat(ends(), tty.Stops())...)
	v.loud = tty.Quiet(s.Fd())
	v.drawn.Go(func() { _, _ = v.program.Run() }) // its error is that of the terminal
	v.program.Send(v.snapshot())
	s.show(func(line string) { v.program.Send(tea.Println(line)()) })
	v.done.Go(v.follow)
	return v
}

// close takes the view away. The terminal is then as before.
func (v *liveView) close() {
	close(v.stop)
	v.done.Wait()
	v.erase()
	signal.Stop(v.signals)
}

// erase ends the drawing.
func (v *liveView) erase() {
	v.program.Send(nothing{})
	v.program.Quit()
	v.drawn.Wait()
	v.screen.hide()
	v.loud()
}

func (v *liveView) snapshot() *live.Snapshot {
	s := v.look()
	s.Ending = v.ending
	return s
}

// follow draws again and again, and hears signals.
func (v *liveView) follow() {
	ticker := time.NewTicker(lookEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
		case s := <-v.signals:
			v.hear(s)
		case <-v.stop:
			return
		}
		v.program.Send(v.snapshot())
	}
}

// hear acts on a signal. The first one that ends a run ends it cleanly, which others see to;
// the next one ends the program at once.
func (v *liveView) hear(s os.Signal) {
	switch {
	case slices.Contains(tty.Stops(), s):
		v.pause()
	case v.ending:
		v.erase()
		tty.Die(s, exitInterrupted)
	case s == tty.Hangup():
		signal.Ignore(s) // the shell sends one too
		fallthrough
	default:
		v.ending = true
	}
}

// pause gives the terminal back while the process is stopped.
func (v *liveView) pause() {
	v.program.Send(nothing{})
	_ = v.program.ReleaseTerminal() // its error is that of the terminal, as below
	v.loud()
	tty.Stop()
	v.loud = tty.Quiet(v.screen.Fd())
	_ = v.program.RestoreTerminal()
}

// A picture is the model of the program: the last snapshot, in a window.
type picture struct {
	colour        bool
	columns, rows int
	snapshot      *live.Snapshot
	lines         []string
}

// nothing is the message that takes the view away.
type nothing struct{}

func (p *picture) Init() tea.Cmd { return nil }

func (p *picture) Update(m tea.Msg) (tea.Model, tea.Cmd) {
	before := len(p.lines)
	switch m := m.(type) {
	case tea.WindowSizeMsg:
		p.columns, p.rows, before = m.Width, m.Height, 0
	case nothing:
		p.snapshot = nil
	case *live.Snapshot:
		p.snapshot = m
	default:
		return p, nil
	}
	p.lines = nil
	if p.snapshot != nil {
		p.lines = p.snapshot.View(p.columns, max(p.rows-1, 1), p.colour) // the last row is the cursor's
		for len(p.lines) < before {
			p.lines = append(p.lines, "") // one that shrinks and grows is drawn whole each time
		}
	}
	return p, nil
}

func (p *picture) View() tea.View {
	v := tea.NewView(strings.Join(p.lines, "\n"))
	v.DisableBracketedPasteMode = true
	return v
}
