package probe

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"spafleet/device/measure"
)

// httpWaits are about how long the phone waits, and how much it takes.
var httpWaits = []*experiment{
	{
		name: "http-silence", question: "How long does the phone wait for the next bytes of an HTTP server?",
		settles: []string{"http_read_wait"}, takes: passesAnd(6, time.Minute), times: 1, run: httpSilence,
	},
	{
		name: "http-trickle", question: "How long does the phone put up with a server that sends a byte now and then?",
		settles: []string{"http_whole_waits"}, after: []string{"http-silence"}, takes: passesAnd(4, 5*time.Minute), times: 1, run: httpTrickle,
	},
	{
		name: "http-connect", question: "How long does the phone wait for a TCP connection?",
		settles: []string{"http_connect_wait"}, after: []string{"http-repeats"}, takes: passesAnd(6, 15*time.Second), run: httpConnect,
	},
	{
		name: "http-head-size", question: "How many bytes may the head of an HTTP answer have?",
		settles: []string{"http_header_size"}, takes: passes(30), times: 1, run: httpHeadSize,
	},
}

// firstly gives an answer once, and a right file after that: a phone that repeats a request is
// not to wait again.
func firstly(a answer) answer {
	var done atomic.Bool
	return func(x *exchange) {
		if done.Swap(true) {
			x.give(nothing)
			return
		}
		a(x)
	}
}

// httpSilence says nothing, and then once more nothing behind the head of an answer.
func httpSilence(t *trial) {
	first, ok := patienceOf(t, func(x *exchange) { x.left(aLongWait) })
	if !ok {
		return
	}
	t.factTime("wait for the first byte", first)
	rest, ok := patienceOf(t, func(x *exchange) {
		x.send("HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nContent-Length: 1000\r\n\r\n<flat-profile>\n")
		x.left(aLongWait)
	})
	if !ok {
		return
	}
	t.factTime("wait for the next byte", rest)
	if (rest - first).Abs() < time.Second {
		t.settleTime("http_read_wait", first)
	}
}

// patienceOf returns how long the phone stays with an answer that goes on until it leaves.
func patienceOf(t *trial, a answer) (time.Duration, bool) {
	asked := t.ask(t.url(t.serve(firstly(a))))
	if len(asked) == 0 || asked[0].ended.IsZero() {
		return 0, false
	}
	return asked[0].ended.Sub(asked[0].at), true
}

// httpTrickle sends a byte in each third of the wait for the next one.
func httpTrickle(t *trial) {
	wait, err := measure.Positive(t.s.value("http_read_wait"))
	if err != nil {
		t.fail("it rests on http_read_wait, which is not known")
		return
	}
	const most = aLongWait - time.Minute
	took, ok := patienceOf(t, func(x *exchange) {
		x.send("HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nContent-Length: 10000\r\n\r\n<flat-profile>\n")
		for began := time.Now(); time.Since(began) < most; x.send("\n") {
			if x.left(wait / 3) {
				return
			}
		}
	})
	switch {
	case !ok:
		return
	case took >= most:
		t.fail("the phone still waited after %s", measure.Format(most))
		return
	}
	t.factTime("whole wait", took)
	if took < wait-wait/10 {
		return // it left for another reason
	}
	t.settle("http_whole_waits", strconv.Itoa(int((took+wait/2)/wait)))
}

// httpConnect names a port that answers no SYN. A connection that is refused by a status shows
// how long after a failure the phone comes home; the rest is the wait.
func httpConnect(t *trial) {
	repeats, err := strconv.Atoi(t.s.value("get_repeats"))
	if err != nil {
		t.fail("it rests on get_repeats, which is not known")
		return
	}
	asked := t.ask(t.url(t.serve(func(x *exchange) { x.status(http.StatusForbidden, "") })))
	if len(asked) == 0 {
		return
	}
	last := asked[len(asked)-1]
	delay := t.homeAfter(last).Sub(last.at)
	t.set("GPP_"+t.letters.rule, fmt.Sprintf("http://%s/x", t.deaf()))
	t.visit()
	next := t.comes(aLongWait, func(q request) bool { return q.place == "home" })
	if t.failed != nil {
		return
	}
	read := lastBefore(t.s.server.since(0), next.at)
	wait := (next.at.Sub(read.ended) - delay) / time.Duration(1+repeats)
	t.factTime("wait for a connection", wait)
	t.settleTime("http_connect_wait", wait)
}

// lastBefore returns the last request before a moment.
func lastBefore(list []request, at time.Time) (last request) {
	for _, q := range list {
		if q.at.Before(at) {
			last = q
		}
	}
	return last
}

// httpHeadSize finds out how long the head of an answer may be whose file counts.
func httpHeadSize(t *trial) {
	file := t.profile("after", "")
	size, ok := largest(t, 256, 1<<20, func(n int) bool {
		return taken(t, func(x *exchange) { x.send(headOf(n, file) + file) })
	})
	if ok {
		t.fact("longest head that was taken", "%d bytes", size)
		t.settle("http_header_size", strconv.Itoa(size))
	}
}

// headOf returns the head of an answer with the file, of so many bytes: at least 256.
func headOf(n int, file string) string {
	head := "HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\n" + lengthOf(file) + "Connection: close\r\n"
	var b strings.Builder
	b.WriteString(head)
	for left := n - len(head) - len("\r\n"); left > 0; {
		line := left
		if left > 160 {
			line = 80
		}
		b.WriteString("X-Fill: " + strings.Repeat("x", line-len("X-Fill: \r\n")) + "\r\n")
		left -= line
	}
	b.WriteString("\r\n")
	return b.String()
}

// taken reports whether a file of a value "after" counts.
func taken(t *trial, a answer) bool {
	value, ok := t.applied(t.url, a)
	if !ok || !slices.Contains([]string{"before", "after"}, value) {
		t.fail("it could not be read whether the phone took the file")
	}
	return t.failed == nil && value == "after"
}

// largest returns the largest number up to which held is true. False: it is not true of the
// least, or of all up to the most.
func largest(t *trial, least, most int, held func(int) bool) (int, bool) {
	if !held(least) {
		return 0, false
	}
	low, high := least, 2*least
	for held(high) {
		if high >= most {
			return high, false
		}
		low, high = high, min(2*high, most)
	}
	if high > low+1 && !held(low+1) { // often a power of two
		high = low + 1
	}
	for high > low+1 && t.failed == nil {
		if middle := low + (high-low)/2; held(middle) {
			low = middle
		} else {
			high = middle
		}
	}
	return low, true
}
