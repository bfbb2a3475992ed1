package probe

import "slices"

var resyncExperiments = []*experiment{
	{
		name: "gpp-restart", question: "Does the phone restart when a parameter changes that no call needs?",
		settles: []string{"any_change_reboots"}, takes: passes(5), times: 1, run: gppRestart,
	},
	{
		name: "later-rules", question: "Does the phone follow a rule in the pass whose first file has set it?",
		settles: []string{"later_rules"}, takes: passes(4), restarts: 1, times: 1, run: laterRules,
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
