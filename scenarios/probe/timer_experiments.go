package probe

import "time"

var timerExperiments = []*experiment{
	{
		name: "prvtmr", question: "Does $PRVTMR count from the start of a resync or from its end?",
		settles: []string{"prvtmr_from"}, takes: passesAnd(4, 12*time.Second), run: prvtmr,
	},
	{
		name: "retry-zero", question: "What does the phone do after a failure when Resync_Error_Retry_Delay is 0?",
		settles: []string{"error_retry_zero"}, needs: []string{"Resync_Trigger_1", "Resync_Error_Retry_Delay"}, after: []string{"trigger"},
		takes: passesAnd(4, 40*time.Second), times: 1, run: retryZero,
	},
	{
		name: "retry-list", question: "How does the phone read the list 3,6+6 in Resync_Error_Retry_Delay?",
		needs: []string{"Resync_Error_Retry_Delay"}, takes: passesAnd(3, 40*time.Second), times: 1, run: retryList,
	},
	{
		name: "period-list", question: "How does the phone read the list 3,6+6 in Resync_Periodic?",
		takes: passesAnd(3, 40*time.Second), times: 1, run: periodList,
	},
	{
		name: "daily", question: "When does the phone resync by Resync_At, and does Resync_Periodic count beside it?",
		needs: []string{"Resync_At__HHmm_", "Resync_At_Random_Delay", "Resync_Trigger_1", "Time_Zone"},
		takes: passesAnd(2, 2*time.Minute), times: 1, run: daily,
	},
}

// slowly answers with a right file once some time has passed.
func slowly(wait time.Duration) answer {
	return func(x *exchange) {
		if !x.left(wait) {
			x.give(nothing)
		}
	}
}

// prvtmr makes a resync last, and looks what $PRVTMR is in the next one.
func prvtmr(t *trial) {
	asked := t.ask(t.url(t.serve(slowly(6 * time.Second))))
	if len(asked) == 0 {
		return
	}
	slow := asked[0]
	start, next := homesAround(t, slow)
	told, ok := next.timer()
	whole, rest := next.at.Sub(start.at), next.at.Sub(slow.ended)
	t.factTime("$PRVTMR of the next resync", told)
	t.factTime("since the start", whole)
	t.factTime("since the end", rest)
	near := func(d time.Duration) bool { return (told - d).Abs() <= 1500*time.Millisecond }
	switch {
	case !ok:
	case near(whole) && !near(rest):
		t.settle("prvtmr_from", "start")
	case near(rest) && !near(whole):
		t.settle("prvtmr_from", "end")
	}
}

// homesAround returns the visits home before and after a request.
func homesAround(t *trial, q request) (before, after request) {
	for _, h := range t.s.server.since(0) {
		switch {
		case h.place != "home":
		case !h.at.After(q.at):
			before = h
		default:
			return before, h
		}
	}
	return before, after
}

// safetyNet is a Resync_Trigger that brings home a phone that does not come by itself.
func safetyNet(after string) string { return "$PRVTMR ge " + after }

// backHome waits for a phone that may stay away, and has it ordered then. Alone says that it
// came by itself.
func backHome(t *trial, within time.Duration) (q request, alone bool) {
	home := func(q request) bool { return q.place == "home" }
	list, ok := t.await(within, hasAny(home))
	if ok {
		return t.comes(within, home), true
	}
	t.mark += len(list)
	t.order(t.s.door())
	return t.comes(t.s.q.Patience, home), false
}

// calm has the phone take its own values, or those between experiments, of some parameters.
func calm(t *trial, names ...string) {
	var pairs []string
	for _, name := range names {
		value, ok := t.s.base[name]
		if !ok {
			value = t.s.back[name]
		}
		pairs = append(pairs, name, value)
	}
	t.set(pairs...)
}

// retryZero lets one resync fail. A phone that does not try again comes by its trigger, a
// while later.
func retryZero(t *trial) {
	const net = 40 * time.Second
	t.set("Resync_Error_Retry_Delay", "0", "Resync_Fails_On_FNF", "Yes", "Resync_Trigger_1", safetyNet("40"))
	t.visit()
	t.home(missing)
	failed := t.visit()
	t.home(nil)
	calm(t, "Resync_Error_Retry_Delay", "Resync_Trigger_1")
	q, alone := backHome(t, net+20*time.Second)
	away := q.at.Sub(failed.ended)
	if !alone {
		t.fact("after the failure", "the phone did not come by itself")
	} else {
		t.factTime("came after", away)
		t.fact("came with $PRVST", "%s", q.cause())
	}
	switch {
	case alone && away <= 3*time.Second && q.cause() == "2":
		t.settle("error_retry_zero", "at_once")
	case !alone || away >= net-2*time.Second:
		t.settle("error_retry_zero", "never")
	}
}

// listed is a list of waits whose elements are told apart: at most 3 s, and at least 6.
const listed = "3,6+6"

// retryList lets some resyncs fail.
func retryList(t *trial) {
	t.set("Resync_Error_Retry_Delay", listed, "Resync_Fails_On_FNF", "Yes")
	t.visit()
	t.home(missing)
	t.visit()
	visits(t, 4)
	t.home(nil)
	calm(t, "Resync_Error_Retry_Delay")
	t.visit()
}

// periodList lets some resyncs pass.
func periodList(t *trial) {
	t.set("Resync_Periodic", listed)
	t.visit()
	visits(t, 4)
	calm(t, "Resync_Periodic")
	t.visit()
}

// visits notes how long the phone waits before each of the next visits home.
func visits(t *trial, n int) {
	for range n {
		next := t.comesHome()
		t.factTime("wait, $PRVST "+next.cause(), next.at.Sub(endBefore(t, next)))
	}
}

// daily sets a time of day that comes soon by the phone's time zone. A phone whose clock shows
// something else, as in summer, comes by its trigger.
func daily(t *trial) {
	zone, err := time.Parse("GMT-07:00", t.s.back["Time_Zone"])
	if err != nil {
		t.fact("Time_Zone", "%q is no zone that the probe can read", t.s.back["Time_Zone"])
		return
	}
	due := time.Now().Add(time.Minute + 4*t.s.q.Pace).Truncate(time.Minute)
	t.set("Resync_At__HHmm_", due.In(zone.Location()).Format("1504"), "Resync_At_Random_Delay", "0", "Resync_Trigger_1", safetyNet("150"))
	last := t.visit()
	calm(t, "Resync_At__HHmm_", "Resync_Trigger_1")
	t.set("Resync_At_Random_Delay", t.s.back["Resync_At_Random_Delay"])
	q, alone := backHome(t, 3*time.Minute)
	late := q.at.Sub(due)
	switch {
	case !alone:
		t.fact("with Resync_At", "the phone did not come by itself")
	case q.at.Sub(last.at) <= 2*t.s.q.Pace:
		t.fact("with Resync_At", "Resync_Periodic counts all the same")
	case late.Abs() <= 30*time.Second:
		t.fact("with Resync_At", "the phone came at that time, $PRVST is %s; Resync_Periodic did not count", q.cause())
		t.factTime("later than the time of day", late)
	default:
		t.fact("with Resync_At", "the phone came at another time")
		t.factTime("later than the time of day", late)
	}
	t.visit()
}
