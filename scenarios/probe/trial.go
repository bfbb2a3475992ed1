package probe

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"

	"spafleet/device/measure"
	"spafleet/device/observed"
)

// ErrDeclined says that the person did not want to go on, ErrNotRestored that the phone has
// not its own settings.
var (
	ErrDeclined    = errors.New("nothing was done: the phone is as it was")
	ErrNotRestored = errors.New("the phone did not take its settings back: once it answers again, order http://PHONE/admin/resync with a URL of the file that has them")
)

// A route is how a name of an experiment is answered; nil: with a right file.
type route struct {
	http answer
	tftp reply
}

// A trial is one go of an experiment. After something went wrong, its methods do nothing
// and return zero values; an experiment need not look.
type trial struct {
	ctx        context.Context
	s          *session
	experiment *experiment
	place      string // of its files
	letters    letters

	routes  map[string]route // under the session's lock
	fresh   []string         // names that were served since the last ask
	mark    int              // of the server's requests: what is before was seen
	boots   bool             // the phone is expected to restart
	cleanup []func()

	values    map[string][]string // by switch: what it may be
	facts     []observed.Fact
	failed    error
	disturbed string // something that spoils the result
}

// check looks for what spoils a result.
func (t *trial) check() {
	t.s.mu.Lock()
	mixed := t.s.mixed
	t.s.mu.Unlock()
	switch {
	case t.failed != nil:
	case mixed:
		t.disturbed = "another device asked from the phone's address"
	case !t.boots && t.s.value("any_change_reboots") != "yes" && slices.ContainsFunc(t.s.server.since(0), request.booted):
		t.disturbed = "the phone restarted in the middle"
	}
}

// booted reports whether a visit home is the first since the phone's start.
func (q request) booted() bool { return q.place == "home" && q.cause() == "0" }

// cause returns $PRVST of a visit home.
func (q request) cause() string {
	_, rest, _ := strings.Cut(q.rest, "/")
	cause, _, _ := strings.Cut(rest, "/")
	return cause
}

// fail ends the trial without a result.
func (t *trial) fail(format string, args ...any) {
	if t.failed == nil {
		t.failed = fmt.Errorf(format, args...)
	}
}

// settle says which value of a switch explains what was seen; several say that it is one of
// them.
func (t *trial) settle(name string, values ...string) {
	if t.failed == nil {
		t.values[name] = values
	}
}

// settleTime settles a switch that is a duration, to a tenth of a second, or to a second
// from twenty on.
func (t *trial) settleTime(name string, d time.Duration) {
	step := 100 * time.Millisecond
	if d >= 20*time.Second {
		step = time.Second
	}
	t.settle(name, measure.Format(d.Round(step)))
}

// fact notes what was seen.
func (t *trial) fact(what, format string, args ...any) {
	t.note(observed.Fact{What: what, Text: fmt.Sprintf(format, args...)})
}

func (t *trial) note(f observed.Fact) {
	if t.failed == nil {
		f.Experiment = t.experiment.name
		t.facts = append(t.facts, f)
	}
}

// factTime notes a time, factBytes bytes.
func (t *trial) factTime(what string, d time.Duration) {
	if d <= 0 { // two clocks may differ by a moment
		t.fact(what, "no time")
		return
	}
	t.note(observed.Fact{What: what, Nanoseconds: int64(d)})
}

func (t *trial) factBytes(what string, b []byte) {
	t.note(observed.Fact{What: what, Hex: hex.EncodeToString(b[:min(len(b), 2048)])})
}

// set lets the phone have parameters from its next visit on, as name and value in turn. A
// parameter that cannot be given back is refused.
func (t *trial) set(pairs ...string) { t.s.want(t.pairs(pairs), nil) }

// once gives parameters in the answer to the next visit alone.
func (t *trial) once(pairs ...string) { t.s.want(nil, t.pairs(pairs)) }

func (t *trial) pairs(list []string) map[string]string {
	all := map[string]string{}
	fresh := false
	for i := 0; i+1 < len(list); i += 2 {
		name := list[i]
		if _, known := t.s.back[name]; !known {
			t.fail("the phone's own %s is not known, so that it could not be given back", name)
			return nil
		}
		_, base := t.s.base[name]
		t.s.mu.Lock()
		fresh = fresh || !base && !t.s.changed[name]
		t.s.changed[name] = true
		t.s.mu.Unlock()
		all[name] = list[i+1]
	}
	if fresh && t.failed == nil { // before it changes, for a program that is killed
		if err := t.s.keep(); err != nil {
			t.fail("%w", err)
			return nil
		}
	}
	return all
}

// serve has a name of the experiment's files answered over HTTP and HTTPS, and returns it.
// Nil answers with a right file.
func (t *trial) serve(a answer) string { return t.route(route{a, nil}) }

// serveTFTP does so for TFTP.
func (t *trial) serveTFTP(r reply) string { return t.route(route{nil, r}) }

func (t *trial) route(r route) string {
	if r.http == nil {
		r.http = given(nothing)
	}
	if r.tftp == nil {
		r.tftp = givenTFTP(nothing)
	}
	t.s.mu.Lock()
	defer t.s.mu.Unlock()
	name := fmt.Sprintf("f%d", len(t.routes)+1)
	t.routes[name] = r
	t.fresh = append(t.fresh, name)
	return name
}

// url returns the address of a name by HTTP, tftp by TFTP.
func (t *trial) url(name string) string  { return t.s.url("http", t.place+"/"+name) }
func (t *trial) tftp(name string) string { return t.s.url("tftp", t.place+"/"+name) }

// home has the next visits home answered so; nil: with the profile again.
func (t *trial) home(a answer) {
	t.s.mu.Lock()
	defer t.s.mu.Unlock()
	t.s.home = a
	t.s.gen++
}

// await waits until held is true of the requests since the mark, and returns them. The mark
// stays.
func (t *trial) await(within time.Duration, held func([]request) bool) ([]request, bool) {
	if t.failed != nil {
		return nil, false
	}
	list, ok := t.s.server.until(t.ctx, t.mark, within, held)
	if err := t.ctx.Err(); err != nil {
		t.failed = err
		return list, false
	}
	return list, ok
}

// visit waits until the phone has come home and has taken all that was set, and returns
// that visit. What came before it counts as seen.
func (t *trial) visit() request {
	t.s.mu.Lock()
	gen := t.s.gen
	t.s.mu.Unlock()
	return t.comes(t.s.q.Patience, func(q request) bool { return q.place == "home" && q.gen >= gen && !q.ended.IsZero() })
}

// hasAny returns a question to several requests: whether the answer for one of them is yes.
func hasAny(held func(request) bool) func([]request) bool {
	return func(list []request) bool { return slices.ContainsFunc(list, held) }
}

// comes waits for a request, and counts what came before it as seen. A phone that does not
// come is gone.
func (t *trial) comes(within time.Duration, held func(request) bool) request {
	list, ok := t.await(within, hasAny(held))
	if !ok {
		t.gone(within)
		return request{}
	}
	i := slices.IndexFunc(list, held)
	t.mark += i + 1
	return list[i]
}

// gone ends the trial of a phone that stayed away.
func (t *trial) gone(within time.Duration) {
	if t.failed == nil {
		t.s.gone = true
		t.fail("the phone did not come back within %s", measure.Format(within))
	}
}

// ask has the phone follow a rule, and returns what it asked of the files that were served
// since the last ask; nothing where it came home twice and asked for none. The rule's text
// stands in a GPP parameter: macros in it are not expanded.
func (t *trial) ask(rule string) []request {
	t.set("GPP_"+t.letters.rule, rule)
	return t.watch()
}

// watch waits until the phone has taken what was set and has followed its rules.
func (t *trial) watch() []request {
	fresh := t.fresh
	t.fresh = nil
	t.visit()
	mine := func(q request) bool { return q.place == t.place && slices.Contains(fresh, q.name) }
	list, ok := t.await(t.s.q.Patience+aLongWait, func(list []request) bool { return followed(list, mine) })
	if !ok {
		t.gone(t.s.q.Patience + aLongWait)
		return nil
	}
	t.mark += len(list)
	return slices.DeleteFunc(list[:onePass(list, mine)], func(q request) bool { return !mine(q) })
}

// onePass returns how many of the requests belong to the pass in which the phone followed its
// rule first: in the next one it asks again.
func onePass(list []request, mine func(request) bool) int {
	asked := false
	for i, q := range list {
		asked = asked || mine(q)
		if asked && q.place == "home" {
			return i
		}
	}
	return len(list)
}

// followed reports whether the phone has followed its rules: it has asked for something, and
// has come home after that and been read, or it has come home twice.
func followed(list []request, mine func(request) bool) bool {
	asked, homes := false, 0
	for _, q := range list {
		switch {
		case mine(q):
			asked, homes = true, 0
		case q.place == "home":
			homes++
		case asked && homes > 0 && (q.place == "read" || q.place == "same"):
			return true
		}
	}
	return homes >= 2
}

// apply has the phone take a profile by HTTP, and returns what the parameter is afterwards
// that is read back: "before" where the file did not count. False: it was not asked for, or
// the value cannot be read.
func (t *trial) apply(file string) (value string, ok bool) {
	return t.applied(func(name string) string { return t.url(name) }, given(file))
}

// applied is apply with a rule around the file's name and an answer of the caller's.
func (t *trial) applied(rule func(name string) string, a answer) (value string, ok bool) {
	asked := follow(t, rule, a)
	if len(asked) == 0 {
		return "", false
	}
	return readAfter(t, asked[len(asked)-1])
}

// follow has the phone follow a rule around a file's name. The parameter that is read back
// is "before" until then.
func follow(t *trial, rule func(name string) string, a answer) []request {
	set, once := t.pairs([]string{"GPP_" + t.letters.rule, rule(t.serve(a))}), t.pairs([]string{"GPP_" + t.letters.read, "before"})
	t.s.want(set, once) // in one answer, so that no file of before comes in between
	return t.watch()
}

// read returns the parameter that is read back, as the phone said it last.
func (t *trial) read() (string, bool) { return readAfter(t, request{}) }

// readAfter returns it as the phone said it last after a request.
func readAfter(t *trial, after request) (string, bool) {
	if t.failed != nil {
		return "", false
	}
	for _, q := range slices.Backward(t.s.server.since(0)) {
		switch {
		case !q.at.After(after.at):
			return "", false
		case q.place == "read":
			return q.rest, true
		case q.place == "same":
			return t.s.wantedValue("GPP_" + t.letters.want), true
		}
	}
	return "", false
}

// profile returns a profile with the parameter that is read back and with what else is
// given, as XML text.
func (t *trial) profile(value, more string) string {
	return fmt.Sprintf("<flat-profile>\n<GPP_%s>%s</GPP_%s>\n%s</flat-profile>\n", t.letters.read, value, t.letters.read, more)
}

// listen serves connections at a TCP port of its own until the trial ends, and returns the
// port's address.
func (t *trial) listen(serve func(net.Conn)) netip.AddrPort {
	l, err := t.s.q.Network.Listen(0)
	if err != nil {
		t.fail("%w", err)
		return netip.AddrPort{}
	}
	t.s.server.works.Go(func() { t.s.server.accept(l, t.place, serve) })
	t.atEnd(func() { l.Close() })
	return addrOf(l.Addr())
}

// listenPacket opens a UDP port until the trial ends.
func (t *trial) listenPacket() net.PacketConn {
	c, err := t.s.q.Network.ListenPacket(0)
	if err != nil {
		t.fail("%w", err)
		return nil
	}
	t.atEnd(func() { c.Close() })
	return c
}

// deaf opens a TCP port that answers no SYN until the trial ends.
func (t *trial) deaf() netip.AddrPort {
	at, end, err := t.s.q.Network.Deaf()
	if err != nil {
		t.fail("%w", err)
		return netip.AddrPort{}
	}
	t.atEnd(end)
	return at
}

func (t *trial) atEnd(f func()) { t.cleanup = append(t.cleanup, f) }

// restart has the phone restart, by a comment in Profile_Rule_D: that is a parameter whose
// change restarts it (documented), and the comment does nothing. It returns the visit that
// took it and the next one, which may come of the start or, where the firmware does not
// resync then, of the period.
func (t *trial) restart() (last, first request) {
	last = t.starts()
	return last, t.comesHome()
}

// starts does so, and returns as soon as the phone has taken the comment. It keeps that until it
// gets its settings back: to take it away would restart it once more.
func (t *trial) starts() (last request) {
	t.boots = true
	t.s.count++
	comment := fmt.Sprintf("# %d", t.s.count)
	t.set("Profile_Rule_D", comment)
	if t.failed == nil {
		t.s.mu.Lock()
		t.s.base["Profile_Rule_D"] = comment
		t.s.mu.Unlock()
	}
	return t.visit()
}

// comesHome waits for the next visit home.
func (t *trial) comesHome() request {
	return t.comes(t.s.q.Patience, func(q request) bool { return q.place == "home" })
}

// homeAfter returns when the phone came home first after a request.
func (t *trial) homeAfter(q request) time.Time {
	h, _ := t.nextHome(q)
	return h.at
}

// nextHome returns the first visit home after a request that was seen; false where there is none
// yet.
func (t *trial) nextHome(q request) (request, bool) {
	for _, h := range t.s.server.since(0) {
		if h.place == "home" && h.at.After(q.at) {
			return h, true
		}
	}
	return request{}, false
}

// restarted reports whether the phone has restarted between two visits of a period: it says
// so, or it was away for longer.
func (t *trial) restarted(last, next request) bool {
	return next.booted() || next.at.Sub(last.at) > 2*usual(t, last)
}

// usual is how long it takes from one visit home to the next, by the shortest such time before
// a visit. On a slow network it is more than the pace, though not many times.
func usual(t *trial, before request) time.Duration {
	pace := t.s.q.Pace
	shortest := 4 * pace
	found := false
	var at time.Time
	for _, q := range t.s.server.since(0) {
		if q.place != "home" || q.at.After(before.at) {
			continue
		}
		if !at.IsZero() && q.at.Sub(at) >= pace {
			shortest, found = min(shortest, q.at.Sub(at)), true
		}
		at = q.at
	}
	if !found {
		return pace
	}
	return shortest
}

// power has the person unplug the phone, and returns the moment of power and the first visit
// after it.
func (t *trial) power() (at time.Time, first request) {
	t.boots = true
	t.idle()
	if t.failed != nil {
		return at, first
	}
	at, done := t.s.q.Person.Power(t.ctx)
	if !done {
		t.fail("the phone was not unplugged")
		return at, first
	}
	return at, t.comes(t.s.q.Patience+longestDelay, func(q request) bool { return q.booted() && !q.at.Before(at) })
}

// longestDelay is how long a phone that starts may wait for an experiment.
const longestDelay = 2 * time.Minute

// idle waits until the phone has taken what was set, and has nothing to do.
func (t *trial) idle() {
	t.visit()
	if t.s.value("any_change_reboots") == "yes" {
		t.comesHome()
	}
	t.await(2*time.Second, func([]request) bool { return false })
}

// order has the phone resync from a URL at once, by its web page.
func (t *trial) order(url string) {
	if t.failed != nil {
		return
	}
	if err := t.s.order(t.ctx, url); err != nil {
		t.fail("%w", err)
	}
}
