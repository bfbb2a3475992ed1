package run_test

import (
	"fmt"
	"testing"

	"spafleet/scenarios/report"
	"spafleet/scenarios/scenariotest"
)

// Upgrade_Rule without a condition, and the image of the version that runs: it is asked
// for once, nothing is written, and no device reboots or asks again at its next resyncs.
// Templates in use have such a rule.
func TestAnImageOfTheRunningVersionIsNotInstalledAgain(t *testing.T) {
	for _, tt := range []struct{ clock, model, firmware string }{
		{"real", "SPA504G", "7.5.2b"}, {"virtual", "SPA504G", "7.5.2b"}, {"virtual", "SPA504G", "7.6.2g"},
		{"virtual", "SPA942", "6.1.5(a)"}, {"virtual", "SPA2102", "5.2.12"},
	} {
		t.Run(fmt.Sprint(tt), func(t *testing.T) {
			t.Parallel()
			r, _ := act(t, fmt.Sprintf(`
clock: %s
fleet:
  units:
    model: %[2]s
    firmware: %[3]s
    count: 3
    switches: {boot_time: 0s, reboot_time: 0s, flash_time: 0s}
    set: {Resync_Random_Delay: 0, Resync_Periodic: 1, Profile_Rule: "http://${server.http}/a", Upgrade_Rule: "http://${server.http}/same.bin"}
server:
  files:
    /a: <flat-profile><GPP_A>x</GPP_A></flat-profile>
    /same.bin: {image: "%[2]s %[3]s", size: 20KB}
expect:
  - {all: 'resyncs.ok >= 4 && upgrades.ok == 1 && upgrades.failed == 0 && reboots == 0 && events("upgrade_started") == 1', by: 20s}
`, tt.clock, tt.model, tt.firmware))
			scenariotest.WantVerdict(t, r, report.Passed)
		})
	}
}
