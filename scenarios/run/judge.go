package run

import (
	"slices"
	"sync"
	"time"

	"github.com/expr-lang/expr/vm"

	"spafleet/device"
	"spafleet/fleet"
	"spafleet/scenarios"
	"spafleet/scenarios/expression"
	"spafleet/scenarios/report"
)

// A judge receives the events and keeps, for each expectation, how many devices it
// holds for. An expectation is evaluated again only for the device that had an
// event, so the cost of an event does not depend on the number of devices.
type judge struct {
	fleet *fleet.Fleet
	seed  uint64
	start int64
	kinds map[string]int // event kinds that the scenario names: place in facts
	news  chan struct{}  // capacity 1: something changed

	mu           sync.Mutex
	facts        []facts               // by device's place; none where neither the scenario nor its server asks
	elements     []expression.Elements // by place; nil: no expression asks
	booted       []int64               // by place: when its firmware started, as seen last; nil: no expression asks
	expectations []*tracked
	bug          *bugJudge // nil: the scenario is about none
}

// facts is what a judge remembers of a device.
type facts struct {
	counts   []int
	last     []expression.Event
	resyncs  expression.Outcomes
	upgrades expression.Outcomes
	fetches  expression.Outcomes
	reboots  int
	synced   bool
	surely   bool // the last resync or upgrade failed, and lateness cannot have caused it
	err      string
	lost     string // why its last REGISTER failed, and where; "" once one is granted
	refused  string // why it refused the last NOTIFY; "" once it accepts one
	held     uint64 // expectations that hold, by number; latched ones held once; always and never: violated
}

// A tracked expectation is one under observation.
type tracked struct {
	*scenarios.Expectation
	number   int // its place with the judge: a scenario has no more than 64, as held is one word
	program  *vm.Program
	in       []bool // by device's place; nil: all
	devices  int
	shared   bool          // a number of devices of a fleet of which this process has a shard: the merge decides
	latched  bool          // a deadline: counts a device once it has held
	watching bool          // its time has begun
	after    time.Duration // of always and never: earlier events do not count
	count    int           // devices that it holds for now, or held once
	violated map[device.Index]violation
	timed    bool  // its expression asks for times
	aside    aside // devices that are not weighed yet
	decided  bool
	ok       bool
	at       time.Duration
	then     found // when it was decided
}

// found is what a judge finds out about the devices that an expectation speaks of.
type found struct {
	holding, failing report.Side
	lack             []report.Failing // the first devices that it fails for
	surely           bool             // it fails even if lateness of this machine is to blame where it can be
}

// holdsNow reports whether an expectation holds for the fleet as it is.
func (t *tracked) holdsNow() bool { return t.Quant.Holds(t.count, t.devices) }

// fails reports whether a device for which an expectation holds, or not, is one of
// those that it fails for.
func (t *tracked) fails(held bool) bool { return t.Quant.Fails(held, t.count, t.devices) }

// settle decides an expectation. Devices go on, and may be well again by the end of the
// run: what is said of them is of this moment.
func (j *judge) settle(t *tracked, ok bool, now time.Duration) {
	t.decided, t.ok, t.at = true, ok, now
	t.then = j.find(t)
}

// found returns what is to be said about the devices of an expectation: of those about
// all events, all that has happened.
func (j *judge) found(t *tracked) found {
	if t.decided && !t.Quant.EachEvent() {
		return t.then
	}
	return j.find(t)
}

// find looks at the devices as they are.
func (j *judge) find(t *tracked) found {
	f := found{lack: []report.Failing{}}
	f.holding.Surely, f.failing.Surely = j.surely(t, true), j.surely(t, false)
	if t.Quant.Counts() {
		f.holding.First = j.first(t, report.MostFailing, func(held bool) bool { return held })
		f.failing.First = j.first(t, report.MostFailing, func(held bool) bool { return !held })
	}
	if !t.ok {
		f.lack = j.first(t, report.MostFailing, t.fails)
		f.surely = t.Quant.FailsSurely(j.surely(t, t.fails(true)), t.count, t.devices)
	}
	return f
}

// device returns the device at a place of this process.
func (j *judge) device(place int) device.Index { return j.fleet.Shard().At(place) }

// of returns the facts of a device.
func (j *judge) of(dev device.Index) *facts { return &j.facts[j.fleet.Shard().Place(dev)] }

// concerns reports whether an expectation speaks of a device.
func (j *judge) concerns(t *tracked, dev device.Index) bool {
	return t.in == nil || t.in[j.fleet.Shard().Place(dev)]
}

// Tell receives events. Those of one device stand together and in order.
func (j *judge) Tell(events []device.Event) {
	if j.facts == nil {
		return
	}
	j.mu.Lock()
	for from := 0; from < len(events); {
		to := from + 1
		for to < len(events) && events[to].Dev == events[from].Dev {
			to++
		}
		if acts := events[from:to]; slices.ContainsFunc(acts, ofDevice) {
			j.receive(acts)
		}
		from = to
	}
	j.mu.Unlock()
	select {
	case j.news <- struct{}{}:
	default:
	}
}

// ofDevice reports whether an event is of interest: a late one says how busy this
// machine is, and others say why a device does what it does.
func ofDevice(e device.Event) bool { return e.Kind != device.Late && !e.Kind.Reason() }

func (j *judge) receive(events []device.Event) {
	dev := events[0].Dev
	f := j.of(dev)
	if len(j.expectations) == 0 && j.bug == nil { // the server's texts may still ask
		for i := range events {
			if ofDevice(events[i]) {
				j.note(f, &events[i], expression.EventOf(&events[i], j.start))
			}
		}
		return
	}
	w, timers := j.look(dev)
	for i := range events {
		if !ofDevice(events[i]) {
			continue
		}
		h := expression.EventOf(&events[i], j.start)
		j.note(f, &events[i], h)
		catchUp(w, f, h)
		j.catchUpElements(w, dev)
		timers.at(w, &events[i])
		j.bug.tell(j.fleet.Shard().Place(dev), w, h)
		for n, t := range j.expectations {
			switch {
			case t.Quant.EachEvent():
				j.event(n, t, dev, w, violation{h, !t.timed && !events[i].Slowness()})
			case t.latched: // what holds between two events counts, though they come together
				t.aside.arrived(dev, events[i].Kind)
				j.weigh(n, t, dev, w)
			}
		}
	}
	timers.keep()
	for n, t := range j.expectations {
		j.weigh(n, t, dev, w)
	}
}

// note remembers what an event says of its device.
func (j *judge) note(f *facts, e *device.Event, h expression.Event) {
	if at, ok := j.kinds[h.Kind]; ok {
		f.counts[at]++
		f.last[at] = h
	}
	switch e.Kind {
	case device.Boot:
		f.reboots++
		f.synced = false
	case device.PowerOff:
		f.synced = false
	case device.ResyncOK:
		f.resyncs.OK++
		f.synced, f.surely = true, false
	case device.ResyncFailed:
		f.resyncs.Failed++
		f.err, f.surely = e.Err, !e.Slowness()
	case device.UpgradeOK:
		f.upgrades.OK++
		f.surely = false
	case device.UpgradeFailed:
		f.upgrades.Failed++
		f.err, f.surely = e.Err, !e.Slowness()
	case device.RegistrationFailed:
		f.lost = e.Err + " at " + e.Text
	case device.Registered:
		f.lost = ""
	case device.NotifyFailed:
		f.refused = e.Err
	case device.Notify:
		f.refused = ""
	case device.Fetched:
		f.fetches.OK++
	case device.Applied:
		if j.elements != nil {
			c := &j.elements[j.fleet.Shard().Place(e.Dev)]
			c.Unknown, c.Rejected = c.Unknown+len(e.File.Unknown), c.Rejected+len(e.File.Rejected)
		}
	case device.FetchFailed:
		f.fetches.Failed++
		if e.File != nil && e.File.What == "customization" { // no other event tells
			f.err, f.surely = e.Err, !e.Slowness()
		}
	}
}

// catchUp brings the names of a device to the moment of an event.
func catchUp(w *expression.DeviceVars, f *facts, h expression.Event) {
	w.State, w.Elapsed = h.State, h.At
	w.Synced, w.Err, w.Reboots = f.synced, f.err, max(f.reboots-1, 0)
	w.Resyncs, w.Upgrades, w.Fetches = f.resyncs, f.upgrades, f.fetches
}

// event judges one event by an expectation about all events.
func (j *judge) event(n int, t *tracked, dev device.Index, w *expression.DeviceVars, h violation) {
	f, bit := j.of(dev), uint64(1)<<n
	if !t.watching || h.At < t.after || !j.concerns(t, dev) || f.held&bit != 0 {
		return
	}
	if holds := expression.Holds(t.program, expression.EventVars{DeviceVars: *w, Event: h.Event}); holds == (t.Quant.Form == "always") {
		return
	}
	f.held |= bit
	t.count--
	if len(t.violated) < mostViolations {
		t.violated[dev] = h
	}
}

// A violation is an event that an expectation about all events does not allow.
type violation struct {
	expression.Event
	surely bool // lateness of this machine cannot have caused it
}

// mostViolations is how many violations of an expectation are remembered.
const mostViolations = 1000

// weigh evaluates an expectation about a device's condition.
func (j *judge) weigh(n int, t *tracked, dev device.Index, w *expression.DeviceVars) {
	if t.Quant.EachEvent() || t.decided || !t.watching || !j.concerns(t, dev) {
		return
	}
	f, bit := j.of(dev), uint64(1)<<n
	had := f.held&bit != 0
	if t.aside.devices[dev] || had && t.latched {
		return
	}
	has := expression.Holds(t.program, *w)
	switch {
	case has && !had:
		f.held |= bit
		t.count++
	case !has && had:
		f.held &^= bit
		t.count--
	}
}

// watch begins an expectation's time: everything is weighed once.
func (j *judge) watch(n int, after time.Duration) {
	j.mu.Lock()
	defer j.mu.Unlock()
	t := j.expectations[n]
	t.watching, t.after = true, after
	if t.Quant.EachEvent() {
		t.count = t.devices
	}
	j.weighAll(n)
}

// weighAll looks at every device: some of what a condition may ask (a hook, a
// parameter set by a step, the time) changes without an event.
func (j *judge) weighAll(n int) {
	t := j.expectations[n]
	if t.Quant.EachEvent() {
		return
	}
	for place := range j.facts {
		if dev := j.device(place); j.concerns(t, dev) {
			j.weigh(n, t, dev, j.vars(dev))
		}
	}
}

// reweigh looks at some devices again.
func (j *judge) reweigh(devices []device.Index) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, dev := range devices {
		w := j.vars(dev)
		for n, t := range j.expectations {
			j.weigh(n, t, dev, w)
		}
	}
}

// catchUpElements brings the counts of elements to the moment of an event.
func (j *judge) catchUpElements(w *expression.DeviceVars, dev device.Index) {
	if j.elements != nil {
		w.Params = j.elements[j.fleet.Shard().Place(dev)]
	}
}

// vars returns what expressions see of a device now.
func (j *judge) vars(dev device.Index) *expression.DeviceVars {
	w, _ := j.look(dev)
	return w
}

// look is vars, with what brings the times among it to the moment of an event.
func (j *judge) look(dev device.Index) (*expression.DeviceVars, timers) {
	f := j.of(dev)
	w := &expression.DeviceVars{Who: expression.Who{Index: int(dev)}, Events: j.counter(f), Last: j.latest(f)}
	v, _ := j.fleet.View(dev)
	w.Look(&v, j.fleet.Group(dev).Name, j.seed)
	w.Elapsed = time.Duration(v.Now - j.start)
	catchUp(w, f, expression.Event{State: w.State, At: w.Elapsed})
	j.catchUpElements(w, dev)
	t := timers{booted: v.Booted, due: v.Due, answers: v.Answers()}
	if j.booted != nil {
		t.before = &j.booted[j.fleet.Shard().Place(dev)]
	}
	return w, t
}

func (j *judge) counter(f *facts) func(string) int {
	return func(kind string) int {
		if at, ok := j.kinds[kind]; ok {
			return f.counts[at]
		}
		return 0
	}
}

func (j *judge) latest(f *facts) func(string) expression.Event {
	return func(kind string) expression.Event {
		if at, ok := j.kinds[kind]; ok {
			return f.last[at]
		}
		return expression.Event{}
	}
}

// surely returns how many of the devices that an expectation holds for, or not, have
// failed for a reason that lateness of this machine cannot cause.
func (j *judge) surely(t *tracked, held bool) (n int) {
	if t.Quant.EachEvent() {
		for _, v := range t.violated {
			if v.surely && !held {
				n++
			}
		}
		return n
	}
	for place := range j.facts {
		f := &j.facts[place]
		if f.surely && (f.held&(1<<t.number) != 0) == held && j.concerns(t, j.device(place)) {
			n++
		}
	}
	return n
}

// first returns the first devices that an expectation holds for, or not, as wanted
// says; of always and never, those that violated it.
func (j *judge) first(t *tracked, most int, wanted func(held bool) bool) []report.Failing {
	list := []report.Failing{}
	for place := range j.facts {
		if len(list) == most {
			break
		}
		dev := j.device(place)
		if !j.concerns(t, dev) {
			continue
		}
		why := ""
		if t.Quant.EachEvent() {
			h, violated := t.violated[dev]
			if !violated {
				continue
			}
			why = "at " + h.At.Round(time.Millisecond).String() + ": " + h.Kind
		} else if !wanted(j.facts[place].held&(1<<t.number) != 0) {
			continue
		}
		list = append(list, j.describe(dev, why))
	}
	return list
}

// describe says which device this is, and its state.
func (j *judge) describe(dev device.Index, why string) report.Failing {
	v, _ := j.fleet.View(dev)
	f := j.of(dev)
	if why == "" {
		why = v.State.String()
		switch {
		case !v.Powered:
			why += ", without power"
		case v.Booting:
			why += ", booting"
		}
		if f.err != "" {
			why += ", last failure: " + f.err
		}
		if f.lost != "" {
			why += ", not registered: " + f.lost
		}
		if f.refused != "" {
			why += ", refused a NOTIFY: " + f.refused
		}
		if v.Due > v.Now {
			why += ", next in " + time.Duration(v.Due-v.Now).Round(time.Second).String()
		}
	}
	return report.Failing{MAC: v.Unit.MAC.String(), Index: int(dev), Model: v.Unit.Row.Model.Name, Why: why}
}

// newJudge returns the judge of a fleet.
func newJudge(p *scenarios.Plan, f *fleet.Fleet) *judge {
	j := &judge{fleet: f, bug: newBugJudge(p, f), seed: p.Scenario.Seed, kinds: map[string]int{}, news: make(chan struct{}, 1)}
	for kind := range p.Kinds {
		j.kinds[kind] = len(j.kinds)
	}
	if p.Watches() {
		j.facts = make([]facts, f.Len())
	}
	if p.Names[expression.Costly.Params] {
		j.elements = make([]expression.Elements, len(j.facts))
	}
	if p.Names[expression.Costly.Uptime] {
		j.booted = make([]int64, len(j.facts))
	}
	for i := range j.facts {
		j.facts[i].counts, j.facts[i].last = make([]int, len(j.kinds)), make([]expression.Event, len(j.kinds))
	}
	return j
}

// track begins to follow an expectation. A latched one counts a device once it has
// held.
func (j *judge) track(p *scenarios.Plan, e *scenarios.Expectation, latched bool) *tracked {
	t := &tracked{Expectation: e, program: p.Program(e), latched: latched, violated: map[device.Index]violation{}, timed: expression.AsksTime(e.Expr)}
	t.shared = e.Quant.Counts() && j.fleet.Shard().Others()
	t.number = len(j.expectations)
	j.expectations = append(j.expectations, t)
	names, _ := p.GroupNames(e.Of)
	if names == nil {
		t.devices = j.fleet.Len()
		return t
	}
	t.in = make([]bool, j.fleet.Len())
	for place := range t.in {
		if slices.Contains(names, j.fleet.Group(j.device(place)).Name) {
			t.in[place] = true
			t.devices++
		}
	}
	return t
}
