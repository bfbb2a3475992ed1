package run_test

import (
	"net/netip"
	"strings"
	"testing"

	"spafleet/bench/extproc"
	"spafleet/fleet"
	"spafleet/scenarios"
	"spafleet/scenarios/report"
	"spafleet/scenarios/run"
	"spafleet/scenarios/scenariotest"
)

// sipMachine has SIP ports that nobody else uses.
func sipMachine(t *testing.T) run.Options {
	t.Helper()
	addr, err := extproc.Address()
	if err != nil {
		t.Fatal(err)
	}
	return run.Options{Machine: scenarios.Machine{SIP: fleet.SIP{Port: netip.MustParseAddrPort(addr).Port()}}}
}

// withSIP runs a scenario in virtual time, and over sockets in a hurry.
func withSIP(t *testing.T, text string, check func(t *testing.T, r *report.Report)) {
	t.Helper()
	for _, clock := range []string{"virtual", "8x"} {
		t.Run(clock, func(t *testing.T) {
			t.Parallel()
			check(t, scenariotest.Start(t, scenariotest.Parse(t, "clock: "+clock+"\nlimits: {lateness: 1h}\n"+text), sipMachine(t)))
		})
	}
}

// A NOTIFY does what it asks for if it has the account of the line, and nothing else; who
// is on the telephone answers, and resyncs after the call; who has no power hears none.
func TestANotifyOfAScenarioDoesWhatItAsksFor(t *testing.T) {
	t.Parallel()
	withSIP(t, `
fleet:
  good: {model: SPA942, count: 3, switches: {boot_time: 0s, reboot_time: 0s}, set: {Resync_Random_Delay: 0, Resync_Periodic: 0, User_ID_1_: "1001", Password_1_: secret, Use_Auth_ID_2_: "Yes", Auth_ID_2_: auth, User_ID_2_: "2002", Password_2_: other}}
`+strings.ReplaceAll(`
  bad: SET
  none: SET
  busy: SET
  off: SET
  second: SET
  reboots: SET
`, "SET", `{model: SPA942, count: 2, switches: {boot_time: 0s, reboot_time: 0s}, set: {Resync_Random_Delay: 0, Resync_Periodic: 0, User_ID_1_: "1001", Password_1_: secret, Use_Auth_ID_2_: "Yes", Auth_ID_2_: auth, User_ID_2_: "2002", Password_2_: other}}`)+`
server:
  sip: true
  files: {/spa942.cfg: <flat-profile><GPP_A>x</GPP_A></flat-profile>}
timeline:
  - {name: ready, when: {all: synced}, by: 2m}
  - {off_hook: busy, at: ready + 1s}
  - {power_off: off, at: ready + 1s}
  - {notify: "good,busy,off", at: ready + 4s}
  - {notify: {of: bad, auth: bad}, at: ready + 4s}
  - {notify: {of: none, auth: none}, at: ready + 4s}
  - {notify: {of: second, line: 2, event: check-sync}, at: ready + 4s}
  - {notify: {of: reboots, event: reboot}, at: ready + 4s}
  - {on_hook: busy, at: ready + 20s}
  - {name: over, at: ready + 30s}
expect:
  - {all: resyncs.ok == 2 && events("notify") == 1, of: good, at: over}
  - {all: resyncs.ok == 1 && events("notify_failed") == 1, of: bad, at: over}
  - {all: resyncs.ok == 1 && events("notify_challenged") == 1 && events("notify_failed") == 0, of: none, at: over}
  - {all: resyncs.ok == 2 && last("resync_ok").at > last("notify").at + duration("5s"), of: busy, at: over}
  - {all: resyncs.ok == 1 && events("notify") == 0, of: off, at: over}
  - {all: resyncs.ok == 2 && last("notify").text == "check-sync", of: second, at: over}
  - {all: reboots == 1, of: reboots, at: over}
  - {never: 'event.kind == "server_log" && event.path == "resync" && event.status == 200 && group in ["bad", "none", "off"]'}
  - {all: events("server_log") == 3, of: reboots, at: over}
thresholds:
  notifies: count==11
  notify_failed: rate<20%
  notify_duration: [max>5s, min<5s]
`, func(t *testing.T, r *report.Report) {
		if r.Verdict != report.Passed {
			t.Errorf("%s: %+v\n%+v", r.Verdict, r.Expect, r.Thresholds)
		}
		if r.SIP == nil || r.SIP.Notified != 9 || r.SIP.Refused["wrong credentials"] != 2 {
			t.Errorf("%+v", r.SIP)
		}
	})
}
