package resync

import (
	"strconv"
	"strings"
	"time"

	"spafleet/device"
	"spafleet/device/model"
	"spafleet/device/rule"
)

// A daily is a resync once a day by the device's clock (provisioning.md §1.1:
// documented). Like the periodic timer it begins with the first success since
// boot, and after a failure the error timer runs in its place; a time of day that
// passes meanwhile is not made up for (inferred).
type daily struct {
	at     time.Duration // after midnight
	window time.Duration // longest wait after it; each day has its own draw
	clock  device.Clock
}

// dailyOf reads Resync_At__HHmm_ and Resync_At_Random_Delay: phones from 7.0 on,
// and other models that have the parameters (documented). What is no time of day from
// 0000 to 2400 is ignored (documented).
func dailyOf(r *model.Row, p device.Params) *daily {
	text, _ := p.Lookup("Resync_At__HHmm_")
	at, ok := timeOfDay(strings.TrimSpace(text))
	early := r.Generation == 3 && rule.CompareVersions(r.Firmware.Version, "7.0.0", false) < 0
	if !ok || early {
		return nil
	}
	delay, _ := p.Lookup("Resync_At_Random_Delay")
	seconds, _ := strconv.ParseUint(strings.TrimSpace(delay), 10, 16)
	// The window is in whole minutes, rounded (guide of a descendant: documented).
	return &daily{at: at, window: time.Duration((seconds+30)/60) * time.Minute, clock: p.Clock()}
}

func timeOfDay(text string) (time.Duration, bool) {
	if len(text) != 4 {
		return 0, false
	}
	n, err := strconv.ParseUint(text, 10, 16)
	if err != nil || n > 2400 || n%100 > 59 {
		return 0, false
	}
	return time.Duration(n/100)*time.Hour + time.Duration(n%100)*time.Minute, true
}

func (d *daily) next(now int64, draw float64) int64 {
	return d.clock.NextDaily(now, d.at) + int64(draw*float64(d.window))
}
