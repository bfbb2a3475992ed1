package main

import (
	"cmp"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/colorprofile"

	"spafleet/host"
	"spafleet/host/lines"
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
	paused  bool
	out     *canvas
	over    chan struct{} // the program has ended, by itself where the terminal is closed
	stop    chan struct{}
	done    sync.WaitGroup
}

// A canvas is a terminal that a view is drawn in. Its cursor is hidden from the first frame
// until the view ends, whatever the program says of it.
type canvas struct {
	*screen
	shown chan struct{} // the first frame stands
	once  sync.Once
}

const hideCursor, showCursor = "\x1b[?25l", "\x1b[?25h"

// asDrawn are sequences of the program, and what is written in their place. What erases all
// below the cursor makes tmux keep a screen in its history, where the cursor stands at the top:
// so the line of the cursor is erased alone, and then what is below that.
var asDrawn = strings.NewReplacer(hideCursor, "", showCursor, "", "\x1b[J", "\x1b7\x1b[K\x1b[B\x1b[J\x1b8")

func (c *canvas) Write(p []byte) (int, error) {
	frame := asDrawn.Replace(string(p))
	c.once.Do(func() {
		frame = hideCursor + frame
		close(c.shown)
	})
	_, err := io.WriteString(c.w, frame)
	return len(p), err
}

func (c *canvas) Read([]byte) (int, error) { return 0, io.EOF }

func (c *canvas) Close() error { return nil }

// lookEvery is how often a view is made again. It is written where it has changed.
const lookEvery = 250 * time.Millisecond

// openView shows what look returns, until close.
func openView(s *screen, what host.Screen, look func() *live.Snapshot) *liveView {
	v := &liveView{look: look, screen: s, signals: make(chan os.Signal, 8), over: make(chan struct{}), stop: make(chan struct{})}
	v.out = &canvas{screen: s, shown: make(chan struct{})}
	profile := colorprofile.ANSI
	if !what.Colour {
		profile = colorprofile.ASCII
	}
	v.program = tea.NewProgram(&picture{colour: what.Colour, columns: what.Columns, rows: what.Rows}, tea.WithInput(nil), tea.WithOutput(v.out), tea.WithoutSignalHandler(),
		tea.WithFPS(int(time.Second/lookEvery)), tea.WithColorProfile(profile))
	signal.Notify(v.signals, slices.Concat(ends(), tty.Stops())...)
	v.loud = tty.Quiet(s.Fd())
	go func() { // erase waits for it
		defer close(v.over)
		_, _ = v.program.Run() // its error is that of the terminal
	}()
	v.program.Send(v.snapshot())
	s.show(v.print)
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
	v.screen.hide(func() {
		v.program.Send(nothing{})
		v.program.Quit()
		<-v.over
		_, _ = io.WriteString(v.screen.w, showCursor)
	})
	v.loud()
}

// print has a line stand above the view. It is broken into rows, because the program knows
// the place of the view only where each line is one.
func (v *liveView) print(line string) {
	select {
	case <-v.out.shown:
	case <-v.over:
	}
	columns := 80
	if what, is := host.Terminal(v.screen); is {
		columns = what.Columns
	}
	for _, row := range rowsOf(line, columns-1) {
		v.program.Send(tea.Println(row)())
	}
}

// rowsOf breaks a line that is wider than a terminal, at a blank where there is one.
func rowsOf(line string, columns int) []string {
	if utf8.RuneCountInString(line) <= columns {
		return []string{cmp.Or(line, " ")} // of an empty one bubbletea makes nothing
	}
	var rows []string
	for _, row := range lines.Wrap(line, columns) {
		for part := range slices.Chunk([]rune(row), max(columns, 1)) {
			rows = append(rows, string(part))
		}
	}
	return rows
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
			v.resume() // bash tells a process by no signal that it has the terminal again
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

// pause gives the terminal back and stops the process.
func (v *liveView) pause() {
	if !v.paused {
		v.paused = true
		v.screen.hide(func() {
			v.program.Send(nothing{})
			_ = v.program.ReleaseTerminal() // its error is that of the terminal, as below
			_, _ = io.WriteString(v.screen.w, showCursor)
		})
		v.loud()
		v.loud = func() {}
	}
	tty.Stop()
	v.resume()
}

// resume shows the view again, if the shell has not put the process into the background.
func (v *liveView) resume() {
	if !v.paused || !tty.Foreground(v.screen.Fd()) {
		return
	}
	v.paused = false
	v.loud = tty.Quiet(v.screen.Fd())
	_, _ = io.WriteString(v.screen.w, hideCursor)
	_ = v.program.RestoreTerminal()
	v.screen.show(v.print)
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
	// It rests in the first line: a terminal that breaks lines again when its window changes
	// keeps it there, so what is below it can be drawn again. This shape is that of the
	// terminal, which others would change for good.
	v.Cursor = &tea.Cursor{Shape: -1}
	return v
}
