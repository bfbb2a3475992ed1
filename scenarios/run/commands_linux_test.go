package run_test

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"spafleet/scenarios/report"
	"spafleet/scenarios/scenariotest"
)

// A command that outlives the run is killed with its children.
func TestCommandsEndWithTheRun(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "child")
	r := scenariotest.Start(t, scenariotest.Parse(t, onePhone+"timeline: [{run: [sh, -c, 'sleep 600 & echo $! >"+file+"; wait']}]\nduration: 1s"), mayCommand)
	if got := r.Timeline[0].Error; got != "sh: it still ran at the end of the run, and was killed" || r.Verdict != report.Failed {
		t.Errorf("%s: %q", r.Verdict, got)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	child, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	if state := stateOf(t, child); state != "" && state != "Z" {
		t.Errorf("its child lives, as %s", state)
	}
}

// stateOf returns the letter of a process's state, "" if it is gone.
func stateOf(t *testing.T, pid int) string {
	t.Helper()
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if errors.Is(err, os.ErrNotExist) {
		return ""
	}
	if err != nil {
		t.Fatal(err)
	}
	_, after, _ := strings.Cut(string(text), ") ")
	return after[:1]
}
