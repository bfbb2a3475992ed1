package main

import (
	"bytes"
	"io"
	"sync"
)

// A screen is an error stream that may be a terminal with a live view at its end. Lines that
// are written meanwhile stand above the view.
type screen struct {
	w io.Writer

	mu    sync.Mutex
	above func(lines string) // nil: there is no view
	part  []byte             // of a line that has not ended
}

func (s *screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.above == nil {
		return s.w.Write(p)
	}
	s.part = append(s.part, p...)
	for {
		line, rest, ok := bytes.Cut(s.part, []byte{'\n'})
		if !ok {
			return len(p), nil
		}
		s.above(string(line))
		s.part = rest
	}
}

// Fd returns the descriptor of a file, for who asks whether it is a terminal.
func (s *screen) Fd() uintptr {
	if f, ok := s.w.(interface{ Fd() uintptr }); ok {
		return f.Fd()
	}
	return ^uintptr(0)
}

// show has lines go above a view from now on.
func (s *screen) show(above func(lines string)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.above = above
}

// hide takes the view away. What is written goes to the stream again.
func (s *screen) hide(view func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	view()
	s.above = nil
	_, _ = s.w.Write(s.part) // to a closed terminal it does not matter
	s.part = nil
}
