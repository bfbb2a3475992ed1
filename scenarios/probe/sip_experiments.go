package probe

import (
	"regexp"
	"slices"
	"strings"
	"time"
)

var sipExperiments = []*experiment{
	{
		name: "sip-options", question: "What does the phone answer to OPTIONS?",
		settles: []string{"sip_options", "sip_features", "sip_numbers"}, takes: passesAnd(1, 10*time.Second), times: 1, run: bySIP(sipOptions),
	},
	{
		name: "sip-events", question: "What does the phone answer to a NOTIFY, before it has a login?",
		settles: []string{"sip_challenge"}, takes: passesAnd(3, 10*time.Second), times: 1, run: bySIP(sipEvents),
	},
	{
		name: "sip-resync", question: "What is $PRVST after a NOTIFY?", needs: []string{"Auth_Resync-Reboot_1_"},
		settles: []string{"prvst_notify"}, after: []string{"sip-events"}, takes: passesAnd(4, time.Minute), restarts: 1, times: 1, run: bySIP(sipResync),
	},
}

// aTag is one of the firmware's: two numbers, and the line.
var aTag = regexp.MustCompile(`;tag=([0-9a-f]{1,16})i[0-9]+`)

// sipOptions asks so often that a number with zeros in front is among the answers' tags. Without
// the zeros one of eight tags is shorter than two numbers of eight digits.
func sipOptions(t *sipTrial) {
	const often, whole = 100, 16
	first := t.say("OPTIONS", "Accept: application/sdp")
	if first == "" {
		t.fail("the phone has no answer to OPTIONS at %s", t.to)
		return
	}
	t.factBytes("answer to OPTIONS", []byte(first))
	t.settle("sip_options", optionsForm(first))
	supported := headerOf([]byte(first), "Supported")
	t.fact("Supported", "%s", supported)
	t.fact("Allow", "%s", headerOf([]byte(first), "Allow"))
	switch {
	case strings.Contains(supported, "x-sipura"):
		t.settle("sip_features", "x-sipura")
	case strings.Contains(supported, "replaces"):
		t.settle("sip_features", "replaces")
	}
	long, short := 0, 0
	for range often {
		m := aTag.FindStringSubmatch(headerOf([]byte(t.say("OPTIONS")), "To"))
		switch {
		case m == nil:
		case len(m[1]) == whole:
			long++
		default:
			short++
		}
	}
	t.fact("tags", "%d with %d digits, %d with less", long, whole, short)
	switch {
	case short > 0:
		t.settle("sip_numbers", "bare")
	case long == often:
		t.settle("sip_numbers", "padded")
	}
}

// optionsForm returns which form an answer to OPTIONS has.
func optionsForm(answer string) string {
	switch {
	case !strings.HasPrefix(answer, "SIP/2.0 "):
		return "stray"
	case headerOf([]byte(answer), "CSeq") == "":
		return "no_cseq"
	}
	return "whole"
}

// events are those that are tried before the phone lets anybody order something: the first
// two need a login then, and the others order nothing.
var events = []string{"resync", "check-sync", "keep-alive", "ping", "presence", "dialog", "telephone-event", "call-info", "as-feature-event", "nothing"}

// sipEvents sends a NOTIFY of each event while the phone asks who orders a resync.
func sipEvents(t *sipTrial) {
	t.boots = true
	t.letIn(false)
	for _, event := range events {
		answer := t.say("NOTIFY", "Event: "+event)
		if t.failed == nil && answer == "" && event == events[0] {
			t.fail("the phone has no answer to a NOTIFY at %s", t.to)
			return
		}
		t.fact("NOTIFY "+event, "%s", statusOf(answer))
		if event != events[0] {
			continue
		}
		challenge := headerOf([]byte(answer), "WWW-Authenticate")
		switch {
		case challenge == "":
			t.fact("challenge", "none")
			return // the next ones would be done
		case strings.Contains(challenge, "qop="):
			t.settle("sip_challenge", "qop")
		case strings.HasPrefix(challenge, "Digest "):
			t.settle("sip_challenge", "plain")
		}
		t.fact("challenge", "%s", withoutNonce.ReplaceAllString(challenge, `nonce="…"`))
	}
}

var withoutNonce = regexp.MustCompile(`nonce="[^"]*"`)

// letIn sets whether a NOTIFY may order a resync without a login, where the phone's own
// settings are known.
func (t *sipTrial) letIn(all bool) {
	for name, value := range map[string]string{"Auth_Resync-Reboot_1_": map[bool]string{false: "Yes", true: "No"}[all], "Resync_From_SIP": "Yes"} {
		if _, known := t.s.back[name]; known && t.s.phone.has(name) {
			t.set(name, value)
		}
	}
	t.visit()
	t.comesHome() // one that restarts for it has done so
}

// sipResync has a NOTIFY order a resync while the phone has a minute between its visits.
func sipResync(t *sipTrial) {
	const period, soon = "90", 30 * time.Second
	t.boots = true
	t.letIn(true)
	t.set("Resync_Periodic", period)
	t.visit()
	t.comes(t.s.q.Patience, func(q request) bool { return q.place == "same" || q.place == "read" })
	answer := t.say("NOTIFY", "Event: resync")
	t.fact("NOTIFY resync without a login", "%s", statusOf(answer))
	defer func() { // it comes home again soon
		t.set("Resync_Periodic", t.s.base["Resync_Periodic"])
		t.say("NOTIFY", "Event: resync")
		t.visit()
	}()
	if !strings.HasPrefix(statusOf(answer), "200") {
		return
	}
	isHome := func(q request) bool { return q.place == "home" }
	list, came := t.await(soon, func(list []request) bool { return slices.ContainsFunc(list, isHome) })
	if !came {
		t.fact("resync", "none within %v", soon)
		return
	}
	cause := list[slices.IndexFunc(list, isHome)].cause()
	t.fact("$PRVST", "%s", cause)
	if cause == "-1" || cause == "1" {
		t.settle("prvst_notify", cause)
	}
}
