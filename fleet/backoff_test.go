package fleet_test

import (
	"testing"
	"time"

	"spafleet/device"
	"spafleet/fleet"
)

// See device-surface.md §4.2 and surface-2.md §4.7.
func TestDeviceStaysAwayForAsLongAsTheServerAsked(t *testing.T) {
	n := newNetwork()
	n.put("/a", "####503#3000#")
	group := ata(t, 1, "Resync_Error_Retry_Delay=60")
	group.Row = row(t, "SPA2102", "5.2.10", map[string]string{"backoff_marker": "on"})
	s := start(t, n, fleet.Config{Groups: []fleet.Group{group}})
	s.await("a timer", func() bool { return len(s.of(0, device.ResyncFailed)) == 1 && s.view(0).Due != 0 })
	failed := s.of(0, device.ResyncFailed)[0]
	if wait := nanoseconds(failed.At, s.view(0).Due).Round(time.Minute); wait != 50*time.Minute || failed.Err != "backoff" {
		t.Errorf("due %s after $ERR %q, want 50 min after a backoff", wait, failed.Err)
	}
}
