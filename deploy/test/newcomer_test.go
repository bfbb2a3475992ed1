package deploy

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// A clone has what is committed, and what is about to be.
func clone(t *testing.T) string {
	t.Helper()
	list, err := exec.CommandContext(t.Context(), "git", "-C", top, "ls-files", "-z", "--cached", "--others", "--exclude-standard").Output()
	if err != nil {
		t.Fatal(err)
	}
	to := t.TempDir()
	for name := range strings.SplitSeq(strings.TrimSuffix(string(list), "\x00"), "\x00") {
		if _, err := os.Lstat(filepath.Join(top, name)); err == nil { // else it is about to go
			place(t, filepath.Join(top, name), filepath.Join(to, name))
		}
	}
	return to
}

// The first commands of README.md lead from a clone to a judged run with a picture, in less
// than the five minutes of a newcomer's patience.
func TestANewcomersFirstRun(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(top, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, block, _ := strings.Cut(string(text), "\n```sh\n")
	block, _, ok := strings.Cut(block, "```\n")
	if !ok || !strings.HasPrefix(block, "make build\n") {
		t.Fatalf("the first block of README.md is %q", block)
	}
	dir, cache := clone(t), t.TempDir()
	c := exec.CommandContext(t.Context(), "bash", "-euc", block)
	c.Dir, c.Env = dir, append(os.Environ(), "GOCACHE="+cache, "GOFLAGS=-buildvcs=false")
	began := time.Now()
	out, err := c.CombinedOutput()
	took := time.Since(began)
	if err != nil || !bytes.Contains(out, []byte("demo: passed")) || !bytes.Contains(out, []byte("blackout: passed")) {
		t.Fatalf("%v\n%s", err, out)
	}
	t.Logf("%s, with an empty cache of builds", took.Round(time.Second))
	if took > 5*time.Minute {
		t.Errorf("it takes %s", took)
	}
	report, err := os.ReadFile(filepath.Join(dir, "report.html"))
	if err != nil || !bytes.Contains(report, []byte("<svg")) || !bytes.Contains(report, []byte("Passed")) && !bytes.Contains(report, []byte("passed")) {
		t.Errorf("the report has no picture, or no verdict: %v", err)
	}
}
