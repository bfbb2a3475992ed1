package run_test

import (
	"strings"
	"testing"

	"spafleet/scenarios/report"
	"spafleet/scenarios/run"
	"spafleet/scenarios/scenariotest"
)

// What devices were before a step is no answer to what they are to be after it.
func TestADeadlineOfAStepLooksAtWhatComesAfterIt(t *testing.T) {
	t.Parallel()
	onBothClocks(t, `
fleet:
  phones: {model: SPA942, count: 3, switches: {boot_time: 1s}, set: {Resync_Random_Delay: 0, Resync_Periodic: 0}}
server:
  files:
    /spa942.cfg: <flat-profile><GPP_A>x</GPP_A></flat-profile>
timeline:
  - {name: up, when: {all: synced}, by: 1m}
  - {name: again, at: up + 2s, reboot: all}
  - {name: broken, at: again + 10s, fault: {match: tftp, lose: all}}
  - {name: last, at: broken, reboot: all}
  - {name: cut, at: last + 10s, power_off: all}
duration: 2m
expect:
  - {all: synced, by: again + 9s}
  - {all: synced, by: last + 9s}
  - {all: synced, by: cut + 30s}
  - {at_least: 1, where: synced, by: cut + 30s}
`, func(t *testing.T, r *report.Report) {
		for i, want := range []bool{true, false, false, false} {
			if e := r.Expect[i]; e.OK != want {
				t.Errorf("expectation %d (%s): %t, want %t: held for %d", i, e.Name, e.OK, want, e.Held)
			}
		}
	})
}

// A NOTIFY, and a page of a device's web server, order something that shows later: a phone
// that has synced before has not synced after it. One that refuses is as it was.
func TestADeadlineOfANotifyOrAVisitLooksAtWhatComesAfterIt(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		step string
		want []bool // without a server from the step on; and with it
	}{
		"reboot":         {"notify: {of: all, event: reboot}", []bool{false, true}},
		"check-sync":     {"notify: {of: all, event: check-sync;reboot=true}", []bool{false, true}},
		"restart":        {"notify: {of: all, event: restart_now}", []bool{false, true}},
		"wrong password": {"notify: {of: all, event: reboot, auth: bad}", []bool{true, true}},
		"no password":    {"notify: {of: all, event: reboot, auth: none}", []bool{true, true}},
		"keep-alive":     {"notify: {of: all, event: keep-alive}", []bool{true, true}},
		"page":           {"web: {of: all, path: /admin/reboot}", []bool{false, true}},
		"status":         {"web: {of: all, path: /admin/status.xml}", []bool{true, true}},
	} {
		for i, lost := range []string{"all", "packet 999"} {
			r := scenariotest.Start(t, scenariotest.Parse(t, `
clock: virtual
fleet:
  phones: {model: SPA942, count: 3, switches: {boot_time: 1s}, set: {Resync_Random_Delay: 0, Resync_Periodic: 0, User_ID_1_: "1001", Password_1_: secret}}
server:
  sip: true
  files:
    /spa942.cfg: <flat-profile><GPP_A>x</GPP_A></flat-profile>
timeline:
  - {name: up, when: {all: synced}, by: 1m}
  - {name: broken, at: up + 5s, fault: {match: tftp, lose: `+lost+`}}
  - {name: asked, at: broken, `+tt.step+`}
duration: 2m
expect:
  - {all: synced, by: asked + 30s}
`), run.Options{})
			if e := r.Expect[0]; e.OK != tt.want[i] {
				t.Errorf("%s, the server's packets lost: %s: %t, it held for %d", name, lost, e.OK, e.Held)
			}
		}
	}
}

// A NOTIFY that comes to nobody is no failure of a device, and the report says so.
func TestANotifyWithoutAnAnswerIsANote(t *testing.T) {
	t.Parallel()
	r := scenariotest.Start(t, scenariotest.Parse(t, `
clock: virtual
fleet:
  phones: {model: SPA901, count: 4}
server:
  sip: true
  files: {/spa901.cfg: <flat-profile><GPP_A>x</GPP_A></flat-profile>}
timeline:
  - {at: 1m, notify: {of: phones, line: 2}}
  - {at: 1m, notify: phones}
  - {at: 9m59s, options: {of: 1 of phones, line: 2}}
duration: 10m
expect: [{all: synced, by: 1m}]
`), run.Options{})
	if notes := strings.Join(r.Notes, "\n"); !strings.Contains(notes, "notify: 4 NOTIFYs had no answer\noptions: 1 OPTIONS had no answer") {
		t.Errorf("notes: %s", notes)
	}
}

// A device that fails an expectation says what its lines could not do.
func TestADeviceThatFailsSaysWhyItIsNotRegistered(t *testing.T) {
	t.Parallel()
	r := scenariotest.Start(t, scenariotest.Parse(t, `
clock: virtual
fleet:
  phones: {model: SPA942, count: 1, set: {Resync_Periodic: 0, User_ID_1_: "1001", Password_1_: secret, Proxy_1_: "${server.sip}"}}
server:
  sip: {password: another}
  files: {/spa942.cfg: <flat-profile><GPP_A>x</GPP_A></flat-profile>}
timeline:
  - {at: 1m, notify: {of: all, auth: bad}}
duration: 10m
expect: [{all: registered == 1, at: end}]
`), run.Options{})
	if first := r.Expect[0].First; len(first) != 1 || first[0].Why != "MFG-RESET, not registered: 401 at 127.0.0.1:5060, refused a NOTIFY: wrong credentials" {
		t.Errorf("%+v", first)
	}
}

// An expectation whose step does not happen says so, in words and for machines.
func TestAnExpectationWhoseStepDoesNotHappenSaysSo(t *testing.T) {
	t.Parallel()
	r := scenariotest.Start(t, scenariotest.Parse(t, `
fleet:
  phones: {model: SPA942, count: 2}
server: {}
timeline:
  - {name: secured, when: {all: state == "SEC-PRV-2"}, by: 5m}
duration: 10m
expect:
  - {never: event.kind == "boot", from: secured}
  - {all: powered, by: secured + 1m}
  - {never: event.kind == "power_off"}
`), run.Options{})
	for i, want := range []string{"step secured, from which it counts, did not happen", "step secured, from which it counts, did not happen", "2 of 2 devices"} {
		if got := r.Expect[i].Measured(); got != want || r.Expect[i].OK != (i == 2) {
			t.Errorf("%s: %q, ok %t", r.Expect[i].Name, got, r.Expect[i].OK)
		}
	}
	var text strings.Builder
	r.WriteText(&text)
	if text := text.String(); !strings.Contains(text, `boot": step secured, from which it counts, did not happen`) {
		t.Error(text)
	}
}
