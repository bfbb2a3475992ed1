package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/charmbracelet/x/vt"

	"spafleet/host/tty/ttytest"
)

// A window is a terminal that a program has, with what stands in it.
type window struct {
	t       *testing.T
	file    *os.File // its end of the terminal
	program *os.File // the program's

	mu     sync.Mutex
	shown  *vt.Emulator
	raw    bytes.Buffer  // all that was written
	writes int           // how often the program has written
	news   chan struct{} // capacity 1
	over   chan struct{}
}

func newWindow(t *testing.T, columns, rows int) *window {
	t.Helper()
	w := &window{t: t, shown: vt.NewEmulator(columns, rows), news: make(chan struct{}, 1), over: make(chan struct{})}
	w.program, w.file = ttytest.Open(t, columns, rows)
	go w.read()
	t.Cleanup(func() {
		w.program.Close()
		w.file.Close()
		<-w.over
	})
	return w
}

// read shows what the program writes, until the terminal is closed.
func (w *window) read() {
	defer close(w.over)
	b := make([]byte, 1<<16)
	for {
		n, err := w.file.Read(b)
		if n > 0 {
			w.mu.Lock()
			_, _ = w.shown.Write(b[:n])
			w.raw.Write(b[:n])
			w.writes++
			w.mu.Unlock()
			select {
			case w.news <- struct{}{}:
			default:
			}
		}
		if err != nil {
			return
		}
	}
}

// text is what stands in the window, without blanks at the ends of lines.
func (w *window) text() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return trimmed(w.shown.String())
}

// all is what has gone out of the top of the window, and what stands in it.
func (w *window) all() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var b strings.Builder
	for _, line := range w.shown.Scrollback().Lines() {
		b.WriteString(line.String() + "\n")
	}
	return trimmed(b.String() + w.shown.String())
}

func trimmed(text string) string {
	lines := strings.Split(text, "\n")
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " ")
	}
	return strings.TrimRight(strings.Join(lines, "\n"), "\n")
}

// await waits until the window shows something.
func (w *window) await(what string) {
	w.t.Helper()
	w.until(what, func(text string) bool { return strings.Contains(text, what) })
}

func (w *window) until(what string, is func(text string) bool) {
	w.t.Helper()
	late := time.After(time.Minute)
	for !is(w.text()) {
		select {
		case <-w.news:
		case <-w.over:
			w.t.Fatalf("the terminal was closed before it showed %q:\n%s", what, w.all())
		case <-late:
			w.t.Fatalf("no %q in\n%s", what, w.all())
		}
	}
}

// resize changes the size of the window.
func (w *window) resize(columns, rows int) {
	w.t.Helper()
	w.mu.Lock()
	w.shown.Resize(columns, rows)
	w.mu.Unlock()
	ttytest.Resize(w.t, w.file, columns, rows)
}

// types types a text.
func (w *window) types(text string) {
	w.t.Helper()
	if _, err := w.file.WriteString(text); err != nil {
		w.t.Fatal(err)
	}
}

// asBefore reports what a program has left of a view in its terminal.
func (w *window) asBefore() {
	w.t.Helper()
	w.hasItsModes()
	for _, line := range strings.Split(w.all(), "\n") {
		for _, label := range []string{"resyncs ", "machine ", "expected ", "next ", "ending"} {
			if strings.HasPrefix(line, label) {
				w.t.Errorf("a line of the view is left: %q\n%s", line, w.all())
			}
		}
	}
}

// hasItsModes fails where the cursor is hidden, the other screen is shown, or what is
// typed is not.
func (w *window) hasItsModes() {
	w.t.Helper()
	w.mu.Lock()
	hidden, other := w.shown.CursorHidden(), w.shown.IsAltScreen()
	w.mu.Unlock()
	if hidden || other || !ttytest.Echoes(w.t, w.file) {
		w.t.Errorf("cursor hidden: %t, other screen: %t, what is typed is shown: %t", hidden, other, ttytest.Echoes(w.t, w.file))
	}
}

// A child is a program that runs in a window.
type child struct {
	*exec.Cmd
	ended chan error
}

// runs starts the program in a window, as the leader of its session, which hears when the
// window is closed.
func (w *window) runs(environment []string, args ...string) *child {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), 2*time.Minute)
	c := &child{exec.CommandContext(ctx, "spafleet", args...), make(chan error, 1)}
	c.Stdin, c.Stdout, c.Stderr = w.program, w.program, w.program
	c.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	c.Env = append(append(os.Environ(), "TERM=xterm-256color", "CI=", "NO_COLOR="), environment...)
	if err := c.Start(); err != nil {
		w.t.Fatal(err)
	}
	go func() {
		c.ended <- c.Wait()
		cancel()
	}()
	return c
}

// code waits for the end of a program, and returns its exit code; -1 and the signal where one
// ended it.
func (c *child) code() (int, syscall.Signal) {
	err := <-c.ended
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		return 0, 0
	}
	status := exit.Sys().(syscall.WaitStatus)
	if status.Signaled() {
		return -1, status.Signal()
	}
	return exit.ExitCode(), 0
}
