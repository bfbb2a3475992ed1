package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// A traffic counts what reaches a server, and when it last did.
type traffic struct {
	name string
	n    atomic.Int64
	last atomic.Int64
}

func (c *traffic) count() {
	c.n.Add(1)
	c.last.Store(time.Now().UnixNano())
}

// packets counts those of a UDP port that never answers.
func packets(t *testing.T, name string, servers *sync.WaitGroup) (*traffic, string) {
	t.Helper()
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	_ = conn.SetReadBuffer(4 << 20)
	c := &traffic{name: name}
	servers.Go(func() {
		for b := make([]byte, 2048); ; {
			if _, _, err := conn.ReadFrom(b); err != nil {
				return
			}
			c.count()
		}
	})
	return c, conn.LocalAddr().String()
}

// connections counts those of a TCP port, and what comes over them.
func connections(t *testing.T, name string, servers *sync.WaitGroup, serve func(net.Conn)) (*traffic, string) {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	c := &traffic{name: name}
	servers.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			c.count()
			servers.Go(func() {
				defer conn.Close()
				serve(&counted{conn, c})
			})
		}
	})
	return c, l.Addr().String()
}

type counted struct {
	net.Conn
	c *traffic
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if n > 0 {
		c.c.count()
	}
	return n, err
}

func hold(conn net.Conn) { io.Copy(io.Discard, conn) }

func replies(conn net.Conn) {
	conn.Read(make([]byte, 2048))
	const body = "<flat-profile></flat-profile>"
	fmt.Fprintf(conn, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
}

// Ctrl-C ends all traffic of 5,000 devices within a second: TFTP that nobody
// answers, HTTP that is answered and HTTP that is not, HTTPS in the middle of the
// handshake, syslog.
func TestCtrlCEndsAllTrafficWithinASecond(t *testing.T) {
	var servers sync.WaitGroup
	t.Cleanup(servers.Wait) // after all are closed
	tftp, tftpAt := packets(t, "tftp", &servers)
	syslog, syslogAt := packets(t, "syslog", &servers)
	held, heldAt := connections(t, "http, held", &servers, hold)
	busy, busyAt := connections(t, "http, answered", &servers, replies)
	secret, secretAt := connections(t, "https", &servers, hold)
	scenario := filepath.Join(t.TempDir(), "storm.yaml")
	group := func(name, rule string) string {
		return fmt.Sprintf("  %s: {model: SPA2102, count: 1250, set: {Resync_Random_Delay: 0, Resync_Periodic: 1, Resync_Error_Retry_Delay: 1, Syslog_Server: %q, Profile_Rule: %q}}\n", name, syslogAt, rule)
	}
	text := "clock: real\nlimits: {lateness: 1h, outstanding: 5000}\nfleet:\n" + group("silent", "tftp://"+tftpAt+"/x") +
		group("held", "http://"+heldAt+"/x") + group("busy", "http://"+busyAt+"/x") + group("secret", "https://"+secretAt+"/x")
	if err := os.WriteFile(scenario, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	var out bytes.Buffer
	c := exec.CommandContext(ctx, "spafleet", "run", "--preflight=false", scenario)
	c.Stdout, c.Stderr = &out, &out
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- c.Wait() }()
	all := []*traffic{tftp, syslog, held, busy, secret}
	for again := time.NewTicker(20 * time.Millisecond); !plenty(all); {
		select {
		case <-again.C:
		case err := <-ended:
			t.Fatalf("it ended by itself: %v\n%s", err, out.String())
		}
	}
	asked := time.Now()
	if err := c.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	err := <-ended
	var code *exec.ExitError
	if !errors.As(err, &code) || code.ExitCode() != 130 {
		t.Errorf("%v, want exit code 130\n%s", err, out.String())
	}
	t.Logf("the program ended after %s", time.Since(asked))
	for _, s := range all {
		after := time.Duration(s.last.Load() - asked.UnixNano())
		t.Logf("%s: %d, the last %s after Ctrl-C", s.name, s.n.Load(), after)
		if after > raceSlowdown*time.Second {
			t.Errorf("%s: traffic %s after Ctrl-C", s.name, after)
		}
	}
}

// A hang-up and a kill end a run as Ctrl-C does, with its report; a program that
// was started to outlive the hang-up, as by nohup, does.
func TestSignalsEndARunWithItsReport(t *testing.T) {
	// Where these tests run under nohup, programs that they start would ignore it too.
	heard := make(chan os.Signal, 1)
	signal.Notify(heard, syscall.SIGHUP)
	defer signal.Stop(heard)
	for _, tt := range []struct {
		name  string
		shell string
		kill  []syscall.Signal
	}{
		{"hang-up", "", []syscall.Signal{syscall.SIGHUP}},
		{"kill", "", []syscall.Signal{syscall.SIGTERM}},
		{"nohup", "trap '' HUP; ", []syscall.Signal{syscall.SIGHUP, syscall.SIGINT}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := exec.CommandContext(t.Context(), "sh", "-c", tt.shell+"exec spafleet run --model PAP2T --metrics 127.0.0.1:0 --duration 1m")
			var out bytes.Buffer
			c.Stdout = &out
			progress, err := c.StderrPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := c.Start(); err != nil {
				t.Fatal(err)
			}
			lines := bufio.NewReader(progress)
			for line := ""; !strings.HasPrefix(line, "built-in server"); {
				if line, err = lines.ReadString('\n'); err != nil {
					t.Fatalf("it ended by itself: %v", err)
				}
			}
			for _, s := range tt.kill {
				if err := c.Process.Signal(s); err != nil {
					t.Fatal(err)
				}
			}
			_, _ = io.Copy(io.Discard, lines)
			err = c.Wait()
			if code := c.ProcessState.ExitCode(); code != 130 || !strings.Contains(out.String(), "run: interrupted") {
				t.Errorf("%v, exit code %d, want the report and 130\n%s", err, code, out.String())
			}
		})
	}
}

// plenty reports whether every server has had a thousand of what it counts.
func plenty(all []*traffic) bool {
	for _, c := range all {
		if c.n.Load() < 1000 {
			return false
		}
	}
	return true
}
