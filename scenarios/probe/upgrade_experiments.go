package probe

import (
	"net"
	"slices"
	"sync/atomic"
	"time"
)

// What each experiment on upgrades needs.
var upgradeNeeds = []string{"Upgrade_Rule", "Upgrade_Enable", "Upgrade_Error_Retry_Delay", "Resync_After_Upgrade_Attempt"}

var upgradeExperiments = []*experiment{
	{
		name: "failed-upgrade", question: "Does the phone restart after an upgrade whose image is missing, and does it try again at once then?",
		settles: []string{"failed_upgrade_reboots", "upgrade_retry"}, needs: upgradeNeeds,
		takes: passes(10), restarts: 2, times: 1, run: failedUpgrade,
	},
	{
		name: "resync-after-upgrade", question: "What is $PRVST in the resync that follows an upgrade?",
		settles: []string{"prvst_upgrade"}, needs: append([]string{"Resync_On_Reset", "Resync_Trigger_1"}, upgradeNeeds...),
		takes: passes(6), restarts: 1, times: 1, run: resyncAfterUpgrade,
	},
	{
		name: "https-upgrade", question: "Does the phone ask for an image by HTTPS?",
		settles: []string{"https_upgrade"}, needs: upgradeNeeds, after: []string{"failed-upgrade"},
		takes: passes(8), restarts: 1, times: 1, run: httpsUpgrade,
	},
	{
		name: "upgrade-order", question: "After a start, does the phone resync first, or upgrade?",
		settles: []string{"upgrade_order"}, needs: upgradeNeeds, after: []string{"failed-upgrade"},
		takes: passes(6), restarts: 2, times: 1, run: upgradeOrder,
	},
	{
		name: "retry-after-restart", question: "Does the list of Resync_Error_Retry_Delay begin again after a restart?",
		settles: []string{"resync_retry"}, needs: append([]string{"Resync_Error_Retry_Delay"}, upgradeNeeds...), after: []string{"failed-upgrade"},
		takes: passesAnd(8, 30*time.Second), restarts: 1, times: 1, run: retryAfterRestart,
	},
}

// longVisit is how long each visit lasts while a phone is to upgrade.
const longVisit = 6 * time.Second

// guarded is an Upgrade_Rule of a URL that holds only some seconds after the start of a resync:
// a phone that upgrades as soon as it has started, and restarts when that fails, would else
// never come home again. Visits must last longer, for firmware that looks at the rule only
// at their end.
func guarded(url string) string { return "($PRVTMR ge 3)? " + url }

// upgradeSettings has the phone upgrade by a rule after its next visit home, with what else is
// set. Its visits are long then, and end with an answer.
func upgradeSettings(t *trial, rule string, end answer, more ...string) {
	t.boots = true
	slow := t.serve(func(x *exchange) {
		if !x.left(longVisit) {
			end(x)
		}
	})
	t.set(append([]string{"GPP_" + t.letters.rule, t.url(slow), "Upgrade_Rule", rule, "Upgrade_Enable", "Yes", "Upgrade_Error_Retry_Delay", "300"}, more...)...)
}

// noUpgrade lets the phone have its own Upgrade_Rule again, but for Upgrade_Enable.
func noUpgrade(t *trial, more ...string) {
	calm(t, append([]string{"GPP_" + t.letters.rule, "Upgrade_Rule", "Upgrade_Enable", "Upgrade_Error_Retry_Delay", "Resync_After_Upgrade_Attempt"}, more...)...)
}

// requested returns the next request for a name; false where the phone comes home several
// times without it.
func requested(t *trial, name string, homes int) (request, bool) {
	mine := func(q request) bool { return q.place == t.place && q.name == name }
	list, ok := t.await(t.s.q.Patience, func(list []request) bool {
		return slices.ContainsFunc(list, mine) || countHomes(list) > homes
	})
	if !ok || !slices.ContainsFunc(list, mine) {
		return request{}, false
	}
	return t.comes(t.s.q.Patience, mine), true
}

func countHomes(list []request) (n int) {
	for _, q := range list {
		if q.place == "home" {
			n++
		}
	}
	return n
}

// failedUpgrade lets an upgrade fail. Without Resync_After_Upgrade_Attempt a phone that does
// not restart comes by its period.
func failedUpgrade(t *trial) {
	image := t.serve(missing)
	upgradeSettings(t, guarded(t.url(image)), given(nothing), "Resync_After_Upgrade_Attempt", "No")
	t.visit()
	first, ok := requested(t, image, 3)
	if !ok {
		t.fact("image", "the phone does not ask for it")
		noUpgrade(t)
		t.visit()
		return
	}
	home := t.comesHome()
	t.factTime("after the failed upgrade the phone came home in", home.at.Sub(first.at))
	if home.booted() || home.at.Sub(first.at) > t.s.q.Pace+1500*time.Millisecond { // the period had begun before
		t.settle("failed_upgrade_reboots", "always")
		if _, again := requested(t, image, 1); again {
			// Or it had looked at the rule at its start, before the guard held, and took it for a new one.
			t.fact("after the restart, with Upgrade_Error_Retry_Delay 300", "the phone asks for the image again")
			t.settle("upgrade_retry", "lost", "kept")
		} else {
			t.fact("after the restart, with Upgrade_Error_Retry_Delay 300", "the phone does not ask for the image")
			t.settle("upgrade_retry", "kept")
		}
	} else {
		t.settle("failed_upgrade_reboots", "never", "bad_image")
	}
	noUpgrade(t)
	t.visit()
}

// resyncAfterUpgrade lets an upgrade fail while nothing else brings the phone home, but for its
// trigger after a while.
func resyncAfterUpgrade(t *trial) {
	const net = 90 * time.Second
	image := t.serve(missing)
	upgradeSettings(t, guarded(t.url(image)), given(nothing), "Resync_After_Upgrade_Attempt", "Yes",
		"Resync_On_Reset", "No", "Resync_Periodic", "0", "Resync_Trigger_1", safetyNet("90"))
	t.visit()
	_, asked := requested(t, image, 1)
	noUpgrade(t, "Resync_On_Reset", "Resync_Periodic", "Resync_Trigger_1")
	home, alone := backHome(t, t.s.q.Patience+longestDelay)
	told, ok := home.timer()
	switch {
	case !asked:
		t.fact("image", "the phone does not ask for it")
	case !alone || !ok || told >= net-2*time.Second:
		t.fact("after the failed upgrade", "no resync follows")
	default:
		t.fact("after the failed upgrade", "$PRVST is %s", home.cause())
		if home.cause() == "0" || home.cause() == "1" {
			t.settle("prvst_upgrade", home.cause())
		}
	}
	t.visit()
}

// httpsUpgrade waits for a connection. That the phone looks at the rule at all was seen by HTTP.
func httpsUpgrade(t *trial) {
	if len(t.s.mayBe("failed_upgrade_reboots")) == 0 {
		t.fail("the phone does not upgrade by HTTP either")
		return
	}
	var came atomic.Int32
	port := t.listen(func(net.Conn) { came.Add(1) })
	upgradeSettings(t, guarded("https://"+port.String()+"/image"), given(nothing), "Resync_After_Upgrade_Attempt", "No")
	last := t.visit()
	if next := t.comesHome(); !t.restarted(last, next) {
		t.comesHome()
	}
	noUpgrade(t)
	t.visit()
	if came.Load() > 0 {
		t.fact("rule with https", "the phone connects")
		t.settle("https_upgrade", "accept")
	} else {
		t.fact("rule with https", "the phone does not connect")
		t.settle("https_upgrade", "refuse")
	}
}

// upgradeOrder restarts the phone with a rule that holds at once, and looks what it asks for
// first. It is left out where the phone might never come home again.
func upgradeOrder(t *trial) {
	always := slices.Contains(t.s.mayBe("failed_upgrade_reboots"), "always")
	if len(t.s.mayBe("failed_upgrade_reboots")) == 0 || always && t.s.value("upgrade_retry") != "kept" {
		t.fail("it was left out: a phone that upgrades first, and tries again after each restart, would not come home any more")
		return
	}
	image := t.serve(missing)
	t.set("Upgrade_Rule", t.url(image), "Upgrade_Enable", "Yes", "Upgrade_Error_Retry_Delay", "300", "Resync_After_Upgrade_Attempt", "No")
	last := t.starts()
	mine := func(q request) bool { return q.place == t.place && q.name == image }
	one := t.comes(t.s.q.Patience, func(q request) bool { return q.place == "home" || mine(q) })
	switch {
	case mine(one) && one.at.Sub(last.ended) > t.s.q.Pace: // else the period had brought it home
		t.fact("first after the start", "the image")
		t.settle("upgrade_order", "upgrade_first")
	case mine(one):
		t.fact("image", "the phone asks for it before it restarts")
	default:
		if _, ok := requested(t, image, 2); ok {
			t.fact("first after the start", "the profile")
			t.settle("upgrade_order", "resync_first")
		}
	}
	noUpgrade(t)
	t.visit()
}

// retryAfterRestart lets a resync fail whose end starts an upgrade that restarts the phone. The
// first resync after that fails too, and the wait that follows is of the list's first place or
// of its second.
func retryAfterRestart(t *trial) {
	image := t.serve(missing)
	upgradeSettings(t, guarded(t.url(image)), missing, "Resync_After_Upgrade_Attempt", "No",
		"Resync_Error_Retry_Delay", "8,30", "Resync_Fails_On_FNF", "Yes")
	t.visit()
	upgrade, ok := requested(t, image, 1)
	if !ok {
		t.fact("image", "the phone does not ask for it")
	}
	calm(t, "Upgrade_Rule", "Upgrade_Enable", "Upgrade_Error_Retry_Delay", "Resync_After_Upgrade_Attempt")
	one := t.comesHome()
	two := t.comesHome()
	wait := two.at.Sub(endBefore(t, two))
	t.factTime("from the first failure after the restart to the next resync", wait)
	noUpgrade(t, "Resync_Error_Retry_Delay", "Resync_Fails_On_FNF")
	t.visit()
	if !ok || one.cause() == "2" || !t.restarted(upgrade, one) || two.cause() != "2" {
		return
	}
	switch {
	case (wait - 8*time.Second).Abs() <= 3*time.Second:
		t.settle("resync_retry", "lost")
	case (wait - 30*time.Second).Abs() <= 3*time.Second:
		t.settle("resync_retry", "kept")
	}
}
