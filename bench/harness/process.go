package harness

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/pprof"
	"strconv"
	"time"

	"spafleet/host"
)

// Find returns the path of a program, which Debian has where users do not look.
func Find(program string) string {
	if path, err := exec.LookPath(program); err == nil {
		return path
	}
	return "/usr/sbin/" + program
}

// Has reports whether the machine has a program.
func Has(program string) bool {
	_, err := exec.LookPath(Find(program))
	return err == nil
}

// Pinned returns a command that runs on some cores only. OpenSSL has no settings
// but those of the command.
func Pinned(ctx context.Context, cores Cores, program string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "taskset", append([]string{"-c", string(cores), program}, args...)...)
	cmd.Env = append(os.Environ(), "OPENSSL_CONF=/dev/null")
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 5 * time.Second
	return cmd
}

// Step moves this process to some cores.
func Step(ctx context.Context, cores Cores) error {
	text, err := exec.CommandContext(ctx, "taskset", "-apc", string(cores), strconv.Itoa(os.Getpid())).CombinedOutput()
	if err != nil {
		return fmt.Errorf("taskset: %w: %s", err, text)
	}
	return nil
}

// RunWorker gives a task to a worker of this program, a process on cores of its
// own, and reads the result into answer.
func RunWorker(ctx context.Context, cores Cores, task, answer any) error {
	text, err := json.Marshal(task)
	if err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	cmd := Pinned(ctx, cores, self, WorkerArgument)
	cmd.Env = append(cmd.Env, fmt.Sprint("GOMAXPROCS=", cores.Count()))
	cmd.Stdin, cmd.Stderr = bytes.NewReader(text), os.Stderr
	out, err := cmd.Output()
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			err = fmt.Errorf("the worker ended with code %d", exit.ExitCode())
		}
		return err
	}
	return json.Unmarshal(out, answer)
}

// Profiled writes a profile of this process, until end is called, into the
// folder that BENCH_PROFILE names, if any.
func Profiled(name string) (end func()) {
	dir := os.Getenv("BENCH_PROFILE")
	if dir == "" {
		return func() {}
	}
	f, err := os.Create(filepath.Join(dir, name+".pprof"))
	if err != nil || pprof.StartCPUProfile(f) != nil {
		return func() {}
	}
	return func() {
		pprof.StopCPUProfile()
		f.Close()
	}
}

// FreePort returns a port below those that the system gives to clients, free on
// a loopback address.
func FreePort(address string) (int, error) {
	for i := range 1000 {
		port := 12000 + (os.Getpid()*101+i*7)%18000
		if l, err := net.Listen("tcp4", net.JoinHostPort(address, strconv.Itoa(port))); err == nil {
			return port, l.Close()
		}
	}
	return 0, errors.New("no port is free")
}

// answers waits until a server takes TCP connections.
func answers(ctx context.Context, address string) error {
	for range 3000 {
		if conn, err := net.Dial("tcp", address); err == nil {
			return conn.Close()
		}
		if err := host.Sleep(ctx, 10*time.Millisecond); err != nil {
			return err
		}
	}
	return fmt.Errorf("%s does not answer within 30 seconds", address)
}

// Weighed writes what lives on the heap into the folder that BENCH_PROFILE names,
// if any.
func Weighed(name string) {
	dir := os.Getenv("BENCH_PROFILE")
	if dir == "" {
		return
	}
	if f, err := os.Create(filepath.Join(dir, name+".heap")); err == nil {
		_ = pprof.WriteHeapProfile(f) // it is for looking only
		f.Close()
	}
}
