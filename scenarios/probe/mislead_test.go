package probe

import (
	"slices"
	"strings"
	"testing"
	"time"

	"spafleet/device/measure"
	"spafleet/device/model"
	"spafleet/device/observed"
	"spafleet/scenarios/probe/probetest"
)

// misleading are switches that change what experiments on starts, timers and upgrades see, some
// together. Of these an experiment may come to know less, and nothing wrong.
var misleading = []string{
	"any_change_reboots=yes", "any_change_reboots=yes resync_after_param_reboot=no",
	"reboot_after=rule", "later_rules=start", "url_command=all_rules", "get_repeats=2", "http_missing=404_500-503",
	"prvtmr_from=end", "explicit_delay=random", "random_delay_unit=1s", "periodic_from=boot", "error_retry_zero=at_once",
	"reboot_time=2s", "reboot_time=2s resync_after_param_reboot=no", "boot_time=2s", "boot_time=2s resync_after_param_reboot=no",
	"trigger_floor=1s", "trigger_floor=3m", "trigger_mode=edge trigger_floor=2m", "prvst_trigger=-1",
	"failed_upgrade_reboots=never", "prvst_upgrade=1 failed_upgrade_reboots=never", "https_upgrade=refuse failed_upgrade_reboots=never",
	"upgrade_order=upgrade_first upgrade_retry=lost", "upgrade_order=upgrade_first upgrade_retry=kept", "resync_retry=kept",
	"log_lines=few syslog_priority=-1",
}

// TestOneSwitchDoesNotMisleadAboutAnother: a phone that does several things otherwise is not said
// to do something that it does not.
func TestOneSwitchDoesNotMisleadAboutAnother(t *testing.T) {
	for _, r := range []int{0, 2, 5} {
		for _, set := range misleading {
			switches := map[string]string{}
			for pair := range strings.FieldsSeq(set) {
				name, value, _ := strings.Cut(pair, "=")
				switches[name] = value
			}
			t.Run(loopRows[r].model+"/"+set, func(t *testing.T) { mislead(t, loopRows[r].model, loopRows[r].firmware, switches) })
		}
	}
}

func mislead(t *testing.T, modelName, firmware string, switches map[string]string) {
	t.Helper()
	row, err := model.NewRow(modelName, firmware, switches)
	if err != nil {
		t.Fatal(err)
	}
	probetest.Bubble(t, func(t *testing.T) {
		l := newLoop(t, modelName, firmware, switches)
		l.question.Only = []string{"resync", "timers", "upgrade", "syslog"}
		for _, found := range l.ask(t).Findings {
			if is := row.Switch(found.Switch).Value; !allows(found, is) {
				t.Errorf("%s: found %q %v, and it is %s", found.Switch, found.Value, found.OneOf, is)
			}
		}
	})
}

// allows reports whether a finding does not exclude a value.
func allows(f observed.Finding, value string) bool {
	if d, err := time.ParseDuration(value); err == nil {
		value = measure.Format(d)
	}
	return f.Value == value || f.Value == "" && (len(f.OneOf) == 0 || slices.Contains(f.OneOf, value))
}
