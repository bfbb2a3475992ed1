package run_test

import (
	"testing"

	"spafleet/scenarios/report"
	"spafleet/scenarios/scenariotest"
)

// A device of a list asks from the address that is listed for it: the server, which
// knows devices by address, knows which one it is.
func TestListedAddressesAreAskedFrom(t *testing.T) {
	t.Parallel()
	name := list(t, "mac,model,address\n000e08000001,SPA942,127.90.0.9\n000e08000002,SPA942,127.80.7.1\n000e08000003,SPA942,127.90.0.2\n")
	for _, clock := range []string{"real", "virtual"} {
		r, _ := act(t, `
clock: `+clock+`
limits: {lateness: 1h}
devices: `+name+`
fleet:
  devices: {lease: none, set: {Resync_Random_Delay: 0, Profile_Rule: "http://${server.http}/a.xml"}}
server:
  files:
    /a.xml: <flat-profile><GPP_A>{{ mac }} at {{ address }}</GPP_A></flat-profile>
expect:
  - {exactly: 1, where: param("GPP_A") == "000e08000001 at 127.90.0.9" && index == 0, by: 30s}
  - {exactly: 1, where: param("GPP_A") == "000e08000002 at 127.80.7.1" && index == 1, by: 30s}
  - {exactly: 1, where: param("GPP_A") == "000e08000003 at 127.90.0.2" && index == 2, by: 30s}
`)
		scenariotest.WantVerdict(t, r, report.Passed)
	}
}
