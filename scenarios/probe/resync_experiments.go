package probe

import (
	"slices"
	"time"
)

var resyncExperiments = []*experiment{
	{
		name: "gpp-restart", question: "Does the phone restart when a parameter changes that no call needs?",
		settles: []string{"any_change_reboots"}, takes: passes(5), times: 1, run: gppRestart,
	},
	{
		name: "later-rules", question: "Does the phone follow a rule in the pass whose first file has set it?",
		settles: []string{"later_rules"}, takes: passes(4), restarts: 1, times: 1, run: laterRules,
	},
	{
		name: "restart", question: "How long is the phone away when it restarts after changed parameters, and does it resync then?",
		settles: []string{"reboot_time", "resync_after_param_reboot"}, takes: passes(6), restarts: 2, times: 1, run: warmStart,
	},
	{
		name: "cold-start", question: "How long does it take from power on to the first request?",
		settles: []string{"boot_time"}, needs: []string{"Resync_Random_Delay"}, takes: passes(4), restarts: 2, power: true, times: 1, run: coldStart,
	},
	{ // three short delays of the unit 20s are seen of one phone in 2000, or of one in 12 where each phone has a delay of its own
		name: "random-delay", question: "Is Resync_Random_Delay counted in seconds, or in twenty seconds?",
		settles: []string{"random_delay_unit"}, needs: []string{"Resync_Random_Delay"}, after: []string{"restart"},
		takes: passesAnd(10, time.Minute), restarts: 4, power: true, times: 1, run: randomDelay,
	},
	{
		name: "ordered-delay", question: "Does a resync that a person orders wait for a part of Resync_Random_Delay?",
		settles: []string{"explicit_delay"}, needs: []string{"Resync_Random_Delay"}, after: []string{"random-delay"},
		takes: passesAnd(8, 30*time.Second), times: 1, run: orderedDelay,
	},
	{
		name: "trigger", question: "When does a Resync_Trigger start a resync, how soon again, and what is $PRVST then?",
		settles: []string{"prvst_trigger", "trigger_mode", "trigger_floor"}, needs: []string{"Resync_Trigger_1"},
		takes: passesAnd(4, 2*time.Minute), times: 1, run: trigger,
	},
	{
		name: "period-after-boot", question: "With Resync_On_Reset off, does Resync_Periodic begin with the start, or with the first resync?",
		settles: []string{"periodic_from"}, needs: []string{"Resync_On_Reset", "Resync_Trigger_1"}, after: []string{"restart"},
		takes: passesAnd(4, 2*time.Minute), restarts: 1, power: true, times: 1, run: periodAfterBoot,
	},
}

// gppRestart changes a GPP parameter, and looks whether the phone restarts.
func gppRestart(t *trial) {
	t.boots = true
	t.visit()
	t.set("GPP_"+t.letters.more, "1")
	last := t.visit()
	next := t.comesHome()
	t.factTime("next visit after", next.at.Sub(last.at))
	if t.restarted(last, next) {
		t.settle("any_change_reboots", "yes")
	} else {
		t.settle("any_change_reboots", "no")
	}
}

// laterRules sets the last rule by the file of the first, and looks in which pass it is
// followed. A phone that restarts after the first file, before it asks by the second rule,
// does not show it.
func laterRules(t *trial) {
	t.boots = true
	name := t.serve(nil)
	t.set("Profile_Rule_D", t.url(name))
	t.visit()
	list, ok := t.await(t.s.q.Patience, func(list []request) bool {
		return slices.ContainsFunc(list, func(q request) bool { return q.place == t.place })
	})
	home := slices.IndexFunc(list, func(q request) bool { return q.place == "home" })
	switch {
	case !ok:
	case home < 0:
		t.settle("later_rules", "live")
	case home == 0:
		t.settle("later_rules", "live", "start")
	default:
		t.settle("later_rules", "start")
	}
}
