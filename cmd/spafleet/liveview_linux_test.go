package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	"golang.org/x/sys/unix"

	"spafleet/host"
	"spafleet/host/lines"
	"spafleet/scenarios/live"
	"spafleet/scenarios/run"
)

// aRun is a run that can be seen for a while.
func aRun(more ...string) []string {
	return append([]string{"run", "--model", "SPA2102", "--count", "60", "--set", "Resync_Random_Delay=0", "--switch", "reboot_time=0s"}, more...)
}

// sample is a snapshot whose view is more than a few lines.
func sample() *live.Snapshot {
	s := &live.Snapshot{Name: "sample", Wall: 42 * time.Second, Rate: 48.2, Rates: []float64{1, 2, 3}}
	s.Summary.Devices, s.Summary.States = 200, map[string]int{"SP-CUST": 50, "SEC-PRV-2": 150}
	s.Summary.Resyncs.OK, s.Summary.Resyncs.Failed = 1520, 3
	s.Expected = []run.Expected{{Name: "all reach SEC-PRV-2", Held: 150, Devices: 200}, {Name: "none is lost", Held: 200, Devices: 200, Decided: true, OK: true}}
	return s
}

// opened is a live view in a window, of what look returns.
func opened(t *testing.T, w *window, look func() *live.Snapshot) (*screen, *liveView) {
	t.Helper()
	t.Setenv("TERM", "xterm")
	t.Setenv("CI", "")
	s := &screen{w: w.program}
	what, is := host.Terminal(s)
	if !is || !what.Live {
		t.Fatalf("%+v", what)
	}
	return s, openView(s, what, look)
}

// bottom reports whether a text ends in a view of a size.
func bottom(text string, columns, rows int) bool {
	view := trimmed(strings.Join(sample().View(columns, rows-1, false), "\n"))
	return text == view || strings.HasSuffix(text, "\n"+view)
}

// What a run prints meanwhile stands above the view, in the order in which it was written, and
// is all that is left at the end.
func TestLinesStandAboveTheView(t *testing.T) {
	long := "warning: " + strings.Repeat("a long word ", 12) + "end"
	for _, size := range [][2]int{{80, 24}, {40, 12}, {40, 6}, {120, 50}, {80, 6}} {
		t.Run(fmt.Sprintf("%dx%d", size[0], size[1]), func(t *testing.T) {
			w := newWindow(t, size[0], size[1])
			fmt.Fprintln(w.program, "before")
			s, v := opened(t, w, sample)
			want := "before"
			for i := range 12 {
				line := fmt.Sprintf("line %d", i)
				if i%5 == 0 {
					line = fmt.Sprintf("%d %s", i, long)
				}
				fmt.Fprintln(s, line)
				want += "\n" + strings.Join(lines.Wrap(line, size[0]-1), "\n")
				w.until("the view below "+line, func(text string) bool {
					return bottom(text, size[0], size[1]) && strings.Contains(w.all(), "\n"+line[:6])
				})
			}
			fmt.Fprint(s, "half a line")
			v.close()
			fmt.Fprintln(s, " and its end")
			want += "\nhalf a line and its end"
			w.await("and its end")
			if got := w.all(); got != want {
				t.Errorf("what is left:\n%s\n--- want\n%s", got, want)
			}
			w.asBefore()
		})
	}
}

// A window that becomes narrow, small, and large again has the view of its size.
func TestTheViewFollowsTheSizeOfTheWindow(t *testing.T) {
	w := newWindow(t, 80, 24)
	s, v := opened(t, w, sample)
	w.until("the view", func(text string) bool { return bottom(text, 80, 24) })
	for _, size := range [][2]int{{40, 24}, {40, 6}, {120, 40}, {80, 10}, {30, 3}, {80, 24}} {
		w.resize(size[0], size[1])
		v.program.Send(tea.WindowSizeMsg{Width: size[0], Height: size[1]}) // the signal goes to who has the terminal as its own
		w.until(fmt.Sprintf("the view of %v", size), func(text string) bool { return bottom(text, size[0], size[1]) })
	}
	v.close()
	fmt.Fprintln(s, "the end")
	w.await("the end")
	w.asBefore()
}

// Nothing is written while nothing changes, and else four times a second.
func TestTheViewIsWrittenWhereItHasChanged(t *testing.T) {
	w := newWindow(t, 80, 24)
	var looks, changes atomic.Int64
	look := func() *live.Snapshot {
		looks.Add(1)
		s := sample()
		s.Summary.Resyncs.OK += changes.Load()
		return s
	}
	_, v := opened(t, w, look)
	count := func(until int64) (written int) {
		w.mu.Lock()
		before := w.writes
		w.mu.Unlock()
		for tick := time.NewTicker(10 * time.Millisecond); looks.Load() < until; <-tick.C {
			if changes.Load() > 0 {
				changes.Add(1)
			}
		}
		w.mu.Lock()
		defer w.mu.Unlock()
		return w.writes - before
	}
	w.until("the view", func(text string) bool { return bottom(text, 80, 24) })
	if n := count(looks.Load() + 6); n > 0 {
		t.Errorf("written %d times while nothing changed", n)
	}
	changes.Add(1)
	began := time.Now()
	if n, most := count(looks.Load()+8), int(time.Since(began)/lookEvery)+2; n == 0 || n > most {
		t.Errorf("written %d times in %s, want at most %d", n, time.Since(began), most)
	}
	v.close()
}

// What is left in the terminal is the report, as it is printed elsewhere.
func TestAViewLeavesTheReport(t *testing.T) {
	w := newWindow(t, 80, 24)
	w.leavesTheReport(func() { w.await("resyncs ") })
	w.asBefore()
}

// So it is where the window was resized. Lines of a view that was drawn just then may
// stand above the report: the terminal has moved them before the program knows.
func TestAViewThatIsResizedLeavesTheReport(t *testing.T) {
	w := newWindow(t, 80, 24)
	w.leavesTheReport(func() {
		w.await("resyncs ")
		w.resize(60, 12)
		w.await("resyncs ")
		w.resize(80, 24)
		w.await("resyncs ")
	})
	w.hasItsModes()
}

// leavesTheReport has a run do things in the window, and be interrupted.
func (w *window) leavesTheReport(things func()) {
	w.t.Helper()
	result := filepath.Join(w.t.TempDir(), "result.json")
	c := w.runs(nil, aRun("--result", result)...)
	things()
	w.types(ctrlC)
	if code, killed := c.code(); code != exitInterrupted {
		w.t.Errorf("exit code %d, %v", code, killed)
	}
	report, err := exec.CommandContext(w.t.Context(), "spafleet", "report", "text", result).Output()
	if err != nil {
		w.t.Fatal(err)
	}
	letters := func(text string) string { return strings.Join(strings.Fields(text), "") } // a terminal breaks lines that are longer
	w.until("the whole report:\n"+string(report), func(string) bool { return strings.HasSuffix(letters(w.all()), letters(string(report))) })
}

// blocked is a run whose end waits until its events are read.
func blocked(t *testing.T, w *window, more ...string) (c *child, events *os.File) {
	t.Helper()
	fifo := filepath.Join(t.TempDir(), "events")
	if err := unix.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	events, err := os.OpenFile(fifo, os.O_RDWR|unix.O_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { events.Close() })
	c = w.runs(nil, aRun(append([]string{"--count", "150", "--events", fifo}, more...)...)...)
	w.await("resyncs ")
	raw, err := events.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	for tick, n := time.NewTicker(10*time.Millisecond), 0; n < 60_000; <-tick.C {
		_ = raw.Control(func(fd uintptr) { n, _ = unix.IoctlGetInt(int(fd), unix.TIOCINQ) })
	}
	return c, events
}

const ctrlC, ctrlZ = "\x03", "\x1a"

func TestCtrlCInAViewEndsTheRunWithItsReport(t *testing.T) {
	w := newWindow(t, 80, 24)
	c, events := blocked(t, w)
	w.types(ctrlC)
	w.await("ending; the report follows")
	go func() {
		for b := make([]byte, 1<<16); ; {
			if _, err := events.Read(b); err != nil {
				return
			}
		}
	}()
	if code, killed := c.code(); code != exitInterrupted {
		t.Errorf("exit code %d, %v", code, killed)
	}
	w.until("the report", func(string) bool { return strings.Contains(w.all(), "run: interrupted after") })
	w.asBefore()
}

func TestASecondCtrlCInAViewEndsAtOnce(t *testing.T) {
	w := newWindow(t, 80, 24)
	c, _ := blocked(t, w)
	w.types(ctrlC)
	w.await("ending; the report follows")
	w.types(ctrlC)
	if code, killed := c.code(); killed != syscall.SIGINT {
		t.Errorf("exit code %d, %v; want it to end by the signal", code, killed)
	}
	w.program.WriteString("$ \n") // what the shell writes
	w.await("$")
	if strings.Contains(w.all(), "interrupted after") {
		t.Errorf("there is a report:\n%s", w.all())
	}
	w.asBefore()
}

// While it is stopped the shell has the terminal.
func TestCtrlZGivesTheTerminalBack(t *testing.T) {
	w := newWindow(t, 80, 24)
	c := w.runs(nil, aRun()...)
	w.await("resyncs ")
	w.types(ctrlZ)
	for tick := time.NewTicker(10 * time.Millisecond); !stopped(t, c.Process.Pid); <-tick.C {
	}
	w.program.WriteString("the shell\n")
	w.await("the shell")
	w.asBefore()
	if err := c.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	w.await("resyncs ")
	w.types(ctrlC)
	if code, killed := c.code(); code != exitInterrupted {
		t.Errorf("exit code %d, %v", code, killed)
	}
	w.until("the report", func(string) bool { return strings.Contains(w.all(), "run: interrupted after") })
	if !strings.Contains(w.all(), "the shell\n") {
		t.Errorf("it wrote over the shell:\n%s", w.all())
	}
	w.asBefore()
}

var stateT = regexp.MustCompile(`\) T `)

func stopped(t *testing.T, pid int) bool {
	t.Helper()
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		t.Fatal(err)
	}
	return stateT.Match(stat)
}

// A run that ends by itself goes on without its terminal, and ends as with it; another ends as
// by Ctrl-C.
func TestATerminalThatIsClosed(t *testing.T) {
	for _, tt := range []struct {
		name, verdict string
		code          int
		more          []string
	}{
		{"with an end", "finished", exitOK, []string{"--duration", "3s"}},
		{"until Ctrl-C", "interrupted", exitInterrupted, nil},
		{"plain, until Ctrl-C", "interrupted", exitInterrupted, []string{"--progress", "plain"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWindow(t, 80, 24)
			result := filepath.Join(t.TempDir(), "result.json")
			c := w.runs(nil, aRun(append(tt.more, "--result", result)...)...)
			w.await("built-in server")
			if tt.code == exitOK {
				w.await("resyncs ")
			}
			w.program.Close()
			w.file.Close()
			if code, killed := c.code(); code != tt.code {
				t.Errorf("exit code %d, %v, want %d", code, killed, tt.code)
			}
			var left struct {
				Verdict string  `json:"verdict"`
				Seconds float64 `json:"duration_seconds"`
			}
			if b, err := os.ReadFile(result); err != nil || json.Unmarshal(b, &left) != nil || left.Verdict != tt.verdict {
				t.Errorf("%v, %+v", err, left)
			}
			if tt.code == exitOK && left.Seconds < 3 {
				t.Errorf("it ended after %g s", left.Seconds)
			}
		})
	}
}

// Where a view cannot be or is not wanted, nothing is drawn.
func TestWhereThereIsNoView(t *testing.T) {
	for _, tt := range []struct {
		environment string
		more        []string
	}{
		{"TERM=dumb", nil},
		{"TERM=", nil},
		{"CI=true", nil},
		{"TERM=xterm", []string{"--progress", "plain"}},
		{"TERM=xterm", []string{"--events", "-"}},
	} {
		t.Run(tt.environment+strings.Join(tt.more, " "), func(t *testing.T) {
			w := newWindow(t, 80, 24)
			c := w.runs([]string{tt.environment}, aRun(append(tt.more, "--duration", "1s")...)...)
			if code, killed := c.code(); code != exitOK {
				t.Errorf("exit code %d, %v", code, killed)
			}
			w.until("the report", func(string) bool { return strings.Contains(w.all(), "run: finished after") })
			w.mu.Lock()
			defer w.mu.Unlock()
			if strings.Contains(w.raw.String(), "\x1b") {
				t.Errorf("an escape sequence:\n%q", w.raw.String())
			}
		})
	}
}

var colour = regexp.MustCompile("\x1b\\[[0-9;]*[1-9][0-9;]*m")

func TestColoursAreLeftOut(t *testing.T) {
	for environment, want := range map[string]bool{"NO_COLOR=1": false, "NO_COLOR=": true} {
		w := newWindow(t, 80, 24)
		c := w.runs([]string{environment}, aRun()...)
		w.await("resyncs ")
		w.types(ctrlC)
		c.code()
		w.mu.Lock()
		if got := colour.MatchString(w.raw.String()); got != want {
			t.Errorf("%s: colours: %t\n%q", environment, got, w.raw.String())
		}
		w.mu.Unlock()
	}
}
