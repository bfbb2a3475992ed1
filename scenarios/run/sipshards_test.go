package run_test

import (
	"maps"
	"slices"
	"sync"
	"testing"

	"spafleet/device"
	"spafleet/scenarios/report"
	"spafleet/scenarios/run"
	"spafleet/scenarios/scenariotest"
)

// office is a scenario of phones that register, subscribe, keep a way through NAT open and
// are told to resync, of which some have another password than the registrar.
const office = `
seed: 9
duration: 40m
fleet:
  desks: {mix: {SPA2102 5.2.10: 40%, SPA942 6.1.5(a): 60%}, count: 20, lease: none, set: {Resync_Random_Delay: 20, Resync_Periodic: 0, Profile_Rule: "http://${server.http}/a.cfg"}}
  others: {model: SPA942, count: 7, lease: none, set: {Resync_Random_Delay: 0, Resync_Periodic: 0, Profile_Rule: "http://${server.http}/b.cfg"}}
server:
  sip: {password: '{{ secret("sip") }}'}
  files:
    /a.cfg: <flat-profile><User_ID_1_>{{ 1000 + index }}</User_ID_1_><Password_1_>{{ secret("sip") }}</Password_1_><Proxy_1_>${server.sip}</Proxy_1_><Register_Expires_1_>300</Register_Expires_1_><Voice_Mail_Server_1_>${server.sip}</Voice_Mail_Server_1_></flat-profile>
    /b.cfg: <flat-profile><User_ID_1_>{{ 1000 + index }}</User_ID_1_><Password_1_>wrong</Password_1_><Proxy_1_>${server.sip}</Proxy_1_><NAT_Keep_Alive_Enable_1_>Yes</NAT_Keep_Alive_Enable_1_></flat-profile>
timeline:
  - {name: morning, at: 15m, notify: {of: desks, event: check-sync}, rate: 2/s}
  - {name: intruder, at: 20m, notify: {of: 30% of all, event: reboot, auth: bad}}
  - {name: some, at: 25m, notify: {of: 5 of desks, event: reboot}}
  - {name: late, at: 35m}
thresholds:
  registration_failed: rate<90%
  notify_failed: rate<30%
expect:
  - {all: registered == 1 && last("resync_ok").cause == "notify", of: desks, at: intruder}
  - {all: 'registered == 0 && events("registration_failed") >= 1', of: others, at: late}
  - {at_least: 74%, where: 'events("subscribed") >= 1', at: late}
  - {exactly: 5, where: 'last("boot").at > duration("24m")', at: late}
`

// Phones of shards register and resync by NOTIFY as those of the whole fleet do, and what
// they report adds up to its report.
func TestSIPOfShardsIsThatOfTheWhole(t *testing.T) {
	t.Parallel()
	scenario := "clock: virtual" + office
	l := &events{}
	one, err := run.Run(t.Context(), scenariotest.Parse(t, scenario), run.Options{Tell: l.Tell})
	if err != nil {
		t.Fatal(err)
	}
	scenariotest.WantVerdict(t, one, report.Passed)
	if s := one.SIP; s == nil || s.Registered < 100 || s.Subscribed < 20 || s.Failed["401"] < 7 || s.Refused["wrong credentials"] != 8 || s.Notified < 25 {
		t.Fatalf("the scenario is not what it was made for: %+v", one.SIP)
	}
	for _, count := range []int{2, 5} {
		merged, traces := actShards(t, scenario, count)
		if got, want := settled(t, merged), settled(t, one); got != want {
			t.Errorf("merged of %d\n%s\nof one process\n%s", count, got, want)
		}
		if want := l.traces(t); !maps.EqualFunc(traces, want, slices.Equal) {
			for dev, lines := range want {
				if !slices.Equal(lines, traces[dev]) {
					t.Errorf("%d shards: device %d\n got %q\nwant %q", count, dev, traces[dev], lines)
				}
			}
		}
	}
}

// Two shards on one machine, each with SIP ports of its own, do as much over sockets.
func TestSIPOfShardsOverSockets(t *testing.T) {
	t.Parallel()
	const scenario = `
clock: real
duration: 4s
limits: {lateness: 1h}
fleet:
  desks: {model: SPA942, count: 6, lease: none, switches: {boot_time: 0s}, set: {Resync_On_Reset: "No", Resync_Random_Delay: 0, Resync_Periodic: 0, Profile_Rule: "http://${server.http}/a.cfg", User_ID_1_: "1001", Password_1_: secret, Proxy_1_: "${server.sip}"}}
server:
  sip: {password: secret}
  files: {/a.cfg: <flat-profile><GPP_A>x</GPP_A></flat-profile>}
timeline:
  - {at: 1500ms, notify: all}
expect:
  - {all: registered == 1, at: end}
  - {all: last("resync_ok").cause == "notify", at: end}
  - {exactly: 6, where: 'events("notify") == 1', at: end}
`
	parts := make([]report.ShardResult, 2)
	var wg sync.WaitGroup
	for i := range parts {
		o := sipMachine(t)
		o.Shard, o.Run = device.Shard{Index: i, Count: len(parts)}, "r1"
		wg.Go(func() {
			r, err := run.Run(t.Context(), scenariotest.Parse(t, scenario), o)
			if err != nil {
				t.Error(err)
				return
			}
			parts[i] = report.ShardResult{From: string(rune('a' + i)), Report: reread(t, r)}
		})
	}
	wg.Wait()
	if t.Failed() {
		return
	}
	merged, err := report.Merge(parts)
	if err != nil {
		t.Fatal(err)
	}
	scenariotest.WantVerdict(t, merged, report.Passed)
	if merged.SIP == nil || merged.SIP.Registered != 6 || merged.SIP.Notified != 6 {
		t.Errorf("%+v", merged.SIP)
	}
}
