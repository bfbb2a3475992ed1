package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"spafleet/bench/harness"
	"spafleet/prov"
)

// The servers.
const (
	dnsmasq  = "dnsmasq"
	embedded = "embedded"
)

// dnsmasqAddress is its own, for its TFTP port is 69 and cannot be changed.
const dnsmasqAddress = "127.9.69.11"

// A server is a TFTP server at work.
type server struct {
	at  string // host:port
	cmd *exec.Cmd
	in  io.Closer // the embedded server ends with it
}

// start starts a server of the files of a folder.
func start(ctx context.Context, name string, cores harness.Cores, dir string) (*server, error) {
	if name == embedded {
		return startEmbedded(ctx, cores, dir)
	}
	if os.Geteuid() != 0 {
		return nil, errors.New("its TFTP port is 69: run this as root")
	}
	s := &server{at: dnsmasqAddress + ":69"}
	s.cmd = harness.Pinned(ctx, cores, harness.Find(dnsmasq), "--keep-in-foreground", "--conf-file=/dev/null", "--port=0", "--enable-tftp", "--tftp-root="+dir,
		"--listen-address="+dnsmasqAddress, "--bind-interfaces", "--user=root", "--tftp-max=1000", "--log-facility=/dev/null", "--quiet-tftp")
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	if err := s.answers(ctx); err != nil {
		s.stop()
		return nil, err
	}
	return s, nil
}

// answers waits until the server says that it lacks a file.
func (s *server) answers(ctx context.Context) error {
	to, err := net.ResolveUDPAddr("udp4", s.at)
	if err != nil {
		return err
	}
	c, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		return err
	}
	defer c.Close()
	for range 300 {
		_, _ = c.WriteTo([]byte("\x00\x01ready\x00octet\x00"), to) // it may not be there yet
		_ = c.SetReadDeadline(time.Now().Add(100 * time.Millisecond))
		if _, _, err := c.ReadFrom(make([]byte, 512)); err == nil {
			return nil
		}
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	return errors.New("it does not answer within 30 seconds")
}

func (s *server) stop() {
	if s.in != nil {
		s.in.Close()
	} else {
		_ = s.cmd.Process.Signal(syscall.SIGTERM) // it may have ended
	}
	_ = s.cmd.Wait() // it was asked to end
}

// startEmbedded starts the embedded server in a process of its own, which says
// where it is.
func startEmbedded(ctx context.Context, cores harness.Cores, dir string) (*server, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	s := &server{}
	s.cmd = harness.Pinned(ctx, cores, self, harness.WorkerArgument)
	s.cmd.Stderr = os.Stderr
	in, err := s.cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	s.in = in
	err = json.NewEncoder(in).Encode(task{Serve: dir})
	if err == nil {
		s.at, err = bufio.NewReader(out).ReadString('\n')
	}
	if err != nil {
		s.stop()
		return nil, fmt.Errorf("it does not say where it is: %w", err)
	}
	s.at = strings.TrimSpace(s.at)
	return s, nil
}

// serve is the process of the embedded server: until its input ends.
func serve(dir string, in io.Reader, out io.Writer) error {
	core, err := prov.Dir(dir, prov.DirOptions{})
	if err != nil {
		return err
	}
	s := &prov.Server{Core: core, TFTPAddr: "127.0.1.2:0"}
	if err := s.Open(); err != nil {
		return errors.Join(err, core.Close())
	}
	fmt.Fprintln(out, s.TFTP())
	_, _ = io.Copy(io.Discard, in) // it says nothing, it only ends
	s.Close()
	return core.Close()
}
