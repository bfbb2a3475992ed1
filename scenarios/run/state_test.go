package run_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"spafleet/host"
	"spafleet/scenarios/run"
	"spafleet/scenarios/scenariotest"
)

const synced = "expect:\n  - {all: synced, by: 5s}\n"

// Two runs that save in one file would each lose what the other has saved.
func TestAStateFileIsForOneRunAtATime(t *testing.T) {
	file := filepath.Join(t.TempDir(), "fleet.state")
	started := false
	o := run.Options{State: file, Started: func(*run.Live) {
		started = true
		if _, err := host.Lock(file); !errors.Is(err, host.ErrLocked) {
			t.Errorf("during the run: %v", err)
		}
	}}
	unlock, err := host.Lock(file)
	if err != nil {
		t.Fatal(err)
	}
	if r, err := run.Run(t.Context(), scenariotest.Parse(t, clocks["virtual"]+synced), o); r != nil || err == nil || !strings.Contains(err.Error(), "another run uses it") || started {
		t.Errorf("a second run: %v, started %t", err, started)
	}
	unlock()
	if _, err := run.Run(t.Context(), scenariotest.Parse(t, clocks["virtual"]+synced), o); err != nil || !started {
		t.Errorf("the next run: %v, started %t", err, started)
	}
	unlock, err = host.Lock(file)
	if err != nil {
		t.Fatalf("after the run: %v", err)
	}
	unlock()
}

func TestAStateFileIsTriedBeforeTheRun(t *testing.T) {
	o := run.Options{State: filepath.Join(t.TempDir(), "nowhere", "fleet.state"), Started: func(*run.Live) { t.Error("it was started") }}
	if r, err := run.Run(t.Context(), scenariotest.Parse(t, clocks["virtual"]+synced), o); r != nil || !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%v, report %v", err, r)
	}
}

// A run whose fleet or events could not be written has a report all the same.
func TestWhatCouldNotBeWrittenIsToldBesideTheReport(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "folder")
	if err := os.Mkdir(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	o := run.Options{State: filepath.Join(folder, "fleet.state"), Events: full{}, Started: func(*run.Live) {
		if err := os.RemoveAll(folder); err != nil {
			t.Error(err)
		}
	}}
	r, err := run.Run(t.Context(), scenariotest.Parse(t, clocks["virtual"]+synced), o)
	if r == nil || !errors.Is(err, fs.ErrNotExist) || !errors.Is(err, errFull) {
		t.Errorf("%v, report %v", err, r)
	}
}

var errFull = errors.New("the disk is full")

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errFull }
