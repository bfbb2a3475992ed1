package main

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"

	"spafleet/prov"
	"spafleet/scenarios"
	"spafleet/scenarios/accesslog"
)

const aboutAccessLog = "write each request to the built-in server to this `FILE`, a line in the combined format of nginx and Apache, of at most 4 GB"

// mostAccessLog is how many bytes an access log has at most.
const mostAccessLog = 4 << 30

// An accessLog writes the requests to the built-in server to a file.
type accessLog struct {
	name string // "": none is written

	mu      sync.Mutex
	file    *os.File
	to      *bufio.Writer
	line    []byte
	size    int64
	missing int // requests that came when it was full
	err     error
}

// open creates the file, if one is asked for.
func (a *accessLog) open() (err error) {
	if a.name == "" {
		return nil
	}
	if a.file, err = os.Create(a.name); err != nil {
		return fmt.Errorf("--access-log: %w", err)
	}
	a.to, a.size, a.missing, a.err = bufio.NewWriterSize(a.file, 64<<10), 0, 0, nil
	return nil
}

// tell writes a request. Lines without one, of handshakes that failed, are left out.
func (a *accessLog) tell(l prov.Line) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.file == nil || l.Method == "-" {
		return
	}
	protocol := "HTTP/1.1"
	if l.Scheme == "tftp" {
		protocol = "TFTP/1.0"
	}
	path := l.Path
	if !strings.HasPrefix(path, "/") {
		path = "/" + path
	}
	a.line = accesslog.Append(a.line[:0], &accesslog.Request{
		At: l.At, Client: l.Source, User: l.User, Method: l.Method, Path: path, Protocol: protocol, Status: l.Status, Bytes: l.Bytes, Agent: l.UserAgent,
	})
	if a.size += int64(len(a.line)); a.size > mostAccessLog {
		a.missing++
		return
	}
	if _, err := a.to.Write(a.line); a.err == nil {
		a.err = err
	}
}

// close ends the file. The error says what is not in it.
func (a *accessLog) close() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.file == nil {
		return nil
	}
	err := a.err
	if unwritten := a.to.Flush(); err == nil {
		err = unwritten
	}
	if unclosed := a.file.Close(); err == nil {
		err = unclosed
	}
	a.file = nil
	if err != nil {
		return fmt.Errorf("write the access log %s: %w", a.name, err)
	}
	if a.missing > 0 {
		return fmt.Errorf("the access log %s is full at %d GB: the last %d requests are not in it", a.name, mostAccessLog>>30, a.missing)
	}
	return nil
}

// accessFile opens the access log of a run, and returns how to end it.
func (rn *runner) accessFile(s *scenarios.Scenario) (finish func() error, err error) {
	if rn.access.name == "" {
		return func() error { return nil }, nil
	}
	if s.Server == nil {
		return nil, errors.New("--access-log is of the built-in server, and this run has none: your server writes one of its own")
	}
	if err := rn.access.open(); err != nil {
		return nil, err
	}
	rn.options.Requests = rn.access.tell
	return rn.access.close, nil
}

// closing ends one file and then another.
func closing(one, two func() error) func() error {
	return func() error { return errors.Join(one(), two()) }
}
