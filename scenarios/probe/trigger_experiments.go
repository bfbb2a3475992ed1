package probe

import "time"

// triggerPeriod is the period of a phone whose trigger is asked: long, so that what comes
// sooner comes of the trigger.
const triggerPeriod = 150 * time.Second

// trigger sets a trigger that always holds. By level it starts a resync again and again; by
// edge it does so once, and then a second trigger, which a resync makes false, shows how soon
// there may be another one.
func trigger(t *trial) {
	t.boots = true
	t.set("Resync_Periodic", "150", "Resync_Trigger_1", "1 eq 1")
	set := t.visit()
	one := t.comesHome()
	if one.booted() { // the phone restarts for any change
		set, one = one, t.comesHome()
	}
	t.factTime("a trigger that holds: first resync after", one.at.Sub(set.at))
	t.fact("$PRVST", "%s", one.cause())
	if one.at.Sub(set.at) > triggerPeriod/2 {
		calm(t, "Resync_Periodic", "Resync_Trigger_1")
		t.visit()
		return
	}
	switch one.cause() {
	case "1", "-1":
		t.settle("prvst_trigger", one.cause())
	}
	if two, ok := early(t, one); ok {
		t.factTime("and the second after", two.at.Sub(one.at))
		t.settle("trigger_mode", "level")
		t.settleTime("trigger_floor", two.at.Sub(one.at))
		calm(t, "Resync_Periodic", "Resync_Trigger_1")
		t.visit()
		return
	}
	t.fact("and the second", "not within %s", triggerPeriod*2/3)
	byEdge(t)
}

// early waits for a visit that comes sooner than the period brings it.
func early(t *trial, last request) (request, bool) {
	home := func(q request) bool { return q.place == "home" }
	within := time.Until(last.at.Add(triggerPeriod * 2 / 3))
	if _, ok := t.await(within, hasAny(home)); !ok {
		return request{}, false
	}
	return t.comes(within, home), true
}

// byEdge looks how soon a trigger that has become true again starts a resync.
func byEdge(t *trial) {
	t.set("Resync_Trigger_1", safetyNet("3"))
	set := t.visit()
	one, ok := early(t, set)
	if ok && one.booted() {
		one, ok = early(t, one)
	}
	if !ok {
		return
	}
	two, ok := early(t, one)
	calm(t, "Resync_Periodic", "Resync_Trigger_1")
	t.visit()
	if !ok {
		t.settle("trigger_mode", "level", "edge")
		return
	}
	t.factTime("a trigger that each resync makes false: the second after", two.at.Sub(one.at))
	t.settle("trigger_mode", "edge")
	t.settleTime("trigger_floor", two.at.Sub(one.at))
}

// periodAfterBoot starts the phone so that it does not resync then. Where it waits for a first
// resync, its trigger brings it.
func periodAfterBoot(t *trial) {
	const net = 90 * time.Second
	t.boots = true
	t.set("Resync_On_Reset", "No", "Resync_Trigger_1", safetyNet("90"))
	if t.s.value("resync_after_param_reboot") == "no" {
		t.idle()
		if _, done := t.s.q.Person.Power(t.ctx); !done {
			t.fail("the phone was not unplugged")
			return
		}
		t.mark = t.s.server.mark()
	} else {
		t.starts()
	}
	calm(t, "Resync_On_Reset", "Resync_Trigger_1")
	q, alone := backHome(t, t.s.q.Patience+longestDelay)
	told, ok := q.timer()
	switch {
	case !alone:
		t.fact("after the start", "the phone did not come by itself")
		t.settle("periodic_from", "success")
	case ok && told >= net-2*time.Second:
		t.fact("after the start", "the phone came by its trigger: $PRVTMR is %s", told)
		t.settle("periodic_from", "success")
	case ok && (told-t.s.q.Pace).Abs() <= 3*time.Second:
		t.fact("after the start", "the phone came by the period: $PRVTMR is %s", told)
		t.settle("periodic_from", "boot")
	}
}
