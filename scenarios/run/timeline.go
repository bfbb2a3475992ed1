package run

import (
	"cmp"
	"context"
	"math"
	"slices"
	"time"

	"spafleet/device"
	"spafleet/fleet"
	"spafleet/scenarios"
	"spafleet/scenarios/tally"
)

// A timeline makes the steps of a scenario happen, and decides its expectations.
type timeline struct {
	plan     *scenarios.Plan
	fleet    *fleet.Fleet
	judge    *judge
	server   *server
	faults   *disturbances
	tally    *tally.Tally
	commands *commands
	order    func(device.Index, device.Command) // how devices are commanded
	start    int64                              // fleet time

	when     []*tracked // by step; nil: it happens at an instant
	expect   []*tracked
	fired    []time.Duration // by step: the first time; -1: not yet
	times    []int           // by step: how often it has happened
	people   map[string]int  // what browsers and callers came to, by what a note says of it
	reached  []int           // by step: devices that it chose
	met      []bool          // by step: it chose one, whenever it happened
	missed   []bool          // by step: its deadline passed
	course   course
	deferred []deferred // by time
	quiet    []quiet
	web      bool // the devices' web pages may command them
	wan      bool // browsers reach routers on their WAN side
	idle     bool // it ended because nothing was left to happen
	aborts   aborts
	vain     time.Duration // when it gave up a goal that has no deadline; 0: it did not
}

// A course is how far a timeline is, for who asks meanwhile. It is guarded by judge.mu.
type course struct {
	happened []happened // named steps
	next     Upcoming
}

// happened is a named step, and when it happened first.
type happened struct {
	name string
	at   time.Duration
}

// newTimeline follows the expectations of a scenario.
func newTimeline(p *scenarios.Plan, f *fleet.Fleet, j *judge, s *server, d *disturbances) *timeline {
	t := &timeline{plan: p, fleet: f, judge: j, server: s, faults: d}
	steps := p.Scenario.Timeline
	for i := range steps {
		var w *tracked
		if e := steps[i].When; e != nil {
			w = j.track(p, e, false)
		}
		t.when = append(t.when, w)
		t.fired = append(t.fired, -1)
	}
	t.reached, t.missed, t.times, t.met = make([]int, len(steps)), make([]bool, len(steps)), make([]int, len(steps)), make([]bool, len(steps))
	t.people = map[string]int{}
	for i := range p.Scenario.Expect {
		e := &p.Scenario.Expect[i]
		t.expect = append(t.expect, j.track(p, e, e.By.Given && e.Quant.Form != "none"))
	}
	return t
}

// begin starts the time of the expectations that do not wait for a step, and the
// faults that are there before any device can act.
func (t *timeline) begin() {
	t.judge.begin(t.start)
	for _, e := range t.when {
		if e != nil {
			t.judge.watch(e.number, 0)
		}
	}
	for _, e := range t.expect {
		if from := e.Since(); from.Step == "" {
			after, _ := t.moment(from)
			t.judge.watch(e.number, after)
		}
	}
	startAborts(t)
	t.startInitialFaults()
}

func (t *timeline) startInitialFaults() {
	for i := range t.plan.Scenario.Timeline {
		s := &t.plan.Scenario.Timeline[i]
		if at, known := t.plan.Known(s.At); s.Fault != nil && s.When == nil && known && at == 0 {
			t.fire(i, 0)
		}
	}
}

// run makes the steps happen and decides the expectations, until the scenario is
// over or ctx ends.
func (t *timeline) run(ctx context.Context) {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for ctx.Err() == nil {
		now := t.elapsed()
		if t.tick(ctx, now) {
			return
		}
		wait := time.Hour
		if by, ok := t.onlyDevices(); ok {
			if t.fleet.Idle(ctx, t.start+int64(by)) && !t.tick(ctx, t.elapsed()) {
				t.idle = true
				return
			}
			wait = idleEvery
		}
		if at, ok := t.nextMoment(now); ok {
			wait = min(wait, time.Duration(float64(at-now)/t.plan.Scenario.Clock.Pace())+time.Millisecond)
		}
		if len(t.quiet) > 0 {
			wait = min(wait, quietEvery)
		}
		timer.Reset(wait)
		select {
		case <-t.judge.news:
		case <-timer.C:
		case <-ctx.Done():
		}
	}
}

// idleEvery is how often to look whether anything can still happen.
const idleEvery = 200 * time.Millisecond

// onlyDevices returns until when the scenario waits, where nothing but what the
// devices do by themselves can decide it: no step is left, nobody else commands
// devices, and no expectation asks for the time.
func (t *timeline) onlyDevices() (until time.Duration, only bool) {
	s := t.plan.Scenario
	if t.web || t.commands.running() || len(t.deferred) > 0 || len(t.quiet) > 0 || len(t.expect) == 0 || s.Duration > 0 && !s.Brief {
		return 0, false
	}
	for i := range t.fired {
		if t.fired[i] < 0 && !t.missed[i] {
			return 0, false
		}
	}
	for _, e := range t.expect {
		by := e.By
		if e.At.Given {
			by = e.At
		}
		at, known := t.moment(by)
		if e.decided {
			continue
		}
		if !e.watching || e.timed || !by.Given || !known {
			return 0, false
		}
		until = max(until, at)
	}
	return until, until > 0
}

// tick does what is due now, and reports whether the scenario is over.
func (t *timeline) tick(ctx context.Context, now time.Duration) (over bool) {
	t.fireDue(ctx, now)
	t.doDeferred(now)
	for t.settleQuiet(now) && t.plan.Scenario.Clock.Jumps() { // it is all there already
		t.fireDue(ctx, now)
	}
	t.decide(now)
	t.foresee(now)
	return t.over(now) || abort(t, now)
}

// foresee notes the step that happens next, as far as that is known.
func (t *timeline) foresee(now time.Duration) {
	var next Upcoming
	for i := range t.fired {
		s := &t.plan.Scenario.Timeline[i]
		if at, known := t.moment(s.At); s.When == nil && t.fired[i] < 0 && known && at > now && (next.Step == "" || at < next.At) {
			next = Upcoming{Step: cmp.Or(s.Name, s.Action), At: at}
		}
	}
	t.judge.mu.Lock()
	defer t.judge.mu.Unlock()
	t.course.next = next
}

func (t *timeline) elapsed() time.Duration { return time.Duration(t.fleet.Now() - t.start) }

// moment returns when an instant is; false where its step has not happened.
func (t *timeline) moment(i scenarios.Instant) (time.Duration, bool) {
	if i.End {
		return t.plan.Scenario.Duration, t.plan.Scenario.Duration > 0
	}
	if i.Step == "" {
		return i.Plus, true
	}
	at := t.fired[t.place(i.Step)]
	return at + i.Plus, at >= 0
}

// place returns the place of a step that the plan knows.
func (t *timeline) place(name string) int {
	at, _ := t.plan.Step(name)
	return at
}

// fireDue fires the steps whose moment has come, in file order.
func (t *timeline) fireDue(ctx context.Context, now time.Duration) {
	for ctx.Err() == nil {
		i := t.dueStep(now)
		if i < 0 {
			return
		}
		t.fire(i, now)
	}
}

// dueStep returns the step that happens next, the earlier in the file where two
// are due at once, -1 for none. One step may make another due, wherever it stands.
func (t *timeline) dueStep(now time.Duration) int {
	due, first := -1, time.Duration(0)
	for i := range t.plan.Scenario.Timeline {
		if t.fired[i] >= 0 || t.missed[i] {
			continue
		}
		if at, is := t.dueAt(i, now); is && (due < 0 || at < first) {
			due, first = i, at
		}
	}
	return due
}

// dueAt returns since when a step is due. It gives up a when whose deadline is
// over.
func (t *timeline) dueAt(i int, now time.Duration) (time.Duration, bool) {
	s := &t.plan.Scenario.Timeline[i]
	if s.When == nil {
		at, known := t.moment(s.At)
		return at, known && at <= now
	}
	by, known := t.moment(s.Deadline())
	if t.ripe(t.when[i]) {
		return now, true
	}
	t.missed[i] = known && now >= by
	return 0, false
}

// ripe reports whether what a step waits for is so.
func (t *timeline) ripe(e *tracked) bool {
	t.judge.mu.Lock()
	defer t.judge.mu.Unlock()
	return e.holdsNow()
}

// over reports whether nothing is left to wait for.
func (t *timeline) over(now time.Duration) bool {
	d := t.plan.Scenario.Duration
	if d > 0 && now >= d {
		return true
	}
	if at, has := patience(t); has && now >= at {
		t.vain = now
		return true
	}
	if d > 0 && !t.plan.Scenario.Brief || len(t.expect) == 0 && len(t.fired) == 0 {
		return false
	}
	for i := range t.fired {
		if t.fired[i] < 0 && !t.missed[i] && !t.hopeless(i) {
			return false
		}
	}
	if slices.ContainsFunc(t.deferred, t.holds) || t.commands.running() {
		return false
	}
	t.judge.mu.Lock()
	defer t.judge.mu.Unlock()
	for _, e := range t.expect {
		if !e.decided && e.open() && (e.watching || !t.unreachable(e)) {
			return false
		}
	}
	return true
}

// holds reports whether the run goes on for what a step has left to do. The end of a
// fault or of a changed server, and what is repeated to the end, are no reason to.
func (t *timeline) holds(c deferred) bool {
	s := &t.plan.Scenario.Timeline[c.step]
	if c.again {
		return s.Times > 0
	}
	return s.Fault == nil && s.Action != "server"
}

// hopeless reports whether a step waits for one that will not happen.
func (t *timeline) hopeless(i int) bool {
	step := t.plan.Scenario.Timeline[i].Awaits()
	if step == "" {
		return false
	}
	at := t.place(step)
	return t.missed[at] || t.fired[at] < 0 && t.hopeless(at) // no circle: the plan has looked
}

// unreachable reports whether an expectation waits for a step that will not happen.
func (t *timeline) unreachable(e *tracked) bool {
	step := e.Since().Step
	if step == "" {
		return false
	}
	at := t.place(step)
	return t.fired[at] < 0 && (t.missed[at] || t.hopeless(at))
}

// nextMoment returns when to look again if no news comes; false for never.
func (t *timeline) nextMoment(now time.Duration) (next time.Duration, ok bool) {
	next = math.MaxInt64
	if len(t.deferred) > 0 {
		next = t.deferred[0].at
	}
	consider := func(i scenarios.Instant) {
		if at, known := t.moment(i); i.Given && known && at > now {
			next = min(next, at)
		}
	}
	for i := range t.plan.Scenario.Timeline {
		consider(t.plan.Scenario.Timeline[i].At)
		consider(t.plan.Scenario.Timeline[i].By)
	}
	for i := range t.plan.Scenario.Expect {
		consider(t.plan.Scenario.Expect[i].By)
		consider(t.plan.Scenario.Expect[i].At)
	}
	if at, has := patience(t); has && at > now {
		next = min(next, at)
	}
	if t.plan.Scenario.Duration > now {
		next = min(next, t.plan.Scenario.Duration)
	}
	if at := t.aborts.next; at > now {
		next = min(next, at)
	}
	return next, next != math.MaxInt64
}
