package main

import (
	"io"
	"sync"

	"spafleet/host"
	"spafleet/host/lines"
)

// A statusLine is one line of a terminal that says how far something is. Where there is no
// terminal that can be drawn over, nothing is written.
type statusLine struct {
	w     io.Writer
	mu    sync.Mutex
	drawn bool
}

// show writes a text in the place of the one before.
func (l *statusLine) show(text string) {
	screen, _ := host.Terminal(l.w)
	if !screen.Live {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.drawn = true
	_, _ = io.WriteString(l.w, "\r"+lines.Cut(text, screen.Columns-1)+"\x1b[K") // to a closed pipe it does not matter
}

// end removes the line.
func (l *statusLine) end() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.drawn {
		_, _ = io.WriteString(l.w, "\r\x1b[K")
	}
}
