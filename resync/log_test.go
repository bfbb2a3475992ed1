package resync_test

import (
	"testing"

	"spafleet/device/syslog"
)

// The switch is the number of ordinary lines; debug lines have their own, and none where
// no line has one.
func TestLogLineHasThePriorityOfTheSwitch(t *testing.T) {
	for value, want := range map[string][2]string{"134": {"<134>text", "<159>text"}, "-1": {"text", "text"}, "0": {"<0>text", "<159>text"}} {
		form := unit(t, "SPA2102", "5.2.10", map[string]string{"syslog_priority": value}).Row.Behaviour.Syslog
		for i, p := range [2]syslog.Priority{syslog.Info, syslog.Provisioning} {
			if got := string(form.Append(nil, syslog.Line{Priority: p, Text: "text"})); got != want[i] {
				t.Errorf("syslog_priority=%s: %q, want %q", value, got, want[i])
			}
		}
	}
}
