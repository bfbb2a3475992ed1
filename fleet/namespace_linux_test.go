package fleet_test

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
)

// The roles of the processes of the test below.
const roleVariable = "SPAFLEET_TEST_ROLE"

// TestLoopbackFleetShowsOnNoOtherInterface puts a fleet into a network namespace
// and a neighbour into another, with a cable between. The neighbour reaches an
// ordinary server, but not the fleet's wildcard port.
func TestLoopbackFleetShowsOnNoOtherInterface(t *testing.T) {
	switch os.Getenv(roleVariable) {
	case "fleet":
		playFleet(t)
		return
	case "neighbour":
		playNeighbour(t)
		return
	}
	needNamespaces(t)
	out, err := inNamespace(t, "fleet").CombinedOutput()
	if err != nil || !strings.Contains(string(out), "PASS") {
		t.Errorf("%v\n%s", err, out)
	}
}

// needNamespaces skips a test that cannot have networks of its own, but not in CI.
func needNamespaces(t *testing.T) {
	t.Helper()
	if reason := lacksNamespaces(); reason != "" {
		if os.Getenv("CI") == "true" {
			t.Fatal(reason)
		}
		t.Skip(reason)
	}
}

func lacksNamespaces() string {
	if _, err := exec.LookPath("ip"); err != nil {
		return "needs the ip command, of the package iproute2"
	}
	if os.Getuid() != 0 {
		return "needs root, to make network namespaces with the package iproute2"
	}
	probe := exec.Command("ip", "link", "add", "veth-probe", "type", "veth", "peer", "name", "veth-probe2")
	probe.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET}
	if out, err := probe.CombinedOutput(); err != nil {
		return fmt.Sprintf("needs network namespaces and veth (package iproute2): %v: %s", err, out)
	}
	return ""
}

// inNamespace returns a test in another role and a network of its own.
func inNamespace(t *testing.T, role string) *exec.Cmd {
	name, _, _ := strings.Cut(t.Name(), "/")
	c := exec.Command(os.Args[0], "-test.run=^"+name+"$", "-test.v")
	c.Env = append(os.Environ(), roleVariable+"="+role)
	c.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET}
	return c
}

func ip(t *testing.T, args string) {
	t.Helper()
	if out, err := exec.Command("ip", strings.Fields(args)...).CombinedOutput(); err != nil {
		t.Fatalf("ip %s: %v: %s", args, err, out)
	}
}

func playFleet(t *testing.T) {
	ip(t, "link set lo up")
	s := webFleet(t, 2)
	if page := get(t, fmt.Sprintf("127.64.0.1:%d", s.f.WebPort()), "/"); !strings.Contains(page, s.view(0).Unit.Serial) {
		t.Error("the device does not answer on loopback")
	}
	ordinary, err := net.Listen("tcp4", ":0")
	if err != nil {
		t.Fatal(err)
	}
	defer ordinary.Close()

	neighbour := inNamespace(t, "neighbour")
	in, err := neighbour.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	neighbour.Stdout, neighbour.Stderr = &out, &out
	if err := neighbour.Start(); err != nil {
		t.Fatal(err)
	}
	ip(t, "link add near type veth peer name far")
	ip(t, fmt.Sprint("link set far netns ", neighbour.Process.Pid))
	ip(t, "addr add 198.51.100.1/24 dev near")
	ip(t, "link set near up")
	fmt.Fprintf(in, "%d %d\n", ordinary.Addr().(*net.TCPAddr).Port, s.f.WebPort())
	if err := neighbour.Wait(); err != nil || !strings.Contains(out.String(), "ordinary reached, fleet refused") {
		t.Errorf("%v\n%s", err, out.String())
	}
}

func playNeighbour(t *testing.T) {
	line, err := bufio.NewReader(os.Stdin).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	ordinary, web, _ := strings.Cut(strings.TrimSpace(line), " ")
	ip(t, "addr add 198.51.100.2/24 dev far")
	ip(t, "link set far up")
	c, err := net.DialTimeout("tcp4", "198.51.100.1:"+ordinary, patience)
	if err != nil {
		t.Fatalf("the cable does not work: %v", err)
	}
	c.Close()
	c, err = net.DialTimeout("tcp4", "198.51.100.1:"+web, patience)
	if err == nil {
		c.Close()
		t.Fatal("the fleet's web port is reached from outside")
	}
	if !errors.Is(err, syscall.ECONNREFUSED) {
		t.Fatalf("not refused: %v", err)
	}
	fmt.Println("ordinary reached, fleet refused")
}
