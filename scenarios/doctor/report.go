package doctor

import (
	"context"
	"fmt"
	"slices"
	"time"

	"spafleet/scenarios/doctor/finding"
)

// report puts together what all devices found.
func (in *inquiry) report(ctx context.Context) *finding.Report {
	r := &finding.Report{Format: finding.Format, Server: in.shown(), Began: in.began, Took: finding.Seconds(time.Since(in.began)), Findings: []finding.Finding{}, Unasked: []finding.Unasked{}}
	switch {
	case ctx.Err() != nil:
		r.Incomplete = "interrupted"
	case in.ctx.Err() != nil:
		r.Incomplete = fmt.Sprintf("the time of %s was up", in.limit)
	}
	for _, v := range in.visits {
		r.Devices = append(r.Devices, finding.Device{Model: v.row.Model.Name, Firmware: v.row.Firmware.Version, URL: v.url, Stands: v.stands})
		slices.SortStableFunc(v.found, func(a, b finding.Finding) int { return finding.Place(a.Check) - finding.Place(b.Check) })
		r.Findings = append(r.Findings, v.found...)
	}
	for i := range finding.Checks {
		r.Unasked = append(r.Unasked, in.unaskedOf(finding.Checks[i].ID)...)
	}
	return r
}

// unaskedOf returns where a check was not made, and why: in one line where no device
// made it, all for one reason.
func (in *inquiry) unaskedOf(check string) (list []finding.Unasked) {
	same := true
	for _, v := range in.visits {
		if v.made(check) {
			same = false
			continue
		}
		list = append(list, finding.Unasked{Check: check, Model: v.row.Model.Name, Firmware: v.row.Firmware.Version, Why: v.why(check)})
	}
	if !same || len(list) == 0 || slices.ContainsFunc(list, func(u finding.Unasked) bool { return u.Why != list[0].Why }) {
		return list
	}
	return []finding.Unasked{{Check: check, Why: list[0].Why}}
}
