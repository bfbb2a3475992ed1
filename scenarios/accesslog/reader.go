// Package accesslog reads the logs of provisioning servers: access logs of nginx and
// Apache in the common and the combined format, and what tftpd-hpa, atftpd and dnsmasq
// tell syslog of TFTP requests. Formats may be mixed in one log.
package accesslog

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"time"
)

const (
	mostLine  = 64 << 10 // bytes of a line; what is longer is passed over
	mostShown = 120      // bytes of a line that is shown
	mostBad   = 3        // lines that are shown
)

// An Entry is one request. Its texts are valid until the next one is read.
type Entry struct {
	At     int64  // Unix time in nanoseconds
	Client []byte // address of who asks, or its name where the server logs names
	TFTP   bool
	// Path is as requested, with its query, and percent escapes undone. It is empty for a
	// line that only says that the client's last TFTP request failed.
	Path   []byte
	Status int    // of HTTP; of TFTP 200, or 404 where the log says that it failed
	Bytes  int64  // of the answer; 0 where the log does not say
	User   bool   // the client has told its name and password
	Agent  []byte // User-Agent; empty: none
}

// A Bad line is in no format that is read.
type Bad struct {
	Line int    // from 1, in its log
	Text string // quoted, the beginning of a long one
}

// Counts says what became of the lines of a log.
type Counts struct {
	Lines    int   // all
	Bytes    int64 // unpacked
	Requests int   // lines that are entries
	Other    int   // lines of other programs, and of connections without a request
	Long     int   // lines of more than 64 KB, which were passed over
	Bad      int   // lines in no format that is read
	First    []Bad // the first three of the last two kinds
}

// Options says what a log itself leaves open.
type Options struct {
	// Now is when the log is read: lines of syslog name no year, and are not of the
	// future. Its location is theirs.
	Now time.Time
	// Roots are folders that TFTP servers serve, which dnsmasq has before each name.
	// Nil: the usual ones.
	Roots []string
}

// usualRoots are where distributions have TFTP servers look for files.
var usualRoots = []string{"/srv/tftp", "/srv/tftpboot", "/var/lib/tftpboot", "/var/lib/tftp", "/tftpboot", "/private/tftpboot", "/var/tftp"}

// A Reader reads one log.
type Reader struct {
	Counts Counts

	in    *bufio.Reader
	dates dates
	roots [][]byte
	zip   *gzip.Reader
	err   error
}

// NewReader returns a reader of a log, which may be compressed by gzip.
func NewReader(in io.Reader, o Options) (*Reader, error) {
	r := &Reader{in: bufio.NewReaderSize(in, mostLine), dates: dates{now: o.Now}}
	roots := o.Roots
	if roots == nil {
		roots = usualRoots
	}
	for _, root := range roots {
		r.roots = append(r.roots, bytes.TrimRight([]byte(root), "/"))
	}
	head, err := r.in.Peek(2)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	if !bytes.Equal(head, []byte{0x1f, 0x8b}) {
		return r, nil
	}
	if r.zip, err = gzip.NewReader(r.in); err != nil {
		return nil, fmt.Errorf("it begins as gzip does, and cannot be unpacked: %w", err)
	}
	r.in = bufio.NewReaderSize(r.zip, mostLine)
	return r, nil
}

// Next reads the next request; false at the end of the log, or where it cannot be read
// on: see [Reader.Err].
func (r *Reader) Next(e *Entry) bool {
	for {
		line, ok := r.line()
		if !ok {
			return false
		}
		if line == nil {
			continue
		}
		switch r.read(line, e) {
		case request:
			r.Counts.Requests++
			return true
		case other:
			r.Counts.Other++
		default:
			r.bad(line)
		}
	}
}

// Err returns what ended the log before its end, nil for nothing.
func (r *Reader) Err() error { return r.err }

// line returns the next line without its end; nil for one that is empty or too long.
func (r *Reader) line() (line []byte, ok bool) {
	line, err := r.in.ReadSlice('\n')
	if len(line) == 0 && err != nil {
		r.end(err)
		return nil, false
	}
	r.Counts.Lines++
	r.Counts.Bytes += int64(len(line))
	if errors.Is(err, bufio.ErrBufferFull) {
		r.Counts.Long++
		r.show(line)
		for errors.Is(err, bufio.ErrBufferFull) {
			line, err = r.in.ReadSlice('\n')
			r.Counts.Bytes += int64(len(line))
		}
		line = nil
	}
	if err != nil {
		r.end(err) // what comes before it is a line all the same
	}
	if line = bytes.TrimRight(line, "\r\n"); len(line) == 0 {
		return nil, true
	}
	return line, true
}

// end notes what ended a log.
func (r *Reader) end(err error) {
	if r.err == nil && !errors.Is(err, io.EOF) {
		r.err = err
	}
}

// bad notes a line that cannot be read.
func (r *Reader) bad(line []byte) {
	r.Counts.Bad++
	r.show(line)
}

// show keeps a line that was not read, if it is one of the first.
func (r *Reader) show(line []byte) {
	if len(r.Counts.First) < mostBad {
		more := ""
		if len(line) > mostShown {
			line, more = line[:mostShown], "…"
		}
		r.Counts.First = append(r.Counts.First, Bad{r.Counts.Lines, fmt.Sprintf("%q", line) + more})
	}
}

// A verdict says what a line is.
type verdict uint8

const (
	unreadable verdict = iota
	other              // it is readable, and no request
	request
)

// read reads a line of any format.
func (r *Reader) read(line []byte, e *Entry) verdict {
	*e = Entry{}
	if at, rest, ok := r.dates.syslog(line); ok {
		return r.syslog(at, rest, e)
	}
	return r.combined(line, e)
}
