package run_test

import (
	"errors"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"spafleet/device"
	"spafleet/scenarios"
	"spafleet/scenarios/report"
	"spafleet/scenarios/run"
	"spafleet/scenarios/scenariotest"
)

var mayCommand = run.Options{Machine: scenarios.Machine{Commands: true}}

// onePhone is a fleet and a server over sockets, for commands beside it.
const onePhone = `
clock: real
limits: {lateness: 1h}
fleet: {phone: {model: SPA942, set: {Resync_Random_Delay: 0}, switches: {boot_time: 0s}}}
server: {files: {/spa942.cfg: <flat-profile><GPP_A>x</GPP_A></flat-profile>}}
`

// What a command changes at a server is what the devices meet after it, to the moment,
// where time stands still meanwhile.
func TestACommandChangesTheServerUnderTest(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	files := httptest.NewServer(http.FileServer(http.Dir(dir)))
	defer files.Close()
	for name, text := range map[string]string{"before": "<flat-profile><GPP_A>before</GPP_A></flat-profile>", "after": "<flat-profile><GPP_A>after</GPP_A></flat-profile>"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	profile := filepath.Join(dir, "a.xml")
	r := scenariotest.Start(t, scenariotest.Parse(t, `
clock: mixed
limits: {lateness: 1h}
fleet: {phones: {model: SPA942, count: 3, set: {Resync_Random_Delay: 0, Resync_Periodic: 3600, Profile_Rule: "`+files.URL+`/a.xml"}}}
target: {hosts: [127.0.0.1]}
timeline:
  - {run: [cp, "`+filepath.Join(dir, "before")+`", "`+profile+`"]}
  - {name: changed, at: 90m, run: [cp, "`+filepath.Join(dir, "after")+`", "`+profile+`"]}
duration: 3h
expect:
  - {all: 'param("GPP_A") == "before"', at: changed}
  - {all: 'param("GPP_A") == "after"', at: end}
`), mayCommand)
	scenariotest.WantVerdict(t, r, report.Passed)
}

// A command that fails fails the run, and its step says how.
func TestACommandThatFailsFailsTheRun(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ command, want string }{
		{`[sh, -c, "echo no such upstream >&2; exit 3"]`, "sh: exit status 3: no such upstream"},
		{`[/no/such/program, x]`, "/no/such/program: no such file or directory"},
		{`[no-such-program]`, "no-such-program: executable file not found in $PATH"},
		{`[sh, -c, "kill -9 $$"]`, "sh: signal: killed"},
	} {
		r := scenariotest.Start(t, scenariotest.Parse(t, onePhone+"timeline: [{name: reload, run: "+tt.command+"}]\nexpect: [{all: synced, by: 1m}]"), mayCommand)
		if r.Verdict != report.Failed || r.Timeline[0].Error != tt.want {
			t.Errorf("%s: %s, %q, want %q", tt.command, r.Verdict, r.Timeline[0].Error, tt.want)
		}
	}
}

// Without the user's permission nothing is executed and nothing is sent.
func TestCommandsNeedPermission(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "made")
	s := scenariotest.Parse(t, onePhone+"timeline: [{run: [touch, "+file+"]}]\nexpect: [{all: synced, by: 1m}]")
	var events int
	_, err := run.Run(t.Context(), s, run.Options{Tell: func(e []device.Event) { events += len(e) }})
	if err == nil || !strings.Contains(err.Error(), "touch "+file) || !strings.Contains(err.Error(), "Commands") {
		t.Errorf("it said %v", err)
	}
	if _, err := os.Stat(file); !errors.Is(err, fs.ErrNotExist) || events > 0 {
		t.Errorf("the file: %v; %d events", err, events)
	}
}

// The run goes on until a command has ended, though all else is decided.
func TestARunWaitsForItsCommands(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "made")
	r := scenariotest.Start(t, scenariotest.Parse(t, onePhone+"timeline: [{name: slow, when: {all: synced}, by: 1m, run: [sh, -c, 'sleep 1; touch "+file+"']}]"), mayCommand)
	if _, err := os.Stat(file); err != nil || r.Verdict != report.Passed {
		t.Errorf("%s, and %v", r.Verdict, err)
	}
}

// One that still runs when it is due again is not started twice.
func TestACommandIsNotStartedTwice(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "made")
	r := scenariotest.Start(t, scenariotest.Parse(t, onePhone+"timeline: [{every: 200ms, times: 3, run: [sh, -c, 'echo once >>"+file+"; sleep 1']}]\nexpect: [{all: synced, by: 1m}]"), mayCommand)
	text, err := os.ReadFile(file)
	if err != nil || string(text) != "once\n" {
		t.Errorf("it wrote %q, %v", text, err)
	}
	if got := r.Timeline[0].Error; got != "sh: it still ran when it was due again" || r.Verdict != report.Failed {
		t.Errorf("%s: %q", r.Verdict, got)
	}
}

// Of many machines one runs the commands, and the merge has how they ended.
func TestOneShardRunsTheCommands(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "made")
	var all []report.ShardResult
	for i := range 2 {
		o := mayCommand
		o.Shard = device.Shard{Index: i, Count: 2}
		s := scenariotest.Parse(t, strings.Replace(onePhone, "model:", "count: 4, model:", 1)+"timeline: [{name: reload, run: [sh, -c, 'echo once >>"+file+"; exit 1']}]\nduration: 1s")
		all = append(all, report.ShardResult{From: strconv.Itoa(i), Report: scenariotest.Start(t, s, o)})
	}
	merged, err := report.Merge(all)
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(file)
	if string(text) != "once\n" || err != nil || merged.Timeline[0].Error != "sh: exit status 1" || merged.Verdict != report.Failed {
		t.Errorf("it wrote %q, %v; merged: %s, %+v", text, err, merged.Verdict, merged.Timeline)
	}
}
