package run_test

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"spafleet/certs"
	"spafleet/device"
	"spafleet/device/model"
	"spafleet/scenarios"
	"spafleet/scenarios/report"
	"spafleet/scenarios/run"
	"spafleet/scenarios/scenariotest"
)

// list writes a list of devices and returns its name.
func list(t testing.TB, text string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "phones.csv")
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// spreadList is the fleet of spread as a list, its models and groups mixed, each device
// with a parameter of its own.
func spreadList(t testing.TB) string {
	var b strings.Builder
	b.WriteString("mac;model;firmware;group;param:GPP_C\n")
	for i := range 27 {
		kind := []string{"SPA2102;5.2.10;homes", "SPA942;6.1.5(a);homes", "PAP2T;;lost", "SPA2102;5.2.10;homes"}[i%4]
		fmt.Fprintf(&b, "00:0e:08:ff:00:%02x;%s;own %d\n", 200-i, kind, i)
	}
	return list(t, b.String())
}

// listedSpread is spread with the list in the place of its fleet.
func listedSpread(t testing.TB) string {
	text := strings.Replace(spread, "mix: {SPA2102 5.2.10: 60%, SPA942 6.1.5(a): 40%}, count: 20, ", "", 1)
	text = strings.Replace(text, "model: PAP2T, count: 7, ", "", 1)
	text = strings.Replace(text, "fleet:\n", "devices: "+spreadList(t)+"\nfleet:\n", 1)
	return strings.Replace(text, "expect:\n", "expect:\n  - {all: param(\"GPP_C\") == \"own \" + string(index), at: end, from: start}\n  - {all: mac startsWith \"000e08ff00\", at: end, from: start}\n", 1)
}

// Shards of a list add up to it, in virtual time and over sockets.
func TestTheMergedReportOfAListIsThatOfOneProcess(t *testing.T) {
	t.Parallel()
	for _, clock := range []string{"virtual", "real"} {
		scenario := "clock: " + clock + listedSpread(t)
		if clock == "real" {
			scenario = unhurried.Replace(scenario)
		}
		l := &events{}
		one, err := run.Run(t.Context(), scenariotest.Parse(t, scenario), run.Options{Tell: l.Tell})
		if err != nil {
			t.Fatal(err)
		}
		if one.Devices != 27 || !one.Expect[0].OK || !one.Expect[1].OK || !one.Expect[2].OK || one.Source.List == "" {
			t.Fatalf("%s: %d devices, %+v", clock, one.Devices, one.Expect[:3])
		}
		merged, traces := actShards(t, scenario, 4)
		if got, want := settled(t, merged), settled(t, one); got != want {
			t.Errorf("%s: merged\n%s\nof one process\n%s", clock, got, want)
		}
		want := l.traces(t)
		if clock == "real" {
			traces, want = names(traces), names(want)
		}
		if !maps.EqualFunc(traces, want, slices.Equal) {
			t.Errorf("%s: devices live otherwise:\n got %v\nwant %v", clock, traces, want)
		}
	}
}

// Shards of two lists are no run.
func TestShardsOfTwoListsAreNotMerged(t *testing.T) {
	var parts []report.ShardResult
	for i := range 2 {
		text := "devices: " + list(t, fmt.Sprintf("mac,model\n000e0800000%d,SPA942\n000e08000009,SPA942\n", i)) + "\nserver: {}\nduration: 1s\n"
		s := scenariotest.Parse(t, text)
		s.SHA256 = "" // as of flags
		o := run.Options{Run: "r"}
		o.Shard.Index, o.Shard.Count = i, 2
		r, err := run.Run(t.Context(), s, o)
		if err != nil {
			t.Fatal(err)
		}
		parts = append(parts, report.ShardResult{From: fmt.Sprint(i), Report: reread(t, r)})
	}
	if _, err := report.Merge(parts); err == nil || !strings.Contains(err.Error(), "0 and 1 are not of one run: digest of the list of devices") {
		t.Error(err)
	}
}

// The groups of a list are those of steps and expectations; what a scenario sets for
// one goes below what the list sets for a device.
func TestGroupsOfAListAreChosen(t *testing.T) {
	name := list(t, "mac,model,group,param:GPP_A\n000e08000001,SPA942,desk,own\n000e08000002,SPA2102,,\n000e08000003,SPA942,desk,\n")
	r, err := run.Run(t.Context(), scenariotest.Parse(t, `
devices: `+name+`
fleet:
  desk: {set: {GPP_A: all}, lease: none}
server:
  files:
    /spa2102.cfg: <flat-profile/>
timeline:
  - {at: 1s, power_off: desk}
  - {at: 2s, set: {of: devices, values: {GPP_B: "{{ mac }}"}}}
expect:
  - {all: "!powered", of: desk, at: end}
  - {all: powered && synced, of: devices, at: end}
  - {exactly: 1, where: param("GPP_A") == "own", of: desk, at: end, from: start}
  - {exactly: 1, where: param("GPP_A") == "all" && index == 2, at: end, from: start}
  - {exactly: 1, where: param("GPP_B") == "000e08000002", at: end}
duration: 2m
`), run.Options{})
	if err != nil {
		t.Fatal(err)
	}
	scenariotest.WantVerdict(t, r, report.Passed)
}

// A device that is run alone does what it does among the others of its fleet.
func TestADeviceAloneIsThatOfItsFleet(t *testing.T) {
	const fleet = `
seed: 7
clock: virtual
duration: 6h
fleet:
  homes: {mix: {SPA2102 5.2.10: 60%, SPA942 6.1.5(a): 40%}, count: 20, set: {Resync_Periodic: 600+300, Profile_Rule: "http://${server.http}/$MA.cfg"}}
server:
  latency: 5ms..90ms
  files:
    /$MA.cfg: <flat-profile><GPP_A>{{ secret("a") }}</GPP_A></flat-profile>
`
	listed := strings.Replace(listedSpread(t), "seed: 9\n", "seed: 9\nclock: virtual\n", 1)
	listed, _, _ = strings.Cut(listed, "timeline:")
	for scenario, total := range map[string]int{fleet: 20, listed: 27} {
		all := &events{}
		if _, err := run.Run(t.Context(), scenariotest.Parse(t, scenario), run.Options{Tell: all.Tell}); err != nil {
			t.Fatal(err)
		}
		want := all.traces(t)
		for _, dev := range []device.Index{0, 7, 19} {
			l := &events{}
			r, err := run.Run(t.Context(), scenariotest.Parse(t, scenario), run.Options{Machine: scenarios.Machine{Shard: device.Only(dev, total)}, Tell: l.Tell})
			if err != nil {
				t.Fatal(err)
			}
			got := l.traces(t)
			if len(got) != 1 || len(got[dev]) < 4 || !slices.Equal(got[dev], want[dev]) {
				t.Errorf("of %d devices, %d alone:\n%v\nin its fleet:\n%v", total, dev, got[dev], want[dev])
			}
			if r.Shard != nil || r.Mergeable != nil {
				t.Errorf("a device alone is a part of something: %+v", r.Shard)
			}
		}
	}
}

// A device of a list shows the certificate that is listed for it.
func TestListedCertificatesAreShown(t *testing.T) {
	t.Parallel()
	row, err := model.NewRow("SPA942", "", nil)
	if err != nil {
		t.Fatal(err)
	}
	u := device.Unit{Row: row, MAC: model.MAC{0, 0x0e, 8, 0, 0, 1}, Serial: "88019FA00001"}
	c, _, err := (&certs.Holder{PKI: certs.New(2)}).Certificate(&u) // of authorities that the server does not know
	if err != nil {
		t.Fatal(err)
	}
	key, err := certs.EncodeKey(c.Key)
	if err != nil {
		t.Fatal(err)
	}
	name := list(t, "mac,model,serial,certificate\n000e08000001,SPA942,88019FA00001,own.pem\n000e08000002,SPA942,88019FA00002,\n")
	if err := os.WriteFile(filepath.Join(filepath.Dir(name), "own.pem"), append(certs.EncodeCertificates(c.Chain), key...), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, clock := range []string{"real", "virtual"} {
		r, _ := act(t, `
clock: `+clock+`
limits: {lateness: 1h}
devices: `+name+`
fleet:
  devices: {lease: none, set: {Resync_Random_Delay: 0, Profile_Rule: "https://${server.https}/a.xml"}}
server:
  https: {client: require}
  files:
    /a.xml: <flat-profile><GPP_A>x</GPP_A></flat-profile>
expect:
  - {exactly: 1, where: index == 0 && last("fetch_failed").alert == 48, by: 30s}
  - {exactly: 1, where: index == 1 && "mutual" in last("fetch").protection, by: 30s}
`)
		scenariotest.WantVerdict(t, r, report.Passed)
	}
}
