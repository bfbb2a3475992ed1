package run_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"spafleet/device"
	"spafleet/fleet"
	"spafleet/scenarios"
	"spafleet/scenarios/report"
	"spafleet/scenarios/run"
	"spafleet/scenarios/scenariotest"
)

// acts runs a scenario by a clock.
func acts(t *testing.T, clock fleet.Clock, src string) *report.Report {
	t.Helper()
	scenario := scenariotest.Parse(t, src)
	if scenario.Clock.Mode != clock {
		scenario.Clock = scenarios.Clock{Mode: clock}
	}
	r, err := run.Run(t.Context(), scenario, run.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// bothClocks runs a scenario in virtual time and over sockets, at its own speed:
// faults are the same.
func bothClocks(t *testing.T, src string, check func(t *testing.T, r *report.Report)) {
	t.Helper()
	for _, clock := range []fleet.Clock{fleet.Virtual, fleet.Real} {
		t.Run(clock.String(), func(t *testing.T) {
			t.Parallel()
			check(t, acts(t, clock, src))
		})
	}
}

// The first two transfers of each phone never get block 3; the third is clean.
// It is the scenario of the format's reference.
func TestTheFirstTwoTransfersOfEachPhoneFail(t *testing.T) {
	t.Parallel()
	src := `
clock: virtual
seed: 7
fleet:
  phones: {model: SPA942, firmware: 6.1.5(a), count: 10, set: {Resync_Error_Retry_Delay: 60}}
server:
  files:
    /spa942.cfg: {body: <flat-profile><User_ID_1_>1001</User_ID_1_></flat-profile>, size: 4KB}
timeline:
  - {name: lossy, fault: {match: tftp /spa942.cfg, nth: 1-2, lose: block 3}}
expect:
  - all: resyncs.failed == 2 && last("resync_failed").err == "tftp_get failed"
    by: 5m
  - all: synced && param("User_ID_1_") == "1001"
    by: 5m
  - never: event.kind == "applied" && resyncs.failed < 2
    name: half a file is never applied
`
	r := acts(t, fleet.Virtual, src)
	scenariotest.WantVerdict(t, r, report.Passed)
	if r.Timeline[0].Exchanges != 20 {
		t.Errorf("%d exchanges were disturbed", r.Timeline[0].Exchanges)
	}
	hasty := strings.Replace(src, "Resync_Error_Retry_Delay: 60}", `Resync_Error_Retry_Delay: 1, Resync_Random_Delay: 0}, switches: {tftp_wait: 100ms, tftp_tries: 2}`, 1)
	r = acts(t, fleet.Real, hasty)
	scenariotest.WantVerdict(t, r, report.Passed)
	if r.Timeline[0].Exchanges != 20 || r.Resyncs.Failed != 20 {
		t.Errorf("%d exchanges were disturbed, %d resyncs failed", r.Timeline[0].Exchanges, r.Resyncs.Failed)
	}
}

// "Device 17, block 9": one device gets its file by a retry, and no other one
// notices.
func TestOneBlockOfOneDevice(t *testing.T) {
	t.Parallel()
	r := acts(t, fleet.Virtual, `
clock: virtual
fleet:
  phones: {model: SPA942, count: 30}
server:
  files:
    /spa942.cfg: {body: <flat-profile><GPP_A>1001</GPP_A></flat-profile>, size: 6KB}
timeline:
  - fault: {of: all where index == 17, match: tftp, lose: block 9 once}
expect:
  - all: synced && resyncs.failed == 0
    by: 5m
  - all: last("resync_ok").took >= duration("1s") == (index == 17)
    at: end
duration: 5m
`)
	scenariotest.WantVerdict(t, r, report.Passed)
	if s := r.Timeline[0]; s.Devices != 1 || s.Exchanges != 1 {
		t.Errorf("%+v", s)
	}
}

// A file that a reset cuts off is corrupt, nothing of it is applied, and the
// device comes again after its error delay.
func TestAResetInTheBodyIsACorruptFile(t *testing.T) {
	t.Parallel()
	src := `
clock: 20x # devices wait whole seconds
limits: {lateness: 1h}
fleet:
  phones: {model: SPA942, firmware: 6.1.5(a), count: 6, lease: none, switches: {boot_time: 0s, reboot_time: 0s}, set: {Resync_Random_Delay: 0, Resync_Error_Retry_Delay: 1, Profile_Rule: "http://${server.http}/spa942.cfg"}}
server:
  files:
    /spa942.cfg: {body: <flat-profile><User_ID_1_>1001</User_ID_1_></flat-profile>, size: 20KB}
timeline:
  - fault: {match: http, nth: "1", reset_after: 10KB}
expect:
  - all: synced && resyncs.failed == 1 && last("resync_failed").err == "FAILURE"
    by: 200s
  - never: event.kind == "applied" && resyncs.failed < 1
`
	for effect, failure := range map[string]string{
		"reset_after: 10KB": "corrupt file", "truncate: 10KB": "corrupt file", "truncate: 10B": "http_get failed", "reset_after: 0B": "http_get failed",
		"status: 503": "http_get failed", "status: 404": "file not found", "hostile: endless": "file size exceeds internal buffer", "hostile: bomb": "file size exceeds internal buffer",
		"hostile: length": "file size exceeds internal buffer", "hostile: headers": "http_get failed", "hostile: garbage": "http_get failed",
	} {
		t.Run(effect, func(t *testing.T) {
			bothClocks(t, strings.NewReplacer("reset_after: 10KB", effect, "FAILURE", failure).Replace(src), func(t *testing.T, r *report.Report) {
				scenariotest.WantVerdict(t, r, report.Passed)
				if r.Timeline[0].Exchanges != 6 {
					t.Errorf("%d exchanges were disturbed", r.Timeline[0].Exchanges)
				}
			})
		})
	}
}

// A fault has a beginning and an end: by for, or by clear.
func TestFaultsEnd(t *testing.T) {
	r := acts(t, fleet.Virtual, `
clock: virtual
fleet:
  phones: {model: SPA942, count: 20, lease: none, set: {Resync_Random_Delay: 0, Resync_Periodic: 10, Resync_Error_Retry_Delay: 10, Profile_Rule: "http://${server.http}/spa942.cfg"}}
server:
  files:
    /spa942.cfg: <flat-profile></flat-profile>
timeline:
  - {at: 1m, fault: {match: http, down: all}, for: 1m}
  - {name: mute, at: 3m, fault: {match: http, lose: all}}
  - {name: heard, at: 4m, clear: mute}
  - {at: 6m, name: some, fault: {of: 25% of phones, match: http, status: 503}}
  - {at: 7m, clear: some}
duration: 8m
expect:
  - none: events("resync_failed") > 0
    at: 59s
  - all: last("resync_failed").err == "http_get failed"
    at: 2m
  - all: synced && last("resync_ok").at > duration("2m") && events("resync_failed") > 2
    at: 2m30s
  - all: last("resync_failed").at > duration("3m")
    at: 4m
  - all: last("resync_ok").at > duration("4m")
    at: 5m
  - exactly: 5
    where: last("resync_failed").at > duration("6m")
    at: 8m
  - all: last("resync_ok").at > duration("7m30s")
    at: 8m
`)
	scenariotest.WantVerdict(t, r, report.Passed)
	if r.Timeline[3].Devices != 5 {
		t.Errorf("%+v", r.Timeline[3])
	}
}

// The same seed has the same victims, another one others; chance has its share.
func TestAChanceHasTheSameVictims(t *testing.T) {
	t.Parallel()
	src := `
clock: virtual
seed: %d
fleet:
  phones: {model: SPA942, count: 100, lease: none, set: {Resync_Periodic: 60, Profile_Rule: "http://${server.http}/spa942.cfg"}}
server:
  files:
    /spa942.cfg: <flat-profile></flat-profile>
timeline:
  - fault: {match: http, chance: 20%%, hostile: garbage}
  - fault: {match: http, lose: 5%%, delay: 10ms..2s}
duration: 20m
`
	run := func(seed int) (*report.Report, string) {
		return virtually(t, scenariotest.Parse(t, fmt.Sprintf(src, seed)))
	}
	one, log := run(1)
	if _, again := run(1); again != log {
		t.Errorf("the same seed: %s", difference(log, again))
	}
	if _, other := run(2); other == log {
		t.Error("another seed makes no difference")
	}
	total := one.Resyncs.OK + one.Resyncs.Failed
	if n := int64(one.Timeline[0].Exchanges); n*10 < total || n*10 > total*3 {
		t.Errorf("%d of about %d exchanges", n, total)
	}
}

// Victims and turns are the same in any number of shards.
func TestFaultsAndPacesInShards(t *testing.T) {
	t.Parallel()
	src := `
clock: virtual
fleet:
  phones: {model: SPA942, count: 23, lease: none, powered: false, set: {Resync_Periodic: 60, Profile_Rule: "http://${server.http}/spa942.cfg"}}
server:
  files:
    /spa942.cfg: <flat-profile></flat-profile>
timeline:
  - fault: {match: http, chance: 30%, status: 503}
  - fault: {of: 5 of phones, match: http, nth: 2-3, lose: all}
  - {at: 1s, power_on: all, rate: 1/s..3/s, over: 5s}
duration: 10m
`
	l := &events{}
	one, err := run.Run(t.Context(), scenariotest.Parse(t, src), run.Options{Tell: l.Tell})
	if err != nil {
		t.Fatal(err)
	}
	merged, traces := actShards(t, src, 4)
	if !maps.EqualFunc(traces, l.traces(t), slices.Equal) {
		t.Errorf("devices live otherwise:\n got %v\nwant %v", traces, l.traces(t))
	}
	for i := range one.Timeline {
		if got, want := merged.Timeline[i], one.Timeline[i]; got.Exchanges != want.Exchanges || got.Devices != want.Devices || want.Exchanges == 0 && i < 2 {
			t.Errorf("%+v, want %+v", got, want)
		}
	}
	fleetwide := scenariotest.Parse(t, strings.Replace(src, "nth: 2-3", "nth: 2-3, per: fleet", 1))
	if _, err := run.Run(t.Context(), fleetwide, run.Options{Machine: scenarios.Machine{Shard: device.Shard{Index: 1, Count: 3}}}); err == nil || !strings.Contains(err.Error(), "count per device") {
		t.Error(err)
	}
}

// A blackout: power_off with for. Then power returns at a pace.
func TestABlackoutEndsForTheSameDevices(t *testing.T) {
	t.Parallel()
	r := acts(t, fleet.Virtual, `
clock: virtual
fleet:
  town: {model: SPA942, count: 100}
server:
  files:
    /spa942.cfg: <flat-profile></flat-profile>
timeline:
  - {name: blackout, at: 5m, power_off: 30% of town, for: 1m}
  - {name: dark, at: 10m, power_off: all}
  - {name: return, at: 15m, power_on: all, over: 40s}
  - {name: slowly, at: 20m, reboot: all, rate: 1/s..3/s, over: 20s}
duration: 25m
expect:
  - exactly: 30%
    where: powered == false
    at: blackout + 59s
  - all: powered
    at: blackout + 1m
  - none: powered
    at: dark + 1m
  - exactly: 50
    where: powered
    at: return + 19900ms
  - all: powered
    at: return + 40s
  - exactly: 40
    where: events("boot") >= 3 && last("boot").at >= duration("20m")
    at: slowly + 20s
  - exactly: 70
    where: last("boot").at >= duration("20m")
    at: slowly + 30s
`)
	scenariotest.WantVerdict(t, r, report.Passed)
}

// A scenario that another one's fault would leave hanging ends in real time, too.
func TestARealBlackout(t *testing.T) {
	begun := time.Now()
	r, l := act(t, phones+`
timeline:
  - {at: 300ms, power_off: all, for: 300ms}
  - {at: 300ms, fault: {lose: all}, for: 1h}
expect:
  - all: powered && events("power_on") == 2
    by: 10s
`)
	scenariotest.WantVerdict(t, r, report.Passed)
	if n := len(l.Names(0, "power_on", "power_off")); n != 3 || time.Since(begun) > 8*time.Second {
		t.Errorf("%d events after %v", n, time.Since(begun))
	}
}

// Faults of the embedded server's handshake, and of names.
func TestFaultsOfHandshakesAndNames(t *testing.T) {
	t.Parallel()
	src := `
clock: 20x
limits: {lateness: 1h}
fleet:
  phones: {model: SPA942, firmware: 6.1.5(a), count: 3, lease: none, switches: {boot_time: 0s, reboot_time: 0s}, set: {Resync_Random_Delay: 0, Resync_Error_Retry_Delay: 1, Profile_Rule: "https://${server.https}/spa942.cfg"}}
server:
  https: {ca: sipura1}
  files:
    /spa942.cfg: <flat-profile></flat-profile>
timeline:
  - fault: {match: https, nth: "1", alert: 40}
expect:
  - all: synced && resyncs.failed == 1 && last("resync_failed").err == "https_get failed" && last("fetch_failed").result == "tls"
    by: 400s
`
	for _, effect := range []string{"alert: 40", "hostile: garbage", "truncate: 300B", "reset_after: 300B"} {
		t.Run(effect, func(t *testing.T) {
			bothClocks(t, strings.Replace(src, "alert: 40", effect, 1), func(t *testing.T, r *report.Report) { scenariotest.WantVerdict(t, r, report.Passed) })
		})
	}
	names := strings.NewReplacer("match: https, ", "match: dns, ", "alert: 40", "lose: all", `"https_get failed"`, `"DNS resolution"`, `"tls"`, `"dns"`, "by: 400s", "by: 60s").Replace(src)
	scenariotest.WantVerdict(t, acts(t, fleet.Virtual, names), report.Passed)
}

func TestPinAndFaultsOfTheNetworkExcludeEachOther(t *testing.T) {
	t.Parallel()
	scenario := scenariotest.Parse(t, phones+"timeline:\n  - fault: {lose: 2%}\nduration: 1s\n")
	if _, err := run.Run(t.Context(), scenario, run.Options{PinTFTP: true}); err == nil || !strings.Contains(err.Error(), "faults of the network do not reach it") {
		t.Error(err)
	}
}
