// Package extproc starts and ends servers of other projects (nginx, dnsmasq, ...) on
// loopback, for tests and benchmarks.
package extproc

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// A Missing is a program that the machine lacks.
type Missing struct{ Program, DebianPackage string }

// Error says what to install.
func (m Missing) Error() string {
	return fmt.Sprintf("%s is missing: install the Debian package %s", m.Program, m.DebianPackage)
}

// Find returns where a program is; the folders of servers are looked into as
// well. The error is a [Missing].
func Find(program, debianPackage string) (string, error) {
	for _, dir := range append(filepath.SplitList(os.Getenv("PATH")), "/usr/sbin", "/sbin") {
		path := filepath.Join(dir, program)
		if info, err := os.Stat(path); err == nil && info.Mode()&0o111 != 0 {
			return path, nil
		}
	}
	return "", Missing{program, debianPackage}
}

// Need finds a program for a test. Without it the test is skipped, except in CI,
// where a test that does not run is a failure.
func Need(t testing.TB, program, debianPackage string) string {
	t.Helper()
	path, err := Find(program, debianPackage)
	Must(t, err)
	return path
}

// Must ends a test that met an error; it skips one that lacks a program, except in
// CI.
func Must(t testing.TB, err error) {
	t.Helper()
	var m Missing
	if errors.As(err, &m) && os.Getenv("CI") == "" {
		t.Skip(m)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// given counts the ports that were given out.
var given atomic.Uint32

// Address returns a loopback address with a port that nobody listens on. It lies
// below those that the system gives to sockets of other tests, which run at the
// same time.
func Address() (string, error) {
	for range 1000 {
		n := 12000 + (uint32(os.Getpid())*101+given.Add(1)*7)%18000
		addr := fmt.Sprintf("127.0.0.1:%d", n)
		if l, err := net.Listen("tcp4", addr); err == nil {
			return addr, l.Close()
		}
	}
	return "", errors.New("no port is free")
}

// A Process is a server that runs.
type Process struct {
	*exec.Cmd
	out   Output
	ended chan struct{}
}

// Output keeps what a running program has written so far. Its zero value is empty.
type Output struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

// Write adds to it.
func (o *Output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.Write(p)
}

// String returns it.
func (o *Output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.String()
}

// Start starts a command, which the caller ends with [Process.Stop]. Its output
// is kept.
func Start(cmd *exec.Cmd) (*Process, error) {
	p := &Process{Cmd: cmd, ended: make(chan struct{})}
	cmd.Stdout, cmd.Stderr = &p.out, &p.out
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		_ = cmd.Wait() // how it ended is in its output
		close(p.ended)
	}()
	return p, nil
}

// Run starts a command for a test, which ends it, and waits until it is ready; see
// [Process.Until]. What it printed is shown where the test fails.
func Run(t testing.TB, cmd *exec.Cmd, ready func() bool) *Process {
	t.Helper()
	p, err := Start(cmd)
	Must(t, err)
	t.Cleanup(func() {
		p.Stop()
		if t.Failed() {
			t.Logf("%s: %s", strings.Join(cmd.Args, " "), p.Output())
		}
	})
	Must(t, p.Until("it answers", ready))
	return p
}

// Output returns what the process printed so far.
func (p *Process) Output() string { return p.out.String() }

// Ended returns a channel that is closed when the process has ended.
func (p *Process) Ended() <-chan struct{} { return p.ended }

// patience is how long a server may take for what is waited for.
const patience = time.Minute

// Until waits for something that the process does. The error says that it ended
// before, or took too long, and what it printed.
func (p *Process) Until(what string, held func() bool) error {
	if err := await(held, p.ended); err != nil {
		return fmt.Errorf("%s: %s: %w: %s", p.Path, what, err, p.Output())
	}
	return nil
}

// Wait waits for something that another process does; the error says that it took
// too long.
func Wait(what string, held func() bool) error {
	if err := await(held, nil); err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}

func await(held func() bool, ended <-chan struct{}) error {
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !held() {
		select {
		case <-tick.C:
		case <-ended:
			return errors.New("it ended")
		case <-deadline.C:
			return fmt.Errorf("not within %s", patience)
		}
	}
	return nil
}

// Stop asks the process to end, ends it where it does not, and waits.
func (p *Process) Stop() {
	_ = p.Process.Signal(syscall.SIGTERM) // it may have ended before
	select {
	case <-p.ended:
	case <-time.After(5 * time.Second):
		_ = p.Process.Kill()
		<-p.ended
	}
}

// Accepts returns a function that reports whether a server takes connections.
func Accepts(addr string) func() bool {
	return func() bool {
		c, err := net.DialTimeout("tcp", addr, time.Second)
		if err != nil {
			return false
		}
		c.Close()
		return true
	}
}
