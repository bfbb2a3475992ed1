package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

// tmux breaks lines again when its window changes, and keeps what goes out of it at the top:
// nothing of the view is left there.
func TestTheViewInTmux(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "tmux")
	tmux := func(args ...string) string {
		t.Helper()
		out, err := exec.CommandContext(t.Context(), "tmux", append([]string{"-S", socket, "-f", "/dev/null"}, args...)...).CombinedOutput()
		if err != nil {
			t.Fatalf("tmux %v: %v\n%s", args, err, out)
		}
		return trimmed(string(out))
	}
	if _, err := exec.LookPath("tmux"); err != nil && os.Getenv("CI") == "" {
		t.Skip("tmux is not installed")
	}
	spafleet, err := exec.LookPath("spafleet")
	if err != nil {
		t.Fatal(err)
	}
	begin := fmt.Sprintf("trap : INT; seq 10; unset CI NO_COLOR; %s %s; tmux -S %s wait-for -S ended; read -r line", spafleet, strings.Join(aRun(), " "), socket)
	tmux("new-session", "-d", "-x", "70", "-y", "30", begin)
	t.Cleanup(func() { _ = exec.Command("tmux", "-S", socket, "kill-server").Run() })
	seconds := regexp.MustCompile(`run 0:(\d\d) `)
	shows := func(least int) { // the view, so many seconds after the start
		t.Helper()
		late := time.After(time.Minute)
		for tick := time.NewTicker(20 * time.Millisecond); ; <-tick.C {
			if m := seconds.FindStringSubmatch(tmux("capture-pane", "-p")); m != nil {
				if n, _ := strconv.Atoi(m[1]); n >= least {
					return
				}
			}
			select {
			case <-late:
				t.Fatalf("no view after %d s in\n%s", least, tmux("capture-pane", "-p", "-S", "-200"))
			default:
			}
		}
	}
	shows(1)
	for i, size := range [][2]string{{"62", "30"}, {"120", "30"}, {"120", "10"}, {"110", "10"}} {
		tmux("resize-window", "-x", size[0], "-y", size[1])
		shows(2 + i)
	}
	tmux("send-keys", "C-c")
	tmux("wait-for", "ended")
	left := tmux("capture-pane", "-p", "-S", "-200")
	if !strings.Contains(left, "run: interrupted after") || !strings.Contains(left, "built-in server") {
		t.Errorf("the report is not there:\n%s", left)
	}
	for _, line := range strings.Split(left, "\n") {
		if strings.HasPrefix(line, "resyncs ") || strings.HasPrefix(line, "machine ") {
			t.Errorf("a line of the view is left: %q in\n%s", line, left)
		}
	}
}
