package run_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"spafleet/fleet"
	"spafleet/host/golden"
	"spafleet/scenarios"
	"spafleet/scenarios/report"
	"spafleet/scenarios/run"
	"spafleet/scenarios/scenariotest"
)

// Scenarios of the program do the same to the byte as they did when the file was
// written: what makes the program faster must not change what devices do.
func TestEventLogsAreTheSameAsEver(t *testing.T) {
	var b strings.Builder
	for _, name := range []string{
		"blackout", "demo", "firmware-rollout", "key-rotation", "morning-notify", "nightly-resync",
		"partitioned-profiles", "redundant-servers", "registrar-down", "retail", "retry-echo", "three-stage-ladder",
	} {
		_, log := virtually(t, builtin(t, name, 1))
		fmt.Fprintf(&b, "%x %7d %s\n", sha256.Sum256([]byte(log)), strings.Count(log, "\n"), name)
	}
	golden.File(t, "testdata/events.sha256", []byte(b.String()))
}

// So it is in mixed time, against a server of the network: nine phones come once an hour,
// some for a file that changes, some for one that is missing, some for a damaged one.
func TestEventLogsInMixedTimeAreTheSameAsEver(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	asked := map[string]int{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		asked[r.URL.Path]++
		n := asked[r.URL.Path]
		mu.Unlock()
		kind, _, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
		switch {
		case kind == "missing" && n%3 == 1:
			w.WriteHeader(http.StatusNotFound)
		case kind == "damaged" && n%2 == 0:
			fmt.Fprint(w, "<flat-profile><GPP_A>")
		default:
			fmt.Fprintf(w, "<flat-profile><GPP_A>%s %d</GPP_A><GPP_B>%s</GPP_B></flat-profile>", r.URL.Path, n/2, strings.Repeat("b", 40*n))
		}
	}))
	defer server.Close()
	address := server.Listener.Addr().String()
	scenario := scenariotest.Parse(t, strings.ReplaceAll(`
clock: mixed
seed: 3
duration: 8h
fleet:
  changing: {model: SPA2102, firmware: 5.2.10, count: 3, set: {Profile_Rule: "http://ADDRESS/changing/$MA.xml", Resync_Periodic: 3600}}
  missing: {model: SPA942, firmware: 6.1.5(a), count: 3, set: {Profile_Rule: "http://ADDRESS/missing/$MA.xml", Resync_Periodic: 3600, Resync_Error_Retry_Delay: 600}}
  damaged: {model: SPA504G, firmware: 7.6.2d, count: 3, set: {Profile_Rule: "http://ADDRESS/damaged/$MA.xml", Resync_Periodic: 3600}}
`, "ADDRESS", address))
	_, log := logged(t, scenario)
	log = strings.ReplaceAll(log, address, "ADDRESS")
	golden.File(t, "testdata/mixed.sha256", fmt.Appendf(nil, "%x %7d\n", sha256.Sum256([]byte(log)), strings.Count(log, "\n")))
}

// disturbed is a fleet whose transfers fail in known ways.
const disturbed = `
seed: 7
limits: {lateness: 10s}
fleet:
  ata: {model: SPA2102, firmware: 5.2.10, count: 20, set: {Profile_Rule: "http://${server.http}/ata.xml", Resync_Random_Delay: 0, Resync_Error_Retry_Delay: 1, Resync_Periodic: 0}, switches: {boot_time: 0s, reboot_time: 0s}}
  phones: {model: SPA942, firmware: 6.1.5(a), count: 20, set: {Resync_Random_Delay: 0, Resync_Error_Retry_Delay: 1, Resync_Periodic: 0}, switches: {boot_time: 0s, reboot_time: 0s, tftp_wait: 100ms, tftp_tries: 2}}
server:
  files:
    /ata.xml: {body: <flat-profile><User_ID_1_>1001</User_ID_1_></flat-profile>}
    /spa942.cfg: {body: <flat-profile><User_ID_1_>1002</User_ID_1_></flat-profile>, size: 4KB}
timeline:
  - fault: {match: tftp /spa942.cfg, nth: 1-2, lose: block 3}
  - fault: {match: http /ata.xml, nth: "1", status: 503}
  - fault: {match: http /ata.xml, nth: "2", reset_after: 10B}
  - fault: {match: http /ata.xml, nth: "3", status: 404}
expect:
  - all: synced && resyncs.ok == 2
    by: 5m
`

// What happened, and why, is the same number of times by the real clock and in virtual
// time, and the same as ever.
func TestCountsByCauseAreTheSameAsEver(t *testing.T) {
	t.Parallel()
	var of [2]string
	for i, clock := range []fleet.Clock{fleet.Virtual, fleet.Real} {
		scenario := scenariotest.Parse(t, disturbed)
		scenario.Clock = scenarios.Clock{Mode: clock}
		r, log := logged(t, scenario)
		scenariotest.WantVerdict(t, r, report.Passed)
		of[i] = countsByCause(t, log)
	}
	if of[0] != of[1] {
		t.Errorf("in virtual time\n%s\nby the real clock\n%s", of[0], of[1])
	}
	golden.File(t, "testdata/causes.golden", []byte(of[0]))
}

// countsByCause counts the lines of a log by what happened, and why.
func countsByCause(t *testing.T, log string) string {
	t.Helper()
	counts := map[string]int{}
	for line := range strings.Lines(log) {
		var e struct {
			Kind   string `json:"kind"`
			Cause  string `json:"cause"`
			Err    string `json:"err"`
			Result string `json:"result"`
			State  string `json:"state"`
		}
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatal(err)
		}
		if e.Kind == "timer" { // the last ones are told when the run may have ended
			continue
		}
		counts[strings.Join(strings.Fields(fmt.Sprint(e.Kind, " ", e.Cause, " ", e.Err, " ", e.Result, " ", e.State)), " ")]++
	}
	var b strings.Builder
	for _, what := range slices.Sorted(maps.Keys(counts)) {
		fmt.Fprintf(&b, "%4d %s\n", counts[what], what)
	}
	return b.String()
}

// logged acts a scenario out, and returns its log.
func logged(t *testing.T, scenario *scenarios.Scenario) (*report.Report, string) {
	t.Helper()
	var log bytes.Buffer
	r, err := run.Run(t.Context(), scenario, run.Options{Events: &log})
	if err != nil {
		t.Fatal(err)
	}
	return r, log.String()
}
