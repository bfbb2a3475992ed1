package report

import (
	"fmt"
	"strings"
	"testing"

	"spafleet/scenarios/tally"
)

// many is a report of many groups of one model, of which every tenth has failures.
func many(groups int) *Report {
	r := &Report{}
	for i := range groups {
		m := MakeSummary{Make: tally.Make{Group: fmt.Sprintf("site-%d", i), Model: "SPA942", Firmware: "5.1.8", Devices: 3}, States: map[string]int{"SP-CUST": 2, "MFG-RESET": 1}}
		f := tally.Firmware{Version: "5.1.8", Devices: 3}
		if i%10 == 0 {
			f.Failed = 1
		}
		m.Now = []tally.Firmware{f}
		r.Models = append(r.Models, m)
	}
	return r
}

// The groups of a list may be many: models are added up, and of the groups those are
// shown in which something failed.
func TestManyGroupsAreShownInFewRows(t *testing.T) {
	for groups, rows := range map[int]int{5: 5, 40: 40, 300: 30, 900: mostFirmwareRows} {
		r := many(groups)
		var b strings.Builder
		r.WriteStates(&b, 0)
		if got := strings.Count(b.String(), "SPA942 5.1.8"); got != 1 || !strings.Contains(b.String(), fmt.Sprint(3*groups)) {
			t.Errorf("%d groups: %s", groups, b.String())
		}
		b.Reset()
		writeFirmwares(&b, r)
		if got := strings.Count(b.String(), "SPA942 5.1.8"); got != rows {
			t.Errorf("%d groups: %d rows, want %d", groups, got, rows)
		}
	}
	var b strings.Builder
	writeFirmwares(&b, many(900))
	if want := "… and 860 more, of which 50 are as these and in the others all is well"; !strings.Contains(b.String(), want) {
		t.Errorf("%s\nwant %s", b.String(), want)
	}
}
