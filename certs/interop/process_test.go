package interop_test

import (
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"sync"
	"testing"

	"spafleet/bench/extproc"
)

// running are the processes that the tests started. TestMain ends them.
var running struct {
	sync.Mutex
	list []*extproc.Process
}

// launch starts a program of somebody else's, which runs until all tests have
// ended.
func launch(dir, program string, args ...string) (*extproc.Process, error) {
	return run(exec.Command(program, args...), dir)
}

func run(cmd *exec.Cmd, dir string) (*extproc.Process, error) {
	cmd.Dir = dir
	p, err := extproc.Start(cmd)
	if err != nil {
		return nil, err
	}
	running.Lock()
	defer running.Unlock()
	running.list = append(running.list, p)
	return p, nil
}

// listens waits until a server accepts connections.
func listens(p *extproc.Process, addr string) error {
	return p.Until("it listens on "+addr, extproc.Accepts(addr))
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
		p.Stop()
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
