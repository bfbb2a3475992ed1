package run_test

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"spafleet/bench/extproc"
	"spafleet/fleet"
	"spafleet/scenarios"
	"spafleet/scenarios/run"
	"spafleet/scenarios/scenariotest"
)

// A report says how many devices no DHCP server has answered, and nothing of a lease that
// the scenario would have given them, whether the flag names that server or the key of the scenario.
func TestDevicesWithoutALeaseAreTold(t *testing.T) {
	t.Parallel()
	addr, err := extproc.Address()
	if err != nil {
		t.Fatal(err)
	}
	byFlag := run.Options{Machine: scenarios.Machine{Addresses: netip.MustParsePrefix("127.77.0.0/16"), DHCP: fleet.DHCP{Relay: netip.MustParseAddrPort(addr)}}}
	byKey := run.Options{Machine: scenarios.Machine{Addresses: netip.MustParsePrefix("127.78.0.0/16")}}
	for key, o := range map[string]run.Options{"": byFlag, ", dhcp: relay:" + addr: byKey} {
		r := scenariotest.Start(t, scenariotest.Parse(t, `
fleet:
  phones: {model: SPA942, count: 3, switches: {boot_time: 0s}}
target: {hosts: [127.0.0.1]`+key+`}
duration: 300ms
`), o)
		r.Notes = slices.DeleteFunc(r.Notes, func(note string) bool { return strings.HasPrefix(note, "attempts started in time, but") }) // a slow machine
		want := []string{"no expectations set", "3 of 3 devices have no address of the DHCP server at the end"}
		if !slices.Equal(r.Notes, want) || r.Resyncs.OK+r.Resyncs.Failed != 0 {
			t.Errorf("%q: notes %q, want %q; %+v", key, r.Notes, want, r.Resyncs)
		}
	}
}
