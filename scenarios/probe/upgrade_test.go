package probe

import (
	"strings"
	"testing"

	"spafleet/scenarios/probe/probetest"
)

// TestAPhoneThatUpgradesFirstComesHome: a phone whose upgrades fail again and again before it
// resyncs would never come home. No experiment on upgrades leads there, and the phone has its
// own settings at the end.
func TestAPhoneThatUpgradesFirstComesHome(t *testing.T) {
	for _, r := range loopRows {
		t.Run(r.model, func(t *testing.T) {
			probetest.Bubble(t, func(t *testing.T) {
				var names []string
				for _, x := range upgradeExperiments {
					names = append(names, x.name)
				}
				f := newLoop(t, r.model, r.firmware, map[string]string{"upgrade_order": "upgrade_first", "upgrade_retry": "lost"}, names...).ask(t)
				if found := findingOf(f, "failed_upgrade_reboots"); found.Value != "always" {
					t.Errorf("found %q (%s)", found.Value, found.Why)
				}
				if found := findingOf(f, "upgrade_order"); found.Value != "" || !strings.Contains(found.Why, "left out") {
					t.Errorf("the order of upgrades is said to be %q (%s)", found.Value, found.Why)
				}
			})
		})
	}
}

// TestNoUpgradeIsServed: whatever a phone is told to upgrade to, the probe has no bytes for it.
func TestNoUpgradeIsServed(t *testing.T) {
	probetest.Bubble(t, func(t *testing.T) {
		l := newLoop(t, "SPA942", "", nil, "failed-upgrade", "resync-after-upgrade", "retry-after-restart")
		l.ask(t)
		var failed int
		for _, e := range l.Phone.Events() {
			switch e.Kind.String() {
			case "upgrade_ok":
				t.Error("the phone took an image")
			case "upgrade_failed":
				failed++
				if e.Err != "file not found" {
					t.Errorf("an upgrade failed with %q", e.Err)
				}
			}
		}
		if failed < 3 {
			t.Errorf("%d upgrades failed", failed)
		}
	})
}
