package run_test

import (
	"context"
	"flag"
	"fmt"
	"net"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"spafleet/device"
	"spafleet/device/model"
	"spafleet/scenarios/report"
	"spafleet/scenarios/run"
	"spafleet/scenarios/scenariotest"
)

// TestMain looks for goroutines that a run leaves behind. A TFTP transfer whose
// device fell silent holds the server's socket for some seconds, and Run does
// not wait for that; it must end by itself, though.
func TestMain(m *testing.M) {
	flag.Parse()
	if f := flag.Lookup("test.parallel"); f.Value.String() == strconv.Itoa(runtime.GOMAXPROCS(0)) {
		_ = flag.Set("test.parallel", "4") // most of these tests wait for real time
	}
	code := m.Run()
	deadline := time.Now().Add(10 * time.Second)
	err := goleak.Find()
	for err != nil && time.Now().Before(deadline) {
		err = goleak.Find() // looks for a while
	}
	if code == 0 && err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// events are those of a run, with what these tests compare of them.
type events struct{ scenariotest.Events }

// phones is the common head: phones that ask at once, and a server that has one
// file for them. They ask by HTTP: to end while a TFTP server still waits for a
// last ACK is what pin/tftp cannot do without the race detector's complaint.
const phones = `
clock: real
limits: {lateness: 10s}
fleet:
  phones: {model: SPA942, firmware: 6.1.5(a), count: 6, lease: none, switches: {boot_time: 0s, reboot_time: 0s}, set: {Resync_Random_Delay: 0, Profile_Rule: "http://${server.http}/spa942.cfg"}}
server:
  files:
    /spa942.cfg: <flat-profile><User_ID_1_>{{ 1000 + index }}</User_ID_1_></flat-profile>
`

func act(t *testing.T, src string) (*report.Report, *events) {
	t.Helper()
	l := &events{}
	r, err := run.Run(t.Context(), scenariotest.Parse(t, src), run.Options{Tell: l.Tell})
	if err != nil {
		t.Fatal(err)
	}
	return r, l
}

func TestAScenarioWhoseExpectationsHoldPassesAndEnds(t *testing.T) {
	r, _ := act(t, phones+`
expect:
  - all: synced && param("User_ID_1_") == string(1000 + index)
    by: 5s
`)
	scenariotest.WantVerdict(t, r, report.Passed)
	if c := r.Expect[0]; c.Held != 6 || c.Devices != 6 || len(c.First) != 0 || r.Resyncs.OK < 6 || r.DurationSeconds > 4 {
		t.Errorf("%+v, resyncs %+v, %gs", c, r.Resyncs, r.DurationSeconds)
	}
}

// The server's texts speak of each device where the scenario itself asks nothing.
func TestAScenarioWithoutExpectationsServesWhatItSays(t *testing.T) {
	r, _ := act(t, "duration: 1s\n"+phones)
	scenariotest.WantVerdict(t, r, report.Finished)
	if r.Resyncs.OK < 6 || r.Resyncs.Failed != 0 {
		t.Errorf("resyncs %+v", r.Resyncs)
	}
}

func TestSyslogLinesThatWentNowhereAreTold(t *testing.T) {
	r, _ := act(t, "duration: 1s\n"+strings.Replace(phones, "Resync_Random_Delay: 0,", `Resync_Random_Delay: 0, Syslog_Server: "127.0.0.1:99999",`, 1))
	if !slices.ContainsFunc(r.Notes, func(n string) bool { return strings.Contains(n, "syslog lines could not be sent") }) {
		t.Errorf("notes %q", r.Notes)
	}
}

func TestAnExpectationThatFailsNamesTheDevicesAndWhy(t *testing.T) {
	r, _ := act(t, phones+`
expect:
  - {at_least: 50%, where: index < 2, by: 300ms, name: half are the first two}
  - {all: synced, by: 5s}
`)
	scenariotest.WantVerdict(t, r, report.Failed)
	c := r.Expect[0]
	if c.OK || c.Name != "half are the first two" || c.Held != 2 || len(c.First) != 3 || c.First[0].Index != 2 || c.First[0].Model != "SPA942" {
		t.Errorf("%+v", c)
	}
	if !r.Expect[1].OK {
		t.Errorf("%+v", r.Expect[1])
	}
	for _, l := range c.First {
		if len(l.MAC) != 12 || !strings.Contains(l.Why, "SP-CUST") {
			t.Errorf("%+v", l)
		}
	}
}

func TestAnErrorOfTheServerIsAFindingAndTheReason(t *testing.T) {
	r, _ := act(t, strings.Replace(phones, "/spa942.cfg: <", "/other.cfg: <", 1)+`
expect:
  - {all: synced, by: 700ms}
`)
	scenariotest.WantVerdict(t, r, report.Failed)
	if len(r.Findings.Errors) != 1 || r.Findings.Errors[0].Err == "" || r.Findings.Errors[0].Result != "not_found" || r.Findings.Errors[0].Count != 6 {
		t.Fatalf("%+v", r.Findings)
	}
	if why := r.Expect[0].First[0].Why; !strings.Contains(why, "last failure: "+r.Findings.Errors[0].Err) || !strings.Contains(why, "next in ") {
		t.Errorf("why: %s", why)
	}
}

// What is said of a device is of the moment that the expectation is about, and not of
// the end, when it may be well again.
func TestTheReasonIsOfTheMomentOfTheExpectation(t *testing.T) {
	t.Parallel()
	r, _ := act(t, `
duration: 2h
fleet: {phones: {model: SPA942, count: 2, set: {Resync_Random_Delay: 0}}}
server: {files: {/other.cfg: x}}
timeline:
  - at: 30m
    server: {files: {/spa942.cfg: <flat-profile><Profile_Rule>/mine.cfg</Profile_Rule></flat-profile>}}
expect:
  - {all: synced, at: 10m, of: phones}
  - {all: events("customized") == 1}
`)
	scenariotest.WantVerdict(t, r, report.Failed)
	if !r.Expect[1].OK || r.Expect[0].OK {
		t.Fatalf("%+v", r.Expect)
	}
	if why, want := r.Expect[0].First[0].Why, "MFG-RESET, last failure: file not found, next in 50m"; !strings.HasPrefix(why, want) {
		t.Errorf("why: %s, want %s", why, want)
	}
}

// closedPort returns a loopback address where nobody listens any more.
func closedPort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func TestATargetThatIsDownIsAFinding(t *testing.T) {
	r, _ := act(t, `
clock: real
limits: {lateness: 10s}
fleet:
  phones: {model: SPA942, count: 3, lease: none, set: {Resync_Random_Delay: 0, Profile_Rule: "http://`+closedPort(t)+`/$MA.cfg"}}
target: {hosts: [127.0.0.1]}
expect:
  - {all: synced, by: 500ms}
  - {all: err != "", by: 500ms}
`)
	scenariotest.WantVerdict(t, r, report.Failed)
	if len(r.Findings.Errors) != 1 || r.Findings.Errors[0].Err == "" || r.Findings.Errors[0].Result != "connect" || r.Resyncs.Failed != 3 || !r.Expect[1].OK {
		t.Errorf("%+v, %+v, %+v", r.Findings, r.Resyncs, r.Expect)
	}
}

func TestAWhenThatIsNeverMetFailsTheRunAndWhatWaitsForItIsGivenUp(t *testing.T) {
	r, l := act(t, phones+`
timeline:
  - {name: never, when: {all: index < 4}, by: 200ms, reboot: all}
  - {name: after, at: never + 10ms, reboot: all}
  - {at: after, reboot: all}
expect:
  - {all: synced, by: after + 1s}
`)
	scenariotest.WantVerdict(t, r, report.Failed)
	s := r.Timeline[0]
	if s.Fired || len(s.Missing) != 2 || s.Missing[0].Index != 4 || r.Timeline[1].Fired || r.Timeline[2].Fired || r.Expect[0].OK {
		t.Errorf("%+v, %+v", r.Timeline, r.Expect)
	}
	if boots := l.Names(0, "boot"); r.DurationSeconds > 3 || len(boots) > 2 {
		t.Errorf("%gs, %v", r.DurationSeconds, boots)
	}
}

func TestAnInterruptedRunIsJudgedSoFarWithinASecond(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var cancelled time.Time
	r, err := run.Run(ctx, scenariotest.Parse(t, phones+"expect:\n  - {all: index < 0, by: 2h}\n"), run.Options{
		Started: func(*run.Live) { cancelled = time.Now(); time.AfterFunc(100*time.Millisecond, cancel) }})
	if err != nil {
		t.Fatal(err)
	}
	scenariotest.WantVerdict(t, r, report.Interrupted)
	if took := time.Since(cancelled); took > 1100*time.Millisecond {
		t.Errorf("%s after the start", took)
	}
}

func TestADurationIsKeptInFullUnlessTheScenarioIsBrief(t *testing.T) {
	src := "duration: 700ms" + phones + "expect:\n  - {all: true, by: 500ms, from: start}\n"
	for _, brief := range []bool{false, true} {
		scenario := scenariotest.Parse(t, src)
		scenario.Brief = brief
		r, err := run.Run(t.Context(), scenario, run.Options{})
		if err != nil {
			t.Fatal(err)
		}
		scenariotest.WantVerdict(t, r, report.Passed)
		if full := r.DurationSeconds >= .7; full == brief || r.DurationSeconds > 2 {
			t.Errorf("brief %t: %gs", brief, r.DurationSeconds)
		}
	}
}

func TestWithKeepTheFleetStaysUpAfterTheVerdict(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var live *run.Live
	decided := ""
	r, err := run.Run(ctx, scenariotest.Parse(t, phones+"expect:\n  - {all: synced, by: 5s}\n"), run.Options{
		Keep:    true,
		Started: func(l *run.Live) { live = l },
		Decided: func(r *report.Report) {
			decided = r.Verdict
			go func() {
				defer cancel()
				if err := live.Fleet.Do(ctx, 0, device.Command{Order: device.Resync, Cause: model.ByStep}); err != nil {
					t.Error(err)
				}
				_ = live.Fleet.Await(ctx, func() bool { return live.Tally.Started() > 6 })
			}()
		}})
	if err != nil || decided != report.Passed {
		t.Fatalf("%v, decided %q", err, decided)
	}
	scenariotest.WantVerdict(t, r, report.Passed)
	if live.Tally.Started() <= 6 {
		t.Error("nothing happened after the verdict")
	}
}

func TestARunOfWhichNothingIsExpectedIsFinishedAndSaysSo(t *testing.T) {
	r, _ := act(t, "duration: 300ms"+phones)
	scenariotest.WantVerdict(t, r, report.Finished)
	if r.Exit != 0 {
		t.Errorf("exit code %d", r.Exit)
	}
	if !slices.Contains(r.Notes, "no expectations set") {
		t.Errorf("%q", r.Notes)
	}
}

func TestARunWhoseAttemptsStartLateIsInvalid(t *testing.T) {
	r, _ := act(t, strings.Replace(phones, "lateness: 10s", "lateness: 1ms, outstanding: 1", 1)+`
expect:
  - {all: index < 0, by: 500ms}
`)
	if r.Generator.Valid {
		t.Fatalf("a lateness of %gs is within a millisecond: %+v", r.Generator.Lateness.P99, r.Generator)
	}
	scenariotest.WantVerdict(t, r, report.Invalid)
}

// What the server refuses is no matter of lateness: it decides first, and both are
// shown.
func TestALateRunFailsByWhatLatenessCannotCause(t *testing.T) {
	late := strings.NewReplacer("lateness: 10s", "lateness: 1ms, outstanding: 1")
	for _, tt := range []struct{ name, fleet, verdict, worked string }{
		{"no such file", strings.Replace(phones, "/spa942.cfg\"", "/none.cfg\"", 1), report.Failed, "no"},
		{"no answer in time", phones, report.Invalid, "unclear"},
	} {
		if tt.fleet = late.Replace(tt.fleet); tt.name == "no such file" && !strings.Contains(tt.fleet, "/none.cfg") {
			t.Fatal(tt.fleet)
		}
		r, _ := act(t, tt.fleet+"expect:\n  - {all: resyncs.ok == 3, by: 100ms}\n")
		if r.Generator.Valid {
			t.Fatalf("%s: %+v", tt.name, r.Generator)
		}
		if scenariotest.WantVerdict(t, r, tt.verdict); r.Worked != tt.worked {
			t.Errorf("%s: worked %s, %+v", tt.name, r.Worked, r.Expect)
		}
	}
}

func TestAtIsThatVeryMomentAndByIsAnyMomentUntilThen(t *testing.T) {
	r, _ := act(t, phones+`
timeline:
  - {name: on, when: {all: synced}, by: 5s, power_off: 2 of phones}
  - {name: later, at: on + 300ms}
expect:
  - {all: powered, by: later}
  - {all: powered, at: later}
  - {exactly: 4, where: powered, at: later}
  - {exactly: 4, where: powered}
  - {always: 'event.kind != "power_off"'}
  - {always: 'event.kind != "power_off"', from: on + 200ms}
`)
	var got []bool
	for _, c := range r.Expect {
		got = append(got, c.OK)
	}
	// by counts from the step that it names: two had no power any more when "later" came
	if want := []bool{false, false, true, true, false, true}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v: %+v", got, want, r.Expect)
	}
	if r.Expect[4].Held != 4 || r.Timeline[0].Devices != 2 {
		t.Errorf("%+v, %+v", r.Expect[4], r.Timeline[0])
	}
}

func TestStepsOfOneMomentHappenWhereverTheyStand(t *testing.T) {
	r, _ := act(t, phones+`
timeline:
  - {name: last, at: middle, reboot: 1 of phones}
  - {name: middle, at: first}
  - {name: first, at: 100ms}
expect:
  - {all: synced, by: last + 5s}
`)
	scenariotest.WantVerdict(t, r, report.Passed)
	if r.DurationSeconds > 5 || r.Timeline[0].At < r.Timeline[2].At {
		t.Errorf("%gs: %+v", r.DurationSeconds, r.Timeline)
	}
}

func TestStepsDoWhatTheySay(t *testing.T) {
	tests := []struct {
		name, steps, expect string
		events              []string // that the first phone has after it was synced, those of interest
	}{
		{"power_off", "power_off: all", "{all: not powered && not synced, by: done + 2s}", []string{"power_off"}},
		{"power_on", "power_off: all\n  - {name: on, at: done + 100ms, power_on: all}", "{all: 'events(\"power_on\") == 2 && synced', by: on + 3s}", []string{"power_off", "power_on", "boot"}},
		{"reboot", "reboot: all", "{all: 'last(\"boot\").at > last(\"power_on\").at && reboots > 0 && synced', by: done + 3s}", []string{"boot"}},
		{"factory_reset", "factory_reset: all", "{all: 'events(\"factory-reset\") == 1', by: done + 2s}", []string{"factory-reset", "boot"}},
		{"resync", "resync: all", "{all: 'resyncs.ok == 2 && last(\"resync_ok\").cause == \"step\"', by: done + 2s}", nil},
		{"resync a url", "resync: {of: all, url: 'http://${server.http}/b{{ index }}.cfg'}", "{all: 'last(\"fetch\").path == \"/b\" + string(index) + \".cfg\" && last(\"fetch\").rule == \"url\"', by: done + 2s}", nil},
		{"upgrade", "upgrade: {of: all, url: 'http://${server.http}/none.bin'}", "{all: 'upgrades.failed == 1', by: done + 3s}", nil},
		{"set", "set: {of: all, values: {GPP_A: '{{ 7 * index }}', User_ID_2_: '${server.http}'}}", "{all: 'param(\"GPP_A\") == string(7 * index) && param(\"User_ID_2_\") startsWith \"127.0.0.1:\"', by: done + 2s}", nil},
		{"off_hook", "off_hook: all", "{all: off_hook, by: done + 2s}", nil},
		{"on_hook", "off_hook: all\n  - {name: down, when: {all: off_hook}, by: done + 2s, on_hook: all}", "{none: off_hook, at: down + 300ms}", nil},
		{"resync waits for the line", "off_hook: all\n  - {name: asked, at: done + 100ms, resync: all}\n  - {name: free, at: asked + 200ms, on_hook: all}",
			"{all: 'resyncs.ok == 2', by: free + 2s}\n  - {never: 'event.kind == \"resync_started\" and off_hook'}", nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			// A change of User_ID reboots a phone: a preset with the same value keeps it to one resync.
			src := strings.Replace(phones, "<User_ID_1_>{{ 1000 + index }}</User_ID_1_>", "", 1) +
				"    /b$PN.cfg: x\n    /b{{ index }}.cfg: <flat-profile></flat-profile>\n" +
				"timeline:\n  - name: done\n    when: {all: synced}\n    by: 5s\n    " + tt.steps + "\nexpect:\n  - " + tt.expect + "\n"
			r, l := act(t, src)
			scenariotest.WantVerdict(t, r, report.Passed)
			got := l.Names(0, "power_on", "power_off", "boot", "factory-reset")
			if tt.events != nil && (len(got) < 2 || !slices.Equal(got[2:min(len(got), 2+len(tt.events))], tt.events)) {
				t.Errorf("%v, want power_on, boot, then %v", got, tt.events)
			}
		})
	}
}

func TestRotatedKeysAreTakenUpAndOldPairsHonoured(t *testing.T) {
	r, _ := act(t, `
clock: real
limits: {lateness: 10s}
fleet:
  homes: {model: SPA2102, firmware: 5.2.12, count: 4, switches: {boot_time: 0s, reboot_time: 0s}, set: {Resync_Random_Delay: 0}}
server:
  files:
    /spa2102.cfg: <flat-profile><Profile_Rule>http://${server.http}/$MA.cfg</Profile_Rule></flat-profile>
    /$MA.cfg:
      bound: true
      body: <flat-profile><GPP_A>{{ next_key }}</GPP_A><GPP_B>{{ next_dir }}</GPP_B><Profile_Rule>[--key $A] http://${server.http}/$B/spa$PSN.cfg</Profile_Rule></flat-profile>
    /{{ dir }}/spa$PSN.cfg:
      key: "{{ key }}"
      body: <flat-profile><GPP_A>{{ next_key }}</GPP_A><GPP_B>{{ next_dir }}</GPP_B><GPP_C>{{ generation }}</GPP_C></flat-profile>
timeline:
  - {name: settled, when: {all: state == "SEC-PRV-2"}, by: 10s, rotate_keys: all}
  # Twice before they ask again: what they ask with is two generations old.
  - {at: settled, rotate_keys: all}
  - {name: asked, at: settled + 50ms, resync: all}
expect:
  - {all: 'events("rotated") == 1 && param("GPP_C") == "2" && state == "SEC-PRV-2"', by: asked + 5s}
  - {never: 'event.kind == "resync_failed"'}
`)
	scenariotest.WantVerdict(t, r, report.Passed)
}

func TestASampleIsTheSameOnEveryRun(t *testing.T) {
	src := phones + `
timeline:
  - {name: settled, when: {all: synced}, by: 5s, power_off: 2 of phones where index != 3}
expect:
  - {exactly: 2, where: not powered, at: settled + 100ms}
`
	var victims []device.Index
	for range 2 {
		r, l := act(t, src)
		scenariotest.WantVerdict(t, r, report.Passed)
		var off []device.Index
		for dev := range device.Index(6) {
			if len(l.Names(dev, "power_off")) > 0 {
				off = append(off, dev)
			}
		}
		if victims != nil && !slices.Equal(off, victims) {
			t.Errorf("%v, then %v", victims, off)
		}
		victims = off
	}
	if len(victims) != 2 || slices.Contains(victims, 3) {
		t.Errorf("victims: %v", victims)
	}
}

func TestAFleetContactsOnlyTheHostsThatTheScenarioNames(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	contacted := make(chan struct{}, 1)
	done := make(chan struct{})
	go func() {
		defer close(done)
		if c, err := l.Accept(); err == nil {
			c.Close()
			contacted <- struct{}{}
		}
	}()
	r, _ := act(t, `
clock: real
limits: {lateness: 10s}
fleet:
  phones: {model: SPA942, count: 2, lease: none, set: {Resync_Random_Delay: 0, Profile_Rule: "http://`+l.Addr().String()+`/x"}}
target: {hosts: [127.0.0.2, pbx.test=127.0.0.3]}
expect:
  - {all: resyncs.failed > 0, by: 3s}
`)
	l.Close()
	<-done
	scenariotest.WantVerdict(t, r, report.Passed)
	if len(contacted) > 0 {
		t.Error("a host that the scenario does not name was contacted")
	}
}
