package unit

import (
	"fmt"
	"slices"
	"testing"

	"spafleet/device"
	"spafleet/device/devicetest"
)

// What a NOTIFY and its answer bring to each server, by SIP_Debug_Option: with "full",
// Syslog_Server gets the ways of messages without their texts. See surface-2.md §7.
func TestSIPTextOfAnAnswer(t *testing.T) {
	for option, want := range map[string][]string{
		"none":   {"16.6 ++++++ resync when idle"},
		"1-line": {"16.6 [0:5060]<<127.0.0.9:5060", "16.6 NOTIFY", "16.6 [0:5060]->127.0.0.9:5060{", "16.6 SIP/2.0 200", "16.6 ++++++ resync when idle"},
		"full": {"16.6 [0:5060]<<127.0.0.9:5060", "20.7 NOTIFY", "16.6 ", "16.6 [0:5060]->127.0.0.9:5060{", "20.7 SIP/2.0 200", "16.6 ",
			"16.6 ++++++ resync when idle"},
		"full excl. NTFY": {"16.6 ++++++ resync when idle"},
	} {
		for server, heard := range map[string]func(string) bool{
			"Debug_Server":  func(string) bool { return true },
			"Syslog_Server": func(line string) bool { return line[:4] == "16.6" },
		} {
			b := newBench(t, devicetest.Turned(t, "SPA504G", "7.5.2b", devicetest.BootsAtOnce()), 0, "Auth_Resync-Reboot_1_=No", "Resync_On_Reset=No",
				server+"=192.0.2.1", "SIP_Debug_Option_1_="+option)
			b.at().Do(device.Command{Order: device.SwitchOn})
			b.now += 1e9
			_, fx := b.notify("resync")
			var expected, got []string
			for _, line := range want {
				if heard(line) {
					expected = append(expected, line)
				}
			}
			for _, e := range fx.Events {
				if i := len(got); e.Kind == device.Syslog {
					got = append(got, fmt.Sprintf("%d.%d %s", e.Log.Facility(), e.Log.Severity(), e.Text))
					if i < len(expected) { // only the beginning is looked at
						got[i] = got[i][:min(len(got[i]), len(expected[i]))]
					}
				}
			}
			if !slices.Equal(got, expected) {
				t.Errorf("%s, %s: %q, want %q", option, server, got, expected)
			}
		}
	}
}
