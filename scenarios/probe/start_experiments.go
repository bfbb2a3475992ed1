package probe

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

// warmStart restarts the phone, and takes down how long it is away: from the end of its last
// request to the next one. Where it does not resync at the start, it comes a period later.
func warmStart(t *trial) {
	var away []time.Duration
	var causes []string
	for range 2 {
		_, first := t.restart()
		d := first.at.Sub(endBefore(t, first))
		t.fact("first visit after the restart", "$PRVST is %s", first.cause())
		t.factTime("away", d)
		if first.cause() == "1" {
			d -= t.s.q.Pace
		}
		away, causes = append(away, d), append(causes, first.cause())
	}
	switch strings.Join(causes, " ") {
	case "0 0":
		t.settle("resync_after_param_reboot", "yes")
	case "1 1":
		t.settle("resync_after_param_reboot", "no")
	default:
		return
	}
	settleMiddle(t, "reboot_time", away)
}

// coldStart has the phone unplugged, and takes down when it comes.
func coldStart(t *trial) {
	t.set("Resync_Random_Delay", "0")
	t.visit()
	var boots []time.Duration
	for range 2 {
		at, first := t.power()
		t.factTime("from the power to the first request", first.at.Sub(at))
		boots = append(boots, first.at.Sub(at))
	}
	settleMiddle(t, "boot_time", boots)
}

// settleMiddle settles a duration by the middle one of several, where they are much alike.
func settleMiddle(t *trial, name string, list []time.Duration) {
	slices.Sort(list)
	middle := list[len(list)/2]
	if list[0] >= 0 && list[len(list)-1]-list[0] <= 2*time.Second+middle/5 {
		t.settleTime(name, middle)
	}
}

// endBefore returns when the request before another one had its answer.
func endBefore(t *trial, q request) (end time.Time) {
	for _, r := range t.s.server.since(0) {
		if r.at.Equal(q.at) && r.rest == q.rest && r.place == q.place {
			break
		}
		end = r.ended
	}
	return end
}

// ownStart restarts the phone, or has it unplugged where it does not resync after a restart
// by parameters, and returns how long it was away.
func ownStart(t *trial) time.Duration {
	if t.s.value("resync_after_param_reboot") == "no" {
		at, first := t.power()
		return first.at.Sub(at)
	}
	t.starts()
	first := t.comes(t.s.q.Patience+longestDelay, func(q request) bool { return q.place == "home" })
	if !first.booted() {
		t.fail("the phone did not resync after a restart")
	}
	return first.at.Sub(endBefore(t, first))
}

// The delay that random-delay sets, and what a start may vary by itself.
const (
	delayUnits  = 5
	startSpread = 3 * time.Second
)

// randomDelay starts the phone without a delay, and then with one. A delay longer than the
// unit of a second allows proves the other; after three that are not, the other is unlikely.
func randomDelay(t *trial) {
	t.set("Resync_Random_Delay", "0")
	t.visit()
	bare := ownStart(t)
	t.set("Resync_Random_Delay", strconv.Itoa(delayUnits))
	t.visit()
	unit, last := "1s", time.Duration(0)
	for i := range 3 {
		d := ownStart(t) - bare
		t.factTime("first request later than without a delay", d)
		if d < -startSpread || d > delayUnits*20*time.Second+startSpread {
			return
		}
		if d > delayUnits*time.Second+startSpread {
			unit = "20s"
		}
		if i > 0 {
			t.fact("the delay of another start", "%s", map[bool]string{true: "much the same", false: "another one"}[(d-last).Abs() < time.Second])
		}
		if last = d; unit == "20s" && i > 0 {
			break
		}
	}
	if unit == "1s" {
		t.fact("certainty", "with a unit of 20 s three such short delays come once in 2000 times, if each start has a delay of its own")
	}
	t.settle("random_delay_unit", unit)
}

// orderedDelay has a resync ordered without a random delay and with one. A person who opens
// the page later than asked cannot be told from a phone that waits.
func orderedDelay(t *trial) {
	prompt := orderTakes(t, "0")
	t.factTime("without a delay the order took", prompt)
	if prompt > 2*time.Second {
		t.settle("explicit_delay", "none", "random")
		return
	}
	units := map[string]string{"1s": "10", "20s": "1"}[t.s.value("random_delay_unit")]
	if units == "" {
		units = "2"
	}
	for range 3 {
		d := orderTakes(t, units)
		t.factTime("with Resync_Random_Delay "+units+" the order took", d)
		if d > prompt+2*time.Second {
			t.settle("explicit_delay", "random")
			return
		}
	}
	t.settle("explicit_delay", "none")
}

// orderTakes returns how long it takes from an order until the phone asks for its file.
func orderTakes(t *trial, units string) time.Duration {
	t.set("Resync_Random_Delay", units)
	t.idle()
	name := t.serve(nil)
	at := time.Now() // a phone may ask before it has answered the order
	t.order(t.url(name))
	q := t.comes(t.s.q.Patience, func(q request) bool { return q.place == t.place && q.name == name })
	return q.at.Sub(at)
}
