package resync

import "spafleet/device"

// NextTrue returns the first fleet time from which on, at or after from, the
// condition of a Resync_Trigger holds if nothing but its timers changes; false
// where it never does. A malformed condition never holds. It looks only at
// moments when a timer reaches or leaves a number of the condition, so a timer
// that is compared in part or glued to other text is seen at those alone.
func NextTrue(trigger string, env device.Env, timers Timers, from int64) (at int64, ok bool) {
	c := condition{trigger, env, timers}
	return c.next(from, true)
}
