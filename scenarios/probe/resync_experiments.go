package probe

import "time"

var resyncExperiments = []*experiment{
	{
		name: "gpp-restart", question: "Does the phone restart when a parameter changes that no call needs?",
		settles: []string{"any_change_reboots"}, takes: passes(5), times: 1, run: gppRestart,
	},
	{
		name: "later-rules", question: "Does Profile_Rule_C follow a rule that the file of Profile_Rule has just set?",
		settles: []string{"later_rules"}, after: []string{"gpp-restart"}, takes: passes(4), run: laterRules,
	},
}

// gppRestart changes a GPP parameter, and looks whether the next visit is one after a start.
func gppRestart(t *trial) {
	t.boots = true
	t.visit()
	t.set("GPP_"+t.letters.more, "1")
	t.visit()
	next := t.comes(t.s.q.Patience, func(q request) bool { return q.place == "home" })
	if next.booted() {
		t.settle("any_change_reboots", "yes")
	} else {
		t.settle("any_change_reboots", "no")
	}
}

// laterRules sets a rule by the file of the first, and looks in which pass it is followed.
func laterRules(t *trial) {
	name := t.serve(nil)
	t.set("GPP_"+t.letters.rule, t.url(name))
	t.visit()
	list, ok := t.await(t.s.q.Patience, func(list []request) bool {
		return len(list) > 0 && (list[len(list)-1].place == t.place)
	})
	if !ok {
		return
	}
	value := "live"
	for _, q := range list {
		if q.place == "home" {
			value = "start"
		}
	}
	t.settle("later_rules", value)
}

var _ = time.Second
