package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"spafleet/bench/harness"
	"spafleet/resync/tftp/packet"
)

// Clients that ask for an image and do not go on cost serve next to nothing.
func TestServeMemoryIsBounded(t *testing.T) {
	const mostMB = 100 * raceSlowdown * raceSlowdown // the detector's own memory is not the program's
	root := t.TempDir()
	if err := os.WriteFile(filepath.Join(root, "fw.bin"), make([]byte, 6<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	c := exec.CommandContext(t.Context(), "spafleet", "serve", "--root", root, "--tftp", "127.0.0.1:0", "--http", "127.0.0.1:0", "--json")
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Process.Kill(); _ = c.Wait() })
	lines := bufio.NewScanner(out)
	var up serverUp
	if !lines.Scan() || json.Unmarshal(lines.Bytes(), &up) != nil {
		t.Fatalf("it said %q", lines.Text())
	}
	var slow, silent []net.Conn
	for range 300 {
		slow = append(slow, askFor(t, "tcp4", up.HTTP, []byte("GET /fw.bin HTTP/1.1\r\nHost: a\r\n\r\n")))
	}
	for range 1000 {
		silent = append(silent, askFor(t, "udp4", up.TFTP, packet.AppendRequest(nil, packet.Read, "fw.bin")))
	}
	clients := append(slow, silent[:100]...)
	answered := answeredOf(clients)
	for began := time.Now(); answered < mostTransfers/4 && time.Since(began) < 30*time.Second; {
		answered = answeredOf(clients)
	}
	if answered < mostTransfers/4 || answered > mostTransfers {
		t.Errorf("%d of 300 slow readers and 100 silent clients were answered, want at most %d", answered, mostTransfers)
	}
	mb := harness.Number(fmt.Sprintf("/proc/%d/status", c.Process.Pid), "VmHWM") >> 10
	if t.Logf("serve took %d MB", mb); mb == 0 || mb > mostMB {
		t.Errorf("serve took %d MB, want at most %d", mb, mostMB)
	}
}

// answeredOf returns how many of the clients have an answer by now.
func answeredOf(clients []net.Conn) int {
	answered := 0
	for _, conn := range clients {
		_ = conn.SetReadDeadline(time.Now().Add(10 * time.Millisecond)) // those that wait get no answer
		if n, _ := conn.Read(make([]byte, 16)); n > 0 {
			answered++
		}
	}
	return answered
}

// askFor sends a request from a socket of its own.
func askFor(t *testing.T, network, to string, request []byte) net.Conn {
	t.Helper()
	conn, err := net.Dial(network, to)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if _, err := conn.Write(request); err != nil {
		t.Fatal(err)
	}
	return conn
}
