package resync

import (
	"strconv"
	"strings"
	"time"

	"spafleet/device"
	"spafleet/device/model"
)

// A Schedule says when a device contacts its server. Its fields are the
// parameters of the same names.
type Schedule struct {
	Enabled      bool          // Provision_Enable
	OnReset      bool          // Resync_On_Reset
	AfterUpgrade bool          // Resync_After_Upgrade_Attempt
	AfterParams  bool          // the firmware's resync_after_param_reboot
	RandomDelay  time.Duration // longest, Resync_Random_Delay in its unit
	Periodic     Times
	ErrorRetry   Times
	RetryAtOnce  bool // the firmware's error_retry_zero
	FromBoot     bool // the firmware's periodic_from

	daily *daily // Resync_At__HHmm_; nil: none, or no time of day
}

// Daily reports whether the device resyncs once a day, at Resync_At__HHmm_. Then
// Periodic does not count.
func (s Schedule) Daily() bool { return s.daily != nil }

// ScheduleOf reads a device's schedule from its parameters.
func ScheduleOf(r *model.Row, p device.Params) Schedule {
	delay, _ := p.Lookup("Resync_Random_Delay")
	units, _ := strconv.ParseUint(strings.TrimSpace(delay), 10, 16)
	periodic, _ := p.Lookup("Resync_Periodic")
	retry, _ := p.Lookup("Resync_Error_Retry_Delay")
	return Schedule{
		Enabled:      p.Bool("Provision_Enable", true),
		OnReset:      p.Bool("Resync_On_Reset", true),
		AfterUpgrade: p.Bool("Resync_After_Upgrade_Attempt", true),
		AfterParams:  r.Behaviour.ResyncAfterParamReboot,
		RandomDelay:  time.Duration(units) * r.Behaviour.RandomDelayUnit,
		daily:        dailyOf(r, p),
		Periodic:     ParseTimes(periodic),
		ErrorRetry:   ParseTimes(retry),
		RetryAtOnce:  r.Behaviour.RetryAtOnce,
		FromBoot:     r.Behaviour.PeriodicFromBoot,
	}
}

// AtBoot returns when a device that just started resyncs, and why; false if it
// waits for something else. Draw is in [0, 1).
func (s Schedule) AtBoot(now int64, reason device.Reason, draw float64) (at int64, cause model.Cause, ok bool) {
	upgraded := reason == device.ByUpgradeOK || reason == device.ByUpgradeFailed
	excluded := !s.AfterParams && (reason == device.ByParams || upgraded)
	switch {
	case !s.Enabled:
		return 0, 0, false
	case s.OnReset && !excluded:
		return now + int64(draw*float64(s.RandomDelay)), model.ByPowerOn, true
	case upgraded && s.AfterUpgrade:
		return now, model.ByUpgrade, true
	case excluded || s.FromBoot:
		return s.After(now, true, 0, draw)
	}
	return 0, 0, false
}

// After returns when a device tries again after an attempt that ended at now,
// and why; false if it waits to be told. Run counts the attempts before this one
// that ended alike without a break. Draw is in [0, 1).
func (s Schedule) After(now int64, ok bool, run int, draw float64) (at int64, cause model.Cause, again bool) {
	if ok && s.Daily() && s.Enabled {
		return s.daily.next(now, draw), model.ByDaily, true
	}
	times, cause := s.Periodic, model.ByPeriodic
	if !ok {
		times, cause = s.ErrorRetry, model.ByRetry
	}
	wait, again := times.Nth(run, draw)
	if !ok && !again && s.RetryAtOnce {
		wait, again = time.Second, true
	}
	if !s.Enabled || !again {
		return 0, 0, false
	}
	return now + int64(wait), cause, true
}

// Times is a schedule list such as 1800+300,3600 (provisioning.md §1.6:
// documented): the n-th use in a row takes the n-th element, the last repeats.
type Times []struct{ Seconds, Extra uint32 }

// ParseTimes reads a schedule list. What is not a number ends an element: the
// undocumented a-b form reads as a. A list without any number is empty, which
// means never.
func ParseTimes(text string) Times {
	var times Times
	for elem := range strings.SplitSeq(text, ",") {
		base, rest := leadingNumber(strings.TrimSpace(elem))
		if base < 0 {
			continue
		}
		extra := int64(0)
		if plus, ok := strings.CutPrefix(strings.TrimSpace(rest), "+"); ok {
			extra, _ = leadingNumber(strings.TrimSpace(plus))
		}
		times = append(times, struct{ Seconds, Extra uint32 }{uint32(base), uint32(max(extra, 0))})
	}
	return times
}

// leadingNumber splits the digits off a text's front; -1 where there are none
// or more than a 32-bit number holds.
func leadingNumber(s string) (n int64, rest string) {
	i := 0
	for i < len(s) && s[i] >= '0' && s[i] <= '9' {
		i++
	}
	v, err := strconv.ParseUint(s[:i], 10, 32)
	if err != nil {
		return -1, s
	}
	return int64(v), s[i:]
}

// Nth returns the wait of the n-th use in a row, from 0; false where the list
// is empty or says zero, which is off.
func (t Times) Nth(n int, draw float64) (time.Duration, bool) {
	if len(t) == 0 {
		return 0, false
	}
	e := t[min(n, len(t)-1)]
	wait := time.Duration(e.Seconds)*time.Second + time.Duration(draw*float64(e.Extra)*float64(time.Second))
	return wait, e.Seconds > 0 || e.Extra > 0
}
