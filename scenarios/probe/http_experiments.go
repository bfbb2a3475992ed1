package probe

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"spafleet/device/measure"
)

var httpExperiments = slices.Concat(httpAnswers, httpWaits, httpForms)

// httpAnswers are about what the phone asks, and what an answer's status has it do.
var httpAnswers = []*experiment{
	{
		name: "http-request", question: "Which bytes does the phone send for a GET, and does it keep the connection?",
		settles: []string{"http_version"}, takes: passesAnd(3, 10*time.Second), run: httpRequest,
	},
	{
		name: "http-interim", question: "Does the phone pass over 100 Continue?",
		settles: []string{"interim_answers"}, takes: passes(3), run: httpInterim,
	},
	{
		name: "http-redirects", question: "Which redirects does the phone follow?",
		settles: []string{"redirects", "redirect_location"}, takes: passes(13), run: httpRedirects,
	},
	{
		name: "http-redirect-places", question: "To how many places does the phone follow the redirects of one file?",
		settles: []string{"redirect_places"}, takes: passes(3), run: httpRedirectPlaces,
	},
	{
		name: "http-post", question: "How does the phone send a POST, and what becomes of it where it is redirected?",
		settles: []string{"post_type", "redirected_post"}, takes: passes(5), run: httpPost,
	},
	{
		name: "http-login", question: "How does the phone answer where a server asks for a user and password?",
		settles: []string{"http_auth", "digest_count"}, takes: passes(5), run: httpLogin,
	},
	{
		name: "http-missing", question: "Which statuses mean to the phone that there is no such file?",
		settles: []string{"http_missing"}, needs: []string{"Resync_Fails_On_FNF"}, takes: passes(15), run: httpMissing,
	},
	{
		name: "http-repeats", question: "How often does the phone ask again at once after a failure?",
		settles: []string{"get_repeats"}, takes: passes(5), run: httpRepeats,
	},
	{
		name: "http-backoff", question: "Does ####503#n# at the start of a file send the phone away for n seconds?",
		settles: []string{"backoff_marker"}, takes: passes(8), run: httpBackoff,
	},
}

// httpRequest takes down a request, and holds the connection after an answer that would let
// the phone keep it.
func httpRequest(t *trial) {
	var again atomic.Bool
	name := t.serve(func(x *exchange) {
		x.send("HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nConnection: keep-alive\r\n" + lengthOf(nothing) + "\r\n" + nothing)
		_, more := x.again(2 * t.s.q.Pace)
		again.Store(more)
	})
	asked := t.ask(t.url(name))
	if len(asked) == 0 {
		return
	}
	q := asked[0]
	t.factBytes("request", q.head)
	switch {
	case again.Load():
		t.fact("kept connection", "it sent another request by it")
	case q.ended.IsZero() || q.ended.Sub(q.at) >= 2*t.s.q.Pace:
		t.fact("kept connection", "it neither used nor closed it within %s", measure.Format(2*t.s.q.Pace))
	default:
		t.factTime("kept connection closed after", q.ended.Sub(q.at))
	}
	if v := q.version(); v == "1.0" || v == "1.1" {
		t.settle("http_version", v)
	}
}

func lengthOf(body string) string { return fmt.Sprintf("Content-Length: %d\r\n", len(body)) }

// httpInterim puts an answer 100 in front of the file.
func httpInterim(t *trial) {
	file := t.profile("after", "")
	count := taken(t, func(x *exchange) {
		x.send("HTTP/1.1 100 Continue\r\n\r\n")
		x.give(file)
	})
	t.fact("file behind 100 Continue", "%s", tookWords[count])
	t.settle("interim_answers", map[bool]string{true: "skip", false: "final"}[count])
}

var tookWords = map[bool]string{true: "taken", false: "not taken"}

// tookFact notes whether a file counted.
func tookFact(t *trial, what, value string, ok bool) {
	switch {
	case !ok:
		t.fact(what, "it was not asked for")
	case value == "after" || value == "before":
		t.fact(what, "%s", tookWords[value == "after"])
	default:
		t.fact(what, "taken as something else: %.40q", value)
	}
}

// redirectSets are which statuses are followed for each value of the switch.
var redirectSets = map[string]string{"": "fail", "301 302": "moved", "301 302 303 307 308": "follow"}

// httpRedirects sends the phone to another path by each status, and by the first that it
// follows once more with a Location that is a path alone.
func httpRedirects(t *trial) {
	var followed []string
	for _, code := range []int{301, 302, 303, 307, 308} {
		if redirected(t, code, t.url) {
			followed = append(followed, strconv.Itoa(code))
		}
	}
	value, fits := redirectSets[strings.Join(followed, " ")]
	if fits {
		t.settle("redirects", value)
	}
	if len(followed) == 0 {
		t.settle("redirect_location", "any", "absolute")
		return
	}
	code, _ := strconv.Atoi(followed[0])
	if redirected(t, code, func(name string) string { return t.s.path(t.place + "/" + name) }) {
		t.settle("redirect_location", "any")
	} else {
		t.settle("redirect_location", "absolute")
	}
}

// redirected reports whether the phone follows a redirect to a file's location.
func redirected(t *trial, code int, location func(name string) string) bool {
	to := t.serve(nil)
	from := t.serve(func(x *exchange) { x.status(code, "", "Location: "+location(to)) })
	asked := t.ask(t.url(from))
	follows := slices.ContainsFunc(asked, func(q request) bool { return q.name == to })
	form := "path alone"
	if strings.Contains(location(to), "://") {
		form = "whole URL"
	}
	t.fact(fmt.Sprintf("answer %d with a %s", code, form), "%s", map[bool]string{true: "followed", false: "not followed"}[follows])
	return follows
}

// mostPlaces is the largest number of places that the switch has.
const mostPlaces = 20

// httpRedirectPlaces sends the phone on from each place to the next.
func httpRedirectPlaces(t *trial) {
	name := t.serve(func(x *exchange) {
		n, _ := strconv.Atoi(x.rest)
		if n > mostPlaces {
			x.give(nothing)
			return
		}
		x.status(http.StatusFound, "", fmt.Sprintf("Location: %s/%d", t.url(x.name), n+1))
	})
	last := 0
	for _, q := range t.ask(t.url(name) + "/1") {
		n, _ := strconv.Atoi(q.rest)
		last = max(last, n)
	}
	t.fact("asked at", "%s", measure.Counted(last, "place"))
	if last > 1 && last <= mostPlaces {
		t.settle("redirect_places", strconv.Itoa(last))
	}
}

// httpPost has the phone send a POST with the text of a GPP parameter, and redirects one.
func httpPost(t *trial) {
	t.set("GPP_"+t.letters.more, "x=1")
	option := "[--post " + strings.ToLower(t.letters.more) + "] "
	plain := t.serve(nil)
	asked := t.ask(option + t.url(plain))
	if len(asked) == 0 || asked[0].method != http.MethodPost {
		return
	}
	t.factBytes("request", asked[0].head)
	t.factBytes("body", asked[0].body)
	kind := headerOf(asked[0].head, "Content-Type")
	if kind == "" {
		kind = "none"
	}
	t.settle("post_type", kind)

	to := t.serve(nil)
	from := t.serve(func(x *exchange) { x.status(http.StatusFound, "", "Location: "+t.url(to)) })
	methods := map[string]string{http.MethodPost: "post", http.MethodGet: "get"}
	asked = t.ask(option + t.url(from))
	i := slices.IndexFunc(asked, func(q request) bool { return q.name == to })
	switch {
	case i < 0:
		t.fact("answer 302 to a POST", "not followed")
		t.settle("redirected_post", "post", "get")
	case methods[asked[i].method] != "":
		t.fact("answer 302 to a POST", "followed with %s", asked[i].method)
		t.settle("redirected_post", methods[asked[i].method])
	}
}

// httpLogin asks for a user and password by Basic, and then twice by Digest with one nonce.
func httpLogin(t *trial) {
	basic := challenged(t, `Basic realm="probe"`, 1)
	digest := challenged(t, `Digest realm="probe", nonce="70726f6265", qop="auth"`, 2)
	for _, text := range slices.Concat(basic, digest) {
		t.fact("Authorization", "%s", text)
	}
	proof := "Basic " + base64.StdEncoding.EncodeToString([]byte("u:p"))
	byDigest := len(digest) > 0 && strings.HasPrefix(digest[0], "Digest ")
	switch {
	case len(basic) == 0 && len(digest) == 0:
		t.settle("http_auth", "none")
		t.settle("digest_count", "rises", "one")
	case len(basic) > 0 && basic[0] == proof && byDigest:
		t.settle("http_auth", "basic_digest")
	}
	if byDigest && len(digest) > 1 {
		counts := map[string]string{"00000001": "one", "00000002": "rises"}
		if value := counts[fieldOf(digest[1], "nc")]; value != "" && fieldOf(digest[0], "nc") == "00000001" {
			t.settle("digest_count", value)
		}
	}
}

// challenged has the phone asked for a user and password, again where it has answered fewer
// times than that, and returns its answers.
func challenged(t *trial, challenge string, times int) (answers []string) {
	var count atomic.Int32
	name := t.serve(func(x *exchange) {
		if headerOf(x.head, "Authorization") == "" || int(count.Add(1)) < times {
			x.status(http.StatusUnauthorized, "", "WWW-Authenticate: "+challenge)
			return
		}
		x.give(nothing)
	})
	for _, q := range t.ask("[--uid u --pwd p] " + t.url(name)) {
		if text := headerOf(q.head, "Authorization"); text != "" {
			answers = append(answers, text)
		}
	}
	return answers
}

// fieldOf returns the value of a field of a Digest, without its quotes.
func fieldOf(header, name string) string {
	_, list, _ := strings.Cut(header, " ")
	for part := range strings.SplitSeq(list, ",") {
		if n, value, _ := strings.Cut(strings.TrimSpace(part), "="); n == name {
			return strings.Trim(value, `"`)
		}
	}
	return ""
}

// missingSets are which statuses say that there is no file for each value of the switch.
var missingSets = map[string]string{"404": "404", "404 500 501 502 503": "404_500-503"}

// httpMissing answers with each status while a missing file counts as a success: then the
// next visit is due to the period, else it is a retry.
func httpMissing(t *trial) {
	t.set("Resync_Fails_On_FNF", "No")
	var list []string
	for _, code := range []int{403, 404, 500, 501, 502, 503, 504} {
		absent, seen := absentBy(t, func(x *exchange) { x.status(code, "") }, t.url)
		if !seen {
			return
		}
		if absent {
			list = append(list, strconv.Itoa(code))
		}
		t.fact(fmt.Sprintf("answer %d", code), "%s", absentWords[absent])
	}
	if value := missingSets[strings.Join(list, " ")]; value != "" {
		t.settle("http_missing", value)
	}
}

var absentWords = map[bool]string{true: "a missing file", false: "a failure"}

// absentBy reports whether the phone takes an answer for a missing file, while
// Resync_Fails_On_FNF is off. Not seen: it was not asked, or its next visit does not say why.
func absentBy(t *trial, a answer, rule func(name string) string) (absent, seen bool) {
	asked := t.ask(rule(t.serve(a)))
	if len(asked) == 0 {
		return false, false
	}
	return tookForAbsent(t, asked[0])
}

// tookForAbsent is absentBy of a request that had its answer.
func tookForAbsent(t *trial, q request) (absent, seen bool) {
	switch next, _ := t.nextHome(q); next.cause() {
	case "1":
		return true, true
	case "2":
		return false, true
	}
	return false, false
}

// httpRepeats counts requests of one pass: where the server refuses, and where it closes the
// connection without a word.
func httpRepeats(t *trial) {
	refused := len(t.ask(t.url(t.serve(func(x *exchange) { x.status(http.StatusForbidden, "") })))) - 1
	closed := len(t.ask(t.url(t.serve(func(*exchange) {})))) - 1
	t.fact("after answer 403", "asked again %s", measure.Counted(refused, "time"))
	t.fact("after a closed connection", "asked again %s", measure.Counted(closed, "time"))
	if refused == closed && refused >= 0 {
		t.settle("get_repeats", strconv.Itoa(refused))
	}
}

// httpBackoff sends a file that begins with the mark. Where it is none, the file is no
// profile, and the phone tries again after its retry delay.
func httpBackoff(t *trial) {
	wait := 5 * t.s.q.Pace
	mark := fmt.Sprintf("####503#%d#\n", int(wait/time.Second))
	asked := t.ask(t.url(t.serve(func(x *exchange) { x.give(mark) })))
	if len(asked) == 0 {
		return
	}
	next, ok := t.nextHome(asked[0])
	away := next.at.Sub(asked[0].at)
	t.factTime("next visit after", away)
	switch {
	case !ok:
	case away >= wait:
		t.settle("backoff_marker", "on")
	case away < wait/2:
		t.settle("backoff_marker", "off")
	}
}
