package field_test

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// A missing is a program that the machine lacks.
type missing struct{ program, debianPackage string }

func (m missing) Error() string {
	return fmt.Sprintf("%s is missing: install the Debian package %s", m.program, m.debianPackage)
}

// find looks for a program of somebody else's.
func find(program, debianPackage string) (string, error) {
	for _, dir := range append(filepath.SplitList(os.Getenv("PATH")), "/usr/sbin", "/sbin") {
		path := filepath.Join(dir, program)
		if info, err := os.Stat(path); err == nil && info.Mode()&0o111 != 0 {
			return path, nil
		}
	}
	return "", missing{program, debianPackage}
}

// must ends a test that needs a server which could not be had. Where its program
// is missing the test is skipped, except in CI, where a test that does not run is
// a failure.
func must(t testing.TB, err error) {
	t.Helper()
	var m missing
	if errors.As(err, &m) && os.Getenv("CI") == "" {
		t.Skip(m)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// running are the processes that the tests started. TestMain ends them.
var running struct {
	sync.Mutex
	list []*process
}

// A process is a server of somebody else's that runs.
type process struct {
	cmd   *exec.Cmd
	ended chan struct{}
	out   output
}

// output is what a process printed so far.
type output struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.String()
}

// launch starts a program, which runs until all tests have ended.
func launch(dir, program string, args ...string) (*process, error) {
	return run(exec.Command(program, args...), dir)
}

func run(cmd *exec.Cmd, dir string) (*process, error) {
	p := &process{cmd: cmd, ended: make(chan struct{})}
	p.cmd.Dir = dir
	p.cmd.Stdout, p.cmd.Stderr = &p.out, &p.out
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	running.Lock()
	running.list = append(running.list, p)
	running.Unlock()
	go func() {
		_ = p.cmd.Wait() // how it ended is in its output
		close(p.ended)
	}()
	return p, nil
}

// ready waits until a server accepts connections.
func (p *process) ready(addr string) error {
	return wait(10*time.Second, p.cmd.Path+" listens on "+addr, func() (bool, error) {
		select {
		case <-p.ended:
			return false, fmt.Errorf("%s ended: %s", p.cmd.Path, p.out.String())
		default:
		}
		c, err := net.DialTimeout("tcp", addr, time.Second)
		if err != nil {
			return false, nil
		}
		return true, c.Close()
	})
}

func (p *process) end() {
	_ = p.cmd.Process.Signal(syscall.SIGTERM) // it may have ended before
	select {
	case <-p.ended:
	case <-time.After(5 * time.Second):
		_ = p.cmd.Process.Kill()
		<-p.ended
	}
}

// wait polls a condition of another process.
func wait(most time.Duration, what string, held func() (bool, error)) error {
	deadline := time.NewTimer(most)
	defer deadline.Stop()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		if ok, err := held(); ok || err != nil {
			return err
		}
		select {
		case <-tick.C:
		case <-deadline.C:
			return fmt.Errorf("%s: not within %s", what, most)
		}
	}
}

// ports counts the ports that were given out.
var ports atomic.Uint32

// port returns a loopback address with a port that nobody listens on. It lies
// below those that the system gives to sockets of other tests, which run at the
// same time.
func port() (string, error) {
	for range 1000 {
		n := 12000 + (uint32(os.Getpid())*101+ports.Add(1)*7)%18000
		addr := fmt.Sprintf("127.0.0.1:%d", n)
		if l, err := net.Listen("tcp4", addr); err == nil {
			return addr, l.Close()
		}
	}
	return "", errors.New("no port is free")
}

// room is the folder of all servers, which those that run as another user can
// read. It is made when it is first asked for.
var room = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "spafleet-field-")
	if err != nil {
		return "", err
	}
	return dir, os.Chmod(dir, 0o755)
})

// TestMain ends the servers.
func TestMain(m *testing.M) {
	code := m.Run()
	running.Lock()
	defer running.Unlock()
	for _, p := range running.list {
		p.end()
	}
	if dir, err := room(); err == nil {
		os.RemoveAll(dir)
	}
	os.Exit(code)
}

// write puts a file into the room and returns where it is.
func write(name string, data []byte) (string, error) {
	dir, err := room()
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return "", err
	}
	return path, os.WriteFile(path, data, 0o644)
}

// whoami returns the name of the user that the servers run as; nobody's, where
// root may not be it.
func whoami() string {
	u, err := user.Current()
	if err != nil {
		return "nobody"
	}
	return u.Username
}
