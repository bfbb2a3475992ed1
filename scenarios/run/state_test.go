package run_test

import (
	"encoding/json"
	"errors"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"spafleet/fleet/state"
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

// A server of a fleet that is saved is where no client's socket is put by the system
// before it is started again, unless the scenario says where it is.
func TestTheServerOfASavedFleetKeepsItsPorts(t *testing.T) {
	text := `
name: ports
clock: real
fleet: {homes: {model: SPA2102, count: 1, set: {Resync_Random_Delay: 0}}}
server:
  https: {}
  sip: {}
  files:
    /spa2102.cfg: <flat-profile><Syslog_Server>${server.syslog}</Syslog_Server></flat-profile>
expect: [{all: synced, by: 5s}]
`
	saved := func(file string) (at []string) {
		if _, err := run.Run(t.Context(), scenariotest.Parse(t, text), run.Options{State: file}); err != nil {
			t.Fatal(err)
		}
		of, err := state.Open(file)
		if err != nil {
			t.Fatal(err)
		}
		defer of.Close()
		var servers struct {
			Servers     []string
			Syslog, SIP string
		}
		if err := json.Unmarshal(of.Extra, &servers); err != nil {
			t.Fatal(err)
		}
		return append(servers.Servers, servers.Syslog, servers.SIP)
	}
	file := filepath.Join(t.TempDir(), "fleet.state")
	first := saved(file)
	if len(first) != 5 {
		t.Errorf("servers: %v", first)
	}
	for _, at := range first {
		if port := netip.MustParseAddrPort(at).Port(); port < 20000 || port > 32767 {
			t.Errorf("a server is at %s", at)
		}
	}
	if again := saved(file); !slices.Equal(again, first) {
		t.Errorf("servers were at %v, then at %v", first, again)
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
