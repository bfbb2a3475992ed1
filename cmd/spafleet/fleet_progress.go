package main

import (
	"fmt"
	"io"
	"os"
	"time"

	"spafleet/scenarios/accesslog"
)

// A reading shows on a terminal how much of some logs is read.
type reading struct {
	line  statusLine
	whole int64 // bytes of all files, packed or not; 0: not known
	read  int64
	lines int // of the logs that are read whole
	next  time.Time
	every int // lines until the time is looked at again
}

const (
	readingEvery = 300 * time.Millisecond
	readingLines = 1 << 14
)

func newReading(w io.Writer, logs []string) *reading {
	r := &reading{line: statusLine{w: w}, every: readingLines, next: time.Now().Add(readingEvery)}
	for _, name := range logs {
		info, err := os.Stat(name)
		if name == "-" || err != nil || !info.Mode().IsRegular() {
			r.whole = 0
			break
		}
		r.whole += info.Size()
	}
	return r
}

// of counts what is read of a log.
func (r *reading) of(in io.Reader) io.Reader { return &countedReader{in, &r.read} }

type countedReader struct {
	in   io.Reader
	read *int64
}

func (c *countedReader) Read(p []byte) (int, error) {
	n, err := c.in.Read(p)
	*c.read += int64(n)
	return n, err
}

// at shows where the reading is, now and then.
func (r *reading) at(c *accesslog.Counts) {
	if r.every--; r.every > 0 {
		return
	}
	r.every = readingLines
	now := time.Now()
	if now.Before(r.next) {
		return
	}
	r.next = now.Add(readingEvery)
	part := ""
	if r.whole > 0 {
		part = fmt.Sprintf(" (%d %%)", min(100, 100*r.read/r.whole))
	}
	r.line.show(fmt.Sprintf("%d lines read%s", r.lines+c.Lines, part))
}

// ended notes that a log is read.
func (r *reading) ended(c *accesslog.Counts) { r.lines += c.Lines }
