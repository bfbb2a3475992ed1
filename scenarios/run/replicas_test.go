package run_test

import (
	"strings"
	"testing"

	"spafleet/scenarios"
	"spafleet/scenarios/report"
	"spafleet/scenarios/scenariotest"
)

// twoServers is a server with two addresses, of which the first is down from 10 s to the
// end or, with TFTP, all the time.
const twoServers = `
limits: {lateness: 1h}
fleet:
  homes: {model: SPA2102, count: 3, set: {Resync_Random_Delay: 0, Resync_Periodic: 0, RULE}, switches: {SWITCH, boot_time: 0s, reboot_time: 0s}}
server:
  replicas: 3
  https: {ca: sipura1}
  files:
    /a.xml: <flat-profile><GPP_A>{{ index }}</GPP_A></flat-profile>
timeline:
  - fault: {match: SCHEME, down: 1}
`

// A device asks the addresses of a name one after the other, until a server answers:
// over sockets and in virtual time.
func TestDevicesTryEachReplica(t *testing.T) {
	t.Parallel()
	both := []string{"virtual", "real"}
	for _, tt := range []struct {
		clocks                       []string
		scheme, rule, turned, expect string
	}{
		{both, "http", "http://${server.http}/a.xml", "dns_addresses: all", `{all: synced && param("GPP_A") == string(index) && last("fetch").host == "prov.test" && events("wire") == 2, by: 40s}`},
		{both, "https", "https://${server.https}/a.xml", "dns_addresses: all", `{all: synced && events("wire") == 2 && fetches.failed == 0, by: 40s}`},
		{both[:1], "tftp", "tftp://${server.tftp}/a.xml", "dns_addresses: all", `{all: synced && events("wire") == 2 && param("GPP_A") == string(index), by: 40s}`},
		{both, "http", "http://${server.http}/a.xml", "dns_addresses: first", `{all: resyncs.failed > 0 && last("resync_failed").err == "http_get failed" && resyncs.ok == 0, by: 40s}`},
	} {
		for _, clock := range tt.clocks {
			r, _ := act(t, "clock: "+clock+strings.NewReplacer("SCHEME", tt.scheme, "RULE", `Profile_Rule: "`+tt.rule+`"`, "SWITCH", tt.turned).Replace(twoServers)+"expect:\n  - "+tt.expect+"\n")
			if r.Verdict != report.Passed {
				t.Errorf("%s %s %s", clock, tt.scheme, tt.turned)
			}
			scenariotest.WantVerdict(t, r, report.Passed)
		}
	}
}

func TestAReplicaThatIsNotThereIsNoFault(t *testing.T) {
	for text, want := range map[string]string{
		"down: 3":   "there is no replica 3; server.replicas is 2",
		"down: 0":   `"0" is neither all nor the number of a replica, from 1`,
		"down: one": `"one" is neither all nor the number of a replica, from 1`,
	} {
		_, err := scenarios.Load("x.yaml", []byte("fleet:\n  a: {model: SPA942}\nserver: {replicas: 2}\nduration: 1m\ntimeline:\n  - fault: {"+text+"}\n"))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", text, err)
		}
	}
}
