package probe

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

var ruleExperiments = slices.Concat(ruleTexts, rulePasses, ruleLogs)

// ruleTexts are about what the text of a rule means.
var ruleTexts = []*experiment{
	{
		name: "rule-conditions", question: "Which conditions does a rule take?",
		settles: []string{"string_order", "nested_parentheses", "rule_case"}, takes: passes(13), run: ruleConditions,
	},
	{
		name: "rule-versions", question: "How do versions with letters compare?",
		settles: []string{"version_suffix", "dotted_suffix"}, takes: passes(4), run: ruleVersions,
	},
	{
		name: "rule-quotes", question: "Does a backslash keep a string of a rule open?",
		settles: []string{"quote_escapes"}, takes: passes(5), run: ruleQuotes,
	},
	{
		name: "rule-assignment", question: "Does a rule's last assignment need its semicolon?",
		settles: []string{"last_semicolon"}, takes: passes(6), run: ruleAssignment,
	},
	{
		name: "rule-comparisons", question: "How do numbers and texts compare, and what does a condition without a left side mean?",
		takes: passes(11), times: 1, run: ruleComparisons,
	},
	{
		name: "rule-macros", question: "What do macros of a rule stand for, and does # in quotes begin a comment?",
		settles: []string{"macro_case", "pn_hyphen", "comment_in_quotes"}, takes: passes(5), restarts: 2, times: 1, run: ruleMacros,
	},
	{
		name: "rule-size", question: "How long may a rule be?",
		settles: []string{"rule_size"}, takes: passes(9), restarts: 2, times: 1, run: ruleSize,
	},
}

// rulePasses are about the order in which the phone follows its rules.
var rulePasses = []*experiment{
	{
		name: "rule-failure", question: "Does the phone go on with a rule's next alternative when a file fails?",
		settles: []string{"failed_alternative"}, takes: passes(3), run: ruleFailure,
	},
	{
		name: "rule-order", question: "Does the phone follow rules B to D after a resync from a URL?",
		settles: []string{"url_command"}, takes: passes(2), run: ruleOrder,
	},
	{
		name: "rule-restart", question: "Does the phone restart at once after a rule whose file asks for that, or after its last rule?",
		settles: []string{"reboot_after"}, takes: passes(3), restarts: 2, times: 1, run: ruleRestart,
	},
}

// What a phone does about a condition.
const (
	holds   = "true"
	fails   = "false"
	refused = "the rule was refused"
)

// condition has the phone judge a condition, by what it asks for. It goes without its outer
// parentheses.
func condition(t *trial, text string) string {
	yes, no := t.serve(nil), t.serve(nil)
	return chosen(t, yes, no, firstAsked(t, fmt.Sprintf("(%s)? %s | %s", text, t.url(yes), t.url(no))))
}

// firstAsked is ask for a rule that leads to one file: it waits no longer than until that is
// asked for.
func firstAsked(t *trial, rule string) []request {
	fresh := t.fresh
	t.fresh = nil
	t.set("GPP_"+t.letters.rule, rule)
	t.visit()
	mine := func(q request) bool { return q.place == t.place && slices.Contains(fresh, q.name) }
	list, ok := t.await(t.s.q.Patience, func(list []request) bool { return slices.ContainsFunc(list, mine) || homes(list) >= 2 })
	if !ok {
		t.gone(t.s.q.Patience)
		return nil
	}
	t.mark += len(list)
	return slices.DeleteFunc(list, func(q request) bool { return !mine(q) })
}

// homes counts the visits home among requests.
func homes(list []request) (n int) {
	for _, q := range list {
		if q.place == "home" {
			n++
		}
	}
	return n
}

// chosen says which of two files was asked for.
func chosen(t *trial, yes, no string, asked []request) string {
	switch {
	case len(asked) > 0 && asked[0].name == yes:
		return holds
	case len(asked) > 0 && asked[0].name == no:
		return fails
	case lastEnded(t) == endings["2"]:
		return refused
	}
	return "nothing was asked for"
}

var conditionDoubts = []doubt{
	{"string_order", `("a" lt "b")?`, `"a" lt "b"`, map[string]string{fails: "false", refused: "error"}},
	{"nested_parentheses", `(("a" eq "a") and ("b" eq "b"))?`, `("a" eq "a") and ("b" eq "b")`, map[string]string{holds: "accept", refused: "refuse"}},
	{"rule_case", `("a" EQ "a")?`, `"a" EQ "a"`, map[string]string{holds: "any", refused: "exact"}},
	{"rule_case", `("a" eq "a" AND "b" eq "b")?`, `"a" eq "a" AND "b" eq "b"`, map[string]string{holds: "any", refused: "exact"}},
	{"rule_case", `(TRUE)?`, `TRUE`, map[string]string{holds: "any", refused: "exact"}},
}

// ruleConditions asks about conditions that may be refused. That means something where the
// phone takes one that nobody doubts.
func ruleConditions(t *trial) {
	if saw := condition(t, `"a" eq "a"`); saw != holds {
		t.fail(`the condition ("a" eq "a") came to: %s`, saw)
		return
	}
	resolve(t, conditionDoubts, condition, asSeen)
}

var suffixDoubts = []doubt{
	{"version_suffix", "(7.6.2 eq 7.6.2a)?", "7.6.2 eq 7.6.2a", map[string]string{holds: "ignore", fails: "compare"}},
	{"version_suffix", "(7.6.2 eq 7.6.2(a))?", "7.6.2 eq 7.6.2(a)", map[string]string{holds: "ignore", fails: "compare"}},
}

// ruleVersions compares versions. Where letters do not count, 7.6.2.a equals both 7.6.2 and
// 7.6.2a, whichever it is taken for.
func ruleVersions(t *trial) {
	resolve(t, suffixDoubts, condition, asSeen)
	bare, suffix, neither := t.serve(nil), t.serve(nil), t.serve(nil)
	asked := firstAsked(t, fmt.Sprintf("(7.6.2.a eq 7.6.2)? %s | (7.6.2.a eq 7.6.2a)? %s | %s", t.url(bare), t.url(suffix), t.url(neither)))
	if len(asked) == 0 {
		return
	}
	compares := slices.Equal(t.values["version_suffix"], []string{"compare"})
	switch asked[0].name {
	case bare:
		t.fact("7.6.2.a", "equals 7.6.2")
		if compares {
			t.settle("dotted_suffix", "ignore")
		} else {
			t.settle("dotted_suffix", "ignore", "suffix")
		}
	case suffix:
		t.fact("7.6.2.a", "equals 7.6.2a")
		if compares {
			t.settle("dotted_suffix", "suffix")
		}
	case neither:
		t.fact("7.6.2.a", "equals neither 7.6.2 nor 7.6.2a")
		t.settle("dotted_suffix", "text")
	}
}

// Of these two, one is refused.
var quoteDoubts = []doubt{
	{"quote_escapes", `("a\"b" eq "a\"b")?`, `"a\"b" eq "a\"b"`, map[string]string{holds: "yes", refused: "no"}},
	{"quote_escapes", `("\" eq "\")?`, `"\" eq "\"`, map[string]string{holds: "no", refused: "yes"}},
}

func ruleQuotes(t *trial) { resolve(t, quoteDoubts, condition, asSeen) }

// ruleAssignment has a rule set the parameter that is read back, with a semicolon and
// without.
func ruleAssignment(t *trial) {
	name := "GPP_" + t.letters.read
	if value, _ := t.applied(func(file string) string { return fmt.Sprintf(`(%s = "set" ;)! %s`, name, t.url(file)) }, nil); value != "set" {
		t.fact("assignment", "without effect: %s is %q", name, value)
		return
	}
	t.fact("assignment", "of effect")
	value, asked := t.applied(func(file string) string { return fmt.Sprintf(`(%s = "set")! %s`, name, t.url(file)) }, nil)
	switch {
	case asked && value == "set":
		t.fact("assignment without a semicolon", "of effect")
		t.settle("last_semicolon", "optional")
	case !asked && lastEnded(t) == endings["2"]:
		t.fact("assignment without a semicolon", refused)
		t.settle("last_semicolon", "required")
	}
}

var comparisonFacts = []doubt{
	{"", "(9 lt 10)?", "9 lt 10", nil},
	{"", "(7.5.9 lt 7.5.10)?", "7.5.9 lt 7.5.10", nil},
	{"", "(7.6 eq 7.6.0)?", "7.6 eq 7.6.0", nil},
	{"", `("1" ne 1)?`, `"1" ne 1`, nil},
	{"", `("a" eq "A")?`, `"a" eq "A"`, nil},
	{"", "(a eq a)?, without quotes", "a eq a", nil},
	{"", "( ge 1.0.0)?, without a left side", " ge 1.0.0", nil},
	{"", "()?", "", nil},
}

func ruleComparisons(t *trial) { resolve(t, comparisonFacts, condition, asSeen) }

// ruleMacros sets a rule of macros, and as the rule behind it one that is broken off where #
// in quotes begins a comment.
func ruleMacros(t *trial) {
	macros, hash := t.serve(nil), t.serve(nil)
	restartWith(t, "Profile_Rule_C", t.url(macros)+"/$PN/$ma/$(MA:0:6)/$(MA)x/$NOSUCH/$$/-",
		"Profile_Rule_D", `("#" eq "#")? `+t.url(hash))
	t.fresh = []string{macros, hash}
	asked := t.watch()
	if len(asked) == 0 || asked[0].name != macros {
		return
	}
	part := strings.Split(asked[0].rest, "/")
	if len(part) != 7 || part[6] != "-" {
		t.fact("$PN/$ma/$(MA:0:6)/$(MA)x/$NOSUCH/$$/-", "%s", withoutMAC(t, asked[0].rest))
		return
	}
	for i, macro := range []string{"$PN", "$ma", "$(MA:0:6)", "$(MA)x", "$NOSUCH", "$$"} {
		t.fact(macro, "%s", withoutMAC(t, part[i]))
	}
	settleMacros(t, part[0], part[1])
	switch {
	case slices.ContainsFunc(asked, func(q request) bool { return q.name == hash }):
		t.fact(`("#" eq "#")?`, holds)
		t.settle("comment_in_quotes", "no")
	case endOf(t, asked) == endings["2"]:
		t.fact(`("#" eq "#")?`, refused)
		t.settle("comment_in_quotes", "yes")
	}
}

// settleMacros settles what $PN and $ma say.
func settleMacros(t *trial, pn, ma string) {
	switch ma {
	case "$ma":
		t.settle("macro_case", "exact")
	case t.s.phone.mac.String():
		t.settle("macro_case", "any")
	}
	switch {
	case strings.HasPrefix(pn, "SPA-"):
		t.settle("pn_hyphen", "yes")
	case strings.HasPrefix(pn, "SPA"):
		t.settle("pn_hyphen", "no")
	default:
		t.settle("pn_hyphen", "yes", "no")
	}
}

// withoutMAC puts $MA where a text has the phone's MAC address.
func withoutMAC(t *trial, text string) string {
	return strings.ReplaceAll(text, t.s.phone.mac.String(), "<MA>")
}

// restartWith sets parameters whose change restarts the phone, and waits until it has come
// home after that.
func restartWith(t *trial, pairs ...string) {
	t.boots = true
	t.set(pairs...)
	t.visit()
	t.comesHome()
}

// The sizes that the switch has, what a phone is thought to take, and how many references to
// one parameter fill a rule of the largest: a value has 2047 bytes at most.
const (
	leastSize, usualSize, mostSize = 256, 2047, 1 << 16
	sizeReferences                 = 31
)

// ruleSize fills a rule by macros, and looks for the longest that the phone follows.
func ruleSize(t *trial) {
	name := t.serve(nil)
	fill, rest := "$"+t.letters.more, "$"+t.letters.want
	rule := fmt.Sprintf(`("%s%s" ne "-")? %s`, rest, strings.Repeat(fill, sizeReferences), t.url(name))
	bare := len(rule) - len(rest) - sizeReferences*len(fill)
	restartWith(t, "Profile_Rule_D", rule)
	follows := func(size int) bool {
		each := min((size-bare)/sizeReferences, usualSize)
		t.set("GPP_"+t.letters.more, strings.Repeat("x", each), "GPP_"+t.letters.want, strings.Repeat("x", size-bare-each*sizeReferences))
		t.fresh = []string{name}
		seen := t.mark
		if len(t.watch()) > 0 {
			return true
		}
		if !slices.ContainsFunc(t.s.server.since(seen), func(q request) bool { return q.place == "same" || q.place == "read" }) {
			t.fail("the phone took no file that fills a rule of %d bytes", size)
		}
		return false
	}
	if !follows(leastSize) {
		t.fact("rule of 256 bytes", "not followed")
		return
	}
	size := longest(leastSize, mostSize, []int{usualSize, usualSize + 1}, follows)
	t.fact("longest rule that was followed", "%d bytes", size)
	t.settle("rule_size", fmt.Sprint(size))
}

// longest returns the largest number from low to high for which held is true: it is for low,
// and for none behind one for which it is not. First are the numbers that are tried first.
func longest(low, high int, first []int, held func(int) bool) int {
	try := func(n int) {
		if held(n) {
			low = n
		} else {
			high = n - 1
		}
	}
	for _, n := range first {
		if low < n && n <= high {
			try(n)
		}
	}
	for low < high {
		try((low + high + 1) / 2)
	}
	return low
}

// ruleFailure has the file of the first alternative fail.
func ruleFailure(t *trial) {
	bad, next := t.serve(func(x *exchange) { x.status(500, "") }), t.serve(nil)
	asked := t.ask(t.url(bad) + " | " + t.url(next))
	if len(asked) == 0 || asked[0].name != bad {
		return
	}
	if slices.ContainsFunc(asked, func(q request) bool { return q.name == next }) {
		t.fact("after a file that failed", "the next alternative was followed")
		t.settle("failed_alternative", "next")
		return
	}
	t.fact("after a file that failed", "%s", endOf(t, asked))
	t.settle("failed_alternative", "fails")
}

// ruleOrder orders a file. The next request is of rule B, which always asks for something, or
// of the next resync.
func ruleOrder(t *trial) {
	name := t.serve(nil)
	t.visit()
	t.order(t.url(name))
	t.comes(t.s.q.Patience, func(q request) bool { return q.place == t.place })
	switch q := t.comes(t.s.q.Patience, func(request) bool { return true }); q.place {
	case "same", "read":
		t.fact("after the file that was ordered", "rule B was followed")
		t.settle("url_command", "all_rules")
	case "home":
		t.fact("after the file that was ordered", "nothing was asked for")
		t.settle("url_command", "url_only")
	}
}

// ruleRestart changes a rule by the first file of a pass, which restarts the phone, and looks
// whether rule B is followed before that.
func ruleRestart(t *trial) {
	last, first := t.restart()
	if t.failed != nil || !t.restarted(last, first) {
		return
	}
	list := t.s.server.since(0)
	list = list[slices.IndexFunc(list, func(q request) bool { return q.place == "home" && q.at.Equal(last.at) })+1:]
	list = list[:max(0, slices.IndexFunc(list, func(q request) bool { return q.place == "home" }))]
	between := slices.ContainsFunc(list, func(q request) bool { return q.place == "same" || q.place == "read" })
	t.factTime("next visit after", first.at.Sub(last.at).Round(time.Millisecond))
	t.fact("rule B before the restart", "%s", map[bool]string{true: "followed", false: "not followed"}[between])
	if between {
		t.settle("reboot_after", "sequence")
	} else {
		t.settle("reboot_after", "rule")
	}
}
